// A client's end of a connection to the mail server, in reads of a size that the test chooses.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <marline/protocols/smtp/smtp_factory.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/io_pump.hpp>

#include <test/protocols/smtp/recorded_mail.hpp>

namespace marline::smtp {

class SmtpServerTest : public testing::TestCase, public ::testing::WithParamInterface<std::size_t> {
protected:
    /// Connects with what options_ hold, which are used up.
    void connect() {
        client_ = makeRef<testing::AccumulatingProtocol>();
        const auto factory = makeRef<SmtpFactory>(
            clock_, delivery_, std::exchange(options_, SmtpOptions{.host = "mail.test"}));
        pump_ = std::make_unique<testing::IoPump>(client_, factory->buildProtocol({}),
                                                  testing::IoPumpOptions{.chunk = GetParam()});
        greeting_ = flush();
    }
    /// What the server says to that.
    std::string say(std::string_view text) {
        client_->write(text);
        return flush();
    }
    std::string flush() {
        pump_->flush();
        return client_->take();
    }
    /// The codes of answers, with a `-` where one goes on.
    static std::string codes(const std::string& answers) {
        std::string all;
        for (std::size_t at = 0; at < answers.size(); at = answers.find('\n', at) + 1) {
            all += answers.substr(at, 4);
        }
        while (all.ends_with(' ')) {
            all.pop_back();
        }
        return all;
    }

    testing::Clock clock_;
    Ref<RecordingDelivery> delivery_ = makeRef<RecordingDelivery>();
    SmtpOptions options_{.host = "mail.test"};
    Ref<testing::AccumulatingProtocol> client_;
    std::unique_ptr<testing::IoPump> pump_;
    std::string greeting_;
};

}  // namespace marline::smtp
