// Fuzzes cookies: what one side writes the other finds, and neither breaks out of its field.
#include <algorithm>
#include <stdexcept>
#include <string>

#include <marline/protocols/http/cookie.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// Takes the bytes up to the next zero.
std::string_view takeText(std::string_view& from) {
    const std::size_t end = std::min(from.find('\0'), from.size());
    const std::string_view text = from.substr(0, end);
    from.remove_prefix(std::min(end + 1, from.size()));
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string name(takeText(rest));
    const std::string value(takeText(rest));
    const std::string path(takeText(rest));
    if (const auto found = http::findCookie(rest, name)) {
        demand(found->data() >= rest.data() &&
                   found->data() + found->size() <= rest.data() + rest.size(),
               "a value is part of its field");
        demand(found->find(';') == std::string_view::npos, "a value ends at a semicolon");
    }
    std::string field;
    try {
        field = http::formatCookie({.name = name, .value = value, .path = path});
    } catch (const std::invalid_argument&) {
        return 0;
    }
    demand(field.find_first_of("\r\n") == std::string::npos, "no line ends within a field");
    demand(std::count(field.begin(), field.end(), ';') == (path.empty() ? 0 : 1),
           "what was given cannot add an attribute");
    const std::string sent = field.substr(0, field.find(';'));
    demand(http::findCookie("=x; " + sent, name) == sent.substr(name.size() + 1),
           "what is set is found");
    return 0;
}
