// ServerWire: a site and one connection to it, in memory.
#pragma once

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http::test {

/// One connection to a site. Date fields are written as `Date: D` in what it gives.
class ServerWire {
public:
    explicit ServerWire(Ref<Resource> root, SiteOptions options = {});
    /// Every request is answered by `handler`.
    explicit ServerWire(UniqueFunction<Rendered(Request&)> handler, SiteOptions options = {});
    ~ServerWire();

    /// Brings bytes from the client, as a transport would: not while it is paused or ending.
    void send(std::string_view bytes);
    /// The client goes away.
    void disconnect();
    /// The client ends its stream.
    void endInput() { protocol_->readConnectionLost(); }

    /// What the server has written since the last call.
    std::string take();
    /// send(), then take().
    std::string exchange(std::string_view bytes);

    testing::StringTransport& transport() { return transport_; }
    testing::Clock& clock() { return clock_; }
    Site& site() { return *site_; }
    bool connected() const { return connected_; }

private:
    testing::Clock clock_{std::chrono::hours(1)};
    testing::StringTransport transport_;
    Ref<Site> site_;
    Ref<IProtocol> protocol_;
    bool connected_ = true;
};

/// The answer to a request on a connection of its own, whose client takes all that is produced.
std::string wholeAnswer(const Ref<Resource>& root, const std::string& line,
                        const std::string& fields);

/// `response` with the value of each Date field replaced by `D`.
std::string withoutDates(std::string response);

/// Sends `input` to a fresh server whole, byte by byte, and cut in two at every place; the answer
/// must be `expected` each time.
void expectEveryWay(const std::function<Ref<Resource>()>& root, std::string_view input,
                    std::string_view expected);

/// A test that hears what is logged, and fails when a Failure goes unhandled.
class ServerTest : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    /// What was logged at Error and above, one message a line, since the start.
    static const std::string& errors();
    /// What was logged at Info.
    static const std::string& notes();
};

}  // namespace marline::http::test
