// An agent whose answers the test writes, for the tests of agents that wrap others.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/iagent.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/scripted_endpoint.hpp>

namespace marline::testing {

/// Remembers each request, and answers it with the next of the texts it was given, as a server
/// would write them; a request beyond them waits for what the test sends on its connection.
class ScriptedAgent final : public IAgent {
public:
    struct Seen {
        std::string method;
        std::string uri;
        http::Headers headers;
        Ref<IBodyProducer> body;
        std::unique_ptr<ScriptedConnection> connection;

        /// What is sent as `name`, all of it: values are joined by ` | `.
        std::string field(std::string_view name) const {
            std::string all;
            for (const std::string_view value : headers.getRawHeaders(name)) {
                all.append(all.empty() ? "" : " | ").append(value);
            }
            return all;
        }
    };

    /// The next answer.
    ScriptedAgent& answer(std::string text) {
        answers_.emplace_back(std::move(text));
        return *this;
    }
    /// The next request fails at once.
    ScriptedAgent& refuse(Failure why) {
        answers_.emplace_back(std::move(why));
        return *this;
    }
    /// Drops the answers that nobody asked for.
    void dropAnswers() { answers_.clear(); }
    std::size_t requests() const noexcept { return seen_.size(); }
    Seen& operator[](std::size_t i) { return seen_.at(i); }
    Seen& last() { return seen_.back(); }

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        seen_.push_back({std::string(method), uri.toString(), headers, body,
                         std::make_unique<ScriptedConnection>()});
        ScriptedConnection& peer = *seen_.back().connection;
        Result<std::string> text = std::string();
        if (!answers_.empty()) {
            text = std::move(answers_.front());
            answers_.pop_front();
        }
        if (!text.ok()) {
            return fail<Response>(text.failure());
        }
        auto connection = makeRef<detail::HttpConnection>(
            clock, std::make_shared<const detail::ExchangeLimits>());
        peer.connect(connection);
        Deferred<Response> response = connection->request(
            makeRef<detail::Exchange>(method, uri, std::string("R"), std::move(body)));
        peer.send(text.value());
        return response;
    }

    /// Ends every connection, so that nothing stays alive behind a test.
    void closeAll() {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            seen_[i].connection->lose();
        }
    }

    Clock clock;

private:
    std::deque<Result<std::string>> answers_;
    std::deque<Seen> seen_;
};

/// A ScriptedAgent inside whatever the test wraps around it.
class ScriptedAgentHandle final : public AgentHandle {
public:
    explicit ScriptedAgentHandle(const Ref<ScriptedAgent>& agent)
        : AgentHandle(Ref<IAgent>(agent.get())) {}
};

/// A response with a body of known length; `fields` end with CRLF each.
inline std::string reply(const std::string& status, const std::string& fields = "",
                         const std::string& body = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           fields + "\r\n" + body;
}

}  // namespace marline::testing
