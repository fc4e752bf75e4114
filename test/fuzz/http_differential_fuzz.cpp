// Compares RequestParser with llhttp: whatever we take for a request, llhttp must read as the same
// request, or refuse it for a reason we know to be harmless. The other way round we may be, and
// are, stricter.
#include <llhttp/llhttp.h>

#include <marline/protocols/http/request_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = marline::http;

/// One request as either parser saw it.
struct Seen {
    std::string method;
    std::string target;
    std::string body;
    std::vector<std::string> fields;  ///< Names and values in turn, trailers included.
    bool complete = false;

    friend bool operator==(const Seen&, const Seen&) = default;
};

void addFields(Seen& to, std::span<const http::FieldView> fields) {
    for (const http::FieldView& field : fields) {
        to.fields.emplace_back(field.name);
        to.fields.emplace_back(field.value);
    }
}

std::vector<Seen> readWithOurs(std::span<const std::byte> input) {
    std::vector<Seen> seen;
    http::RequestParser parser;
    for (;;) {
        switch (parser.next(input)) {
        case http::WireEvent::Head:
            seen.emplace_back();
            seen.back().method = parser.head().method;
            seen.back().target = parser.head().target;
            addFields(seen.back(), parser.head().fields);
            // From here the bytes may belong to another protocol; llhttp stops as well.
            if (parser.head().form == http::TargetForm::Authority || !parser.head().upgrade.empty())
                return seen;
            break;
        case http::WireEvent::Body:
            seen.back().body.append(reinterpret_cast<const char*>(parser.body().data()),
                                    parser.body().size());
            break;
        case http::WireEvent::End:
            addFields(seen.back(), parser.trailers());
            seen.back().complete = true;
            break;
        default: return seen;
        }
    }
}

/// What llhttp saw, and why it stopped.
struct Theirs {
    std::vector<Seen> seen;
    bool inValue = true;
    llhttp_errno error = HPE_OK;
};

Theirs& theirsOf(llhttp_t* parser) { return *static_cast<Theirs*>(parser->data); }

int messageBegin(llhttp_t* parser) {
    theirsOf(parser).seen.emplace_back();
    theirsOf(parser).inValue = true;
    return 0;
}

int append(std::string& to, const char* at, std::size_t length) {
    to.append(at, length);
    return 0;
}

int fieldName(llhttp_t* parser, const char* at, std::size_t length) {
    Theirs& theirs = theirsOf(parser);
    std::vector<std::string>& fields = theirs.seen.back().fields;
    if (theirs.inValue)
        fields.insert(fields.end(), 2, std::string());
    theirs.inValue = false;
    return append(fields[fields.size() - 2], at, length);
}

int fieldValue(llhttp_t* parser, const char* at, std::size_t length) {
    return append(theirsOf(parser).seen.back().fields.back(), at, length);
}

llhttp_settings_t makeSettings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = messageBegin;
    settings.on_method = [](llhttp_t* parser, const char* at, std::size_t length) {
        return append(theirsOf(parser).seen.back().method, at, length);
    };
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t length) {
        return append(theirsOf(parser).seen.back().target, at, length);
    };
    settings.on_header_field = fieldName;
    settings.on_header_value = fieldValue;
    settings.on_header_value_complete = [](llhttp_t* parser) {
        theirsOf(parser).inValue = true;
        return 0;
    };
    settings.on_body = [](llhttp_t* parser, const char* at, std::size_t length) {
        return append(theirsOf(parser).seen.back().body, at, length);
    };
    settings.on_message_complete = [](llhttp_t* parser) {
        theirsOf(parser).seen.back().complete = true;
        return 0;
    };
    return settings;
}

Theirs readWithTheirs(const std::uint8_t* data, std::size_t size) {
    static const llhttp_settings_t settings = makeSettings();
    Theirs theirs;
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &theirs;
    theirs.error = llhttp_execute(&parser, reinterpret_cast<const char*>(data), size);
    // llhttp keeps the blanks at the end of a value; RFC 9110 §5.5 takes them off.
    for (Seen& seen : theirs.seen) {
        for (std::string& text : seen.fields)
            text.erase(text.find_last_not_of(" \t") + 1);
    }
    return theirs;
}

/// Whether llhttp may refuse what we accept: it knows a closed list of methods, fewer bytes in
/// targets and extensions, no blank before an extension, and refuses what RFC 9110 lets a server
/// decide. None of that lets two parsers see two different requests.
bool isHarmless(llhttp_errno error, std::string_view input) {
    switch (error) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_VERSION:  // It judges the protocol by the method as well.
    case HPE_INVALID_URL:
    case HPE_STRICT:
    case HPE_PAUSED_UPGRADE:  // It lets HTTP/1.0 upgrade too (RFC 9110 §7.8: not).
    case HPE_INVALID_CHUNK_SIZE: return true;
    // It takes a tab behind `keep-alive`, `chunked` or a length for part of it (RFC 9110 §5.5:
    // not).
    case HPE_CLOSED_CONNECTION:
    case HPE_INVALID_TRANSFER_ENCODING:
    case HPE_INVALID_CONTENT_LENGTH: return input.find('\t') != std::string_view::npos;
    default: return false;
    }
}

[[noreturn]] void report(const char* what, std::size_t index, const Theirs& theirs) {
    std::fprintf(stderr, "request %zu: %s; llhttp ended with %s\n", index, what,
                 llhttp_errno_name(theirs.error));
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<Seen> ours = readWithOurs(std::as_bytes(std::span(data, size)));
    const Theirs theirs = readWithTheirs(data, size);
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (std::size_t i = 0; i < ours.size() && ours[i].complete; ++i) {
        const bool theyHaveIt = i < theirs.seen.size() && theirs.seen[i].complete;
        if (!theyHaveIt && !isHarmless(theirs.error, input))
            report("llhttp does not have it", i, theirs);
        if (!theyHaveIt)
            break;
        if (ours[i] != theirs.seen[i])
            report("llhttp read another one", i, theirs);
    }
    return 0;
}
