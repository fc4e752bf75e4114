#include <test/protocols/http/transcript.hpp>

#include <algorithm>
#include <memory>

namespace marline::http::testing {

std::span<const std::byte> bytesOf(std::string_view text) noexcept {
    return std::as_bytes(std::span(text));
}

std::string_view textOf(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace {

void addFields(std::string& out, std::span<const FieldView> fields) {
    for (const FieldView& field : fields)
        out.append("  ").append(field.name).append("=").append(field.value).append("\n");
}

void addCommon(std::string& out, const auto& head) {
    out += " version=" + std::to_string(static_cast<int>(head.version));
    out += " framing=" + std::to_string(static_cast<int>(head.framing));
    out += " length=" + std::to_string(head.contentLength);
    out += head.keepAlive ? " keep" : " close";
    out.append(" upgrade=").append(head.upgrade).append("\n");
    addFields(out, head.fields);
}

void addHead(Transcript& to, const RequestHead& head) {
    to.summary += to.summary.empty() ? "" : " ";
    to.summary.append(head.method).append(" ").append(head.target).append("{");
    to.details.append(head.method).append(" ").append(head.target);
    to.details.append(" authority=").append(head.authority);
    to.details += " form=" + std::to_string(static_cast<int>(head.form));
    to.details += " expect=" + std::to_string(static_cast<int>(head.expectation));
    addCommon(to.details, head);
}

void addHead(Transcript& to, const ResponseHead& head) {
    to.summary += to.summary.empty() ? "" : " ";
    to.summary += std::to_string(head.code) + "{";
    to.details += std::to_string(head.code);
    to.details.append(" ").append(head.phrase);
    addCommon(to.details, head);
}

/// Pulls events out of `input` until the parser wants more or stops for good.
template <class Parser, class OnEnd>
bool pull(Parser& parser, std::span<const std::byte>& input, Transcript& to, OnEnd onEnd) {
    for (;;) {
        switch (parser.next(input)) {
        case WireEvent::NeedData:
            if (!input.empty())
                to.problem += "NeedData although input is left; ";
            return true;
        case WireEvent::Head: addHead(to, parser.head()); break;
        case WireEvent::Informational:
            addHead(to, parser.head());
            to.summary.pop_back();
            to.summary += "()";
            break;
        case WireEvent::Body:
            if (parser.body().empty())
                to.problem += "an empty piece of body; ";
            to.summary += textOf(parser.body());
            break;
        case WireEvent::End:
            to.summary += "}";
            addFields(to.details, parser.trailers());
            onEnd();
            break;
        case WireEvent::Done: to.summary += "."; return false;
        case WireEvent::Failed: to.reason = parser.reason(); return false;
        }
    }
}

template <class Parser, class OnEnd>
Transcript transcribe(Parser& parser, const Reads& reads, OnEnd onEnd) {
    Transcript to;
    bool reading = true;
    for (const std::string_view read : reads) {
        if (!reading) {
            to.left += read;
            continue;
        }
        const auto copy = std::make_unique<std::byte[]>(read.size());
        std::copy_n(bytesOf(read).data(), read.size(), copy.get());
        std::span<const std::byte> input(copy.get(), read.size());
        reading = pull(parser, input, to, onEnd);
        // Where the input stood when it was refused may depend on the cut; what is behind a
        // message that closed the connection may not.
        if (!reading && to.reason == ParseReason::None)
            to.left += textOf(input);
    }
    if (to.reason != ParseReason::None)
        to.left.clear();
    to.eof = parser.eof();
    return to;
}

}  // namespace

Transcript requestTranscript(const Reads& reads, const WireLimits& limits) {
    RequestParser parser(limits);
    return transcribe(parser, reads, [] {});
}

Transcript responseTranscript(const Reads& reads, const Asked& asked, const WireLimits& limits) {
    ResponseParser parser(limits);
    std::size_t next = 0;
    bool open = true;
    const auto expectNext = [&] {
        if (open && next < asked.methods.size()) {
            parser.expectResponse(asked.methods[next], asked.upgradeOffered);
            ++next;
        }
    };
    expectNext();
    return transcribe(parser, reads, [&] {
        std::span<const std::byte> nothing;
        open = parser.next(nothing) != WireEvent::Done;
        expectNext();
    });
}

}  // namespace marline::http::testing
