// Fuzzes the receivers of frames: whatever comes, in whatever reads, gives the same frames within
// the limits.
#include <string>

#include <marline/protocols/int_n_string_receiver.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/netstring_receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;

/// Notes frames; one that begins with `p` pauses, as a consumer might.
template <class Receiver>
class Noting final : public Receiver {
public:
    void note(std::string_view frame) {
        marline::testing::demand(frame.size() <= this->maxLength(), "maxLength()");
        text.append(frame).append("|");
        if (frame.starts_with('p')) {
            this->pauseProducing();
        }
    }
    void lineReceived(std::string_view line) { note(line); }
    void stringReceived(std::string_view string) { note(string); }

    std::string text;
};

/// Lines, and after a line `rN` N raw bytes.
class NotingLines final : public LineReceiver {
public:
    void lineReceived(std::string_view line) override {
        marline::testing::demand(line.size() <= maxLength(), "maxLength()");
        text.append(line).append("|");
        if (line.size() == 2 && line[0] == 'r') {
            left_ = static_cast<unsigned char>(line[1]);
            setRawMode();
        }
    }
    void rawDataReceived(std::span<const std::byte> data) override {
        const std::size_t ours = std::min(left_, data.size());
        text += asText(data.first(ours));
        left_ -= ours;
        if (left_ == 0) {
            setLineMode(data.subspan(ours));
        }
    }

    std::string text;

private:
    std::size_t left_ = 0;
};

template <class P>
void check(marline::testing::Chooser input) {
    const unsigned limit = input.takeByte();
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed, [&](const std::vector<std::string_view>& reads) {
            testing::StringTransport transport;
            const auto protocol = makeRef<P>();
            protocol->setMaxLength(limit % 2 == 0 ? 99999 : limit / 8);
            protocol->makeConnection(transport);
            for (const std::string_view read : reads) {
                if (transport.disconnecting()) {
                    break;
                }
                marline::testing::deliver(*protocol, read);
                while (protocol->paused()) {
                    protocol->resumeProducing();
                }
            }
            std::string text = protocol->text;
            text += transport.disconnecting() ? "closed" : "open " + protocol->takeUnparsed();
            transport.disconnect();
            protocol->connectionLost(ConnectionDone());
            return text;
        });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    switch (input.takeByte() % 6) {
    case 0: check<NotingLines>(input); break;
    case 1: check<Noting<NetstringReceiver>>(input); break;
    case 2: check<Noting<Int8StringReceiver>>(input); break;
    case 3: check<Noting<Int16StringReceiver>>(input); break;
    case 4: check<Noting<LineOnlyReceiver>>(input); break;
    default: check<Noting<Int32StringReceiver>>(input); break;
    }
    return 0;
}
