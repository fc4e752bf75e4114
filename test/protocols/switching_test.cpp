// One protocol after another on a connection.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>
#include <test/support/memory_pipe.hpp>
#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

/// Hands its connection to `next` at the string `lines`.
class Negotiation final : public NetstringReceiver {
public:
    Negotiation(Ref<IProtocol> next, Frames& got) : next_(std::move(next)), got_(got) {}

private:
    void stringReceived(std::string_view string) override {
        got_.emplace_back(string);
        if (string == "lines") {
            ITransport& connection = *transport();
            const std::string rest = takeUnparsed();
            const Ref<IProtocol> self = connection.switchProtocol(next_);
            next_->makeConnection(connection);
            feed(*next_, rest);
        }
    }

    Ref<IProtocol> next_;
    Frames& got_;
};

// B-21: a callback hands the connection and the bytes that are not parsed to another protocol;
// they are not parsed again, and the first protocol may go at once.
TEST(FrameReceiver, handsItsConnectionOver) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, MemoryPipe::kWhole}) {
        Frames got;
        auto lines = makeRef<Lines>();
        MemoryPipe pipe(chunk);
        pipe.connect(makeRef<RecordingProtocol>(), makeRef<Negotiation>(lines, got));
        pipe.client.write(asBytes("2:ab,5:lines,3:not,\r\nsecond\r\n"));
        pipe.run();
        EXPECT_EQ(got, (Frames{"ab", "lines"})) << chunk;
        EXPECT_EQ(lines->got, (Frames{"3:not,", "second"})) << chunk;
    }
}

}  // namespace
}  // namespace marline::testing
