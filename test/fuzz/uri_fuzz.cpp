// Fuzzes Uri: what is accepted is its own text again, cannot break out of a message, and a relative
// reference stays with its origin.
#include <string>

#include <marline/agent/uri.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// Whether `text` can stand in a request line or a field: no blanks, no control characters.
bool isVisible(std::string_view text) {
    for (const char c : text) {
        if (c <= ' ' || c > '~') {
            return false;
        }
    }
    return true;
}

void check(const Uri& uri) {
    const std::string text = uri.toString();
    demand(isVisible(text) && isVisible(uri.userInfo()), "a URI is visible ASCII");
    demand(isVisible(uri.authority()) && !uri.authority().empty(), "a Host field can be made");
    demand(uri.authority().find_first_of("/?#@") == std::string::npos, "an authority is one");
    demand(uri.requestTarget().starts_with('/') && isVisible(uri.requestTarget()),
           "a request line can be made");
    demand(marline::testing::isOneLine(uri.basicCredentials()), "credentials are one line");
    const Result<Uri> again = Uri::parse(text);
    demand(again.ok(), "its text is a URI");
    demand(again.value() == uri.withoutUserInfo(), "its text is the same URI");
    demand(again.value().toString() == text, "its text is its text");
    demand(again.value().sameOrigin(uri), "its origin is its origin");
    const Result<Uri> typed = Uri::fromInput(text);
    demand(typed.ok() && typed.value() == again.value(), "its text can be typed");
}

void check(const Result<Uri>& result) {
    if (result.ok()) {
        check(result.value());
    } else {
        demand(result.failure().check<UriError>() != nullptr, "it is refused with a UriError");
        demand(marline::testing::isOneLine(result.failure().message()), "an error is one line");
    }
}

/// Whether a reference has neither a scheme nor an authority.
bool isRelative(std::string_view reference) {
    return !reference.starts_with("//") &&
           reference.substr(0, reference.find_first_of("/?#")).find(':') == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    static const Uri kBases[] = {
        Uri::parse("http://me:pw@a.test:8080/b/c/d;p?q#f").value(),
        Uri::parse("https://b.test").value(),
        Uri::parse("http://[fe80::1%25eth0]:81/x/").value(),
        Uri::parse("http://192.0.2.1//x").value(),
    };
    const Uri& base = kBases[input.takeByte() % std::size(kBases)];
    check(Uri::parse(input.rest()));
    check(Uri::fromInput(input.rest()));
    const Result<Uri> resolved = base.resolve(input.rest());
    check(resolved);
    if (resolved.ok()) {
        const Uri& target = resolved.value();
        demand(!isRelative(input.rest()) || target.sameOrigin(base), "it stays with its origin");
        demand(target.userInfo().empty() || target.sameOrigin(base), "credentials stay at home");
        const Result<Uri> again = base.resolve(target.toString());
        // A zone means nothing to others, and is no part of a reference.
        demand(target.host().find('%') != std::string::npos ||
                   (again.ok() && again.value() == target.withoutUserInfo()),
               "what is resolved is resolved");
    }
    return 0;
}
