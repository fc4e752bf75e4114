// Fuzzes the descriptions of endpoints: what is quoted stands for itself, and what makes no sense
// is refused with an error that says so.
#include <string>

#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/reactor.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// Fields of a text are found by name, in any order, whatever they hold.
void roundTrip(std::string_view text) {
    const std::string_view name = text.substr(0, text.size() / 2);
    const std::string_view value = text.substr(text.size() / 2);
    EndpointFields fields("kind:" + quoteStringArgument(value) + ':' + quoteStringArgument(name) +
                          '=' + quoteStringArgument(value) + ':' + quoteStringArgument(value));
    demand(fields.kind() == "kind", "a kind is the kind");
    demand(fields.take(name) == value, "a named field is what was quoted");
    demand(fields.take(std::string(name) + 'x') == value, "the first field is what was quoted");
    demand(fields.take(std::string(name) + 'y') == value, "the last field is what was quoted");
    demand(!fields.take(std::string(name) + 'z'), "there are no more");
    fields.finish();
}

/// Whether making such an endpoint looks at nothing outside of the process: no files, no sockets
/// that it was given.
bool isHarmless(std::string_view description) {
    EndpointFields fields(description);
    if (fields.kind() == "haproxy") {
        return isHarmless(fields.takeRest());
    }
    return fields.kind() == "tcp" || fields.kind() == "tcp6" || fields.kind() == "unix" ||
           fields.kind().size() > 7;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Reactor reactor;
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    if (choice % 4 == 0) {
        roundTrip(input.rest());
        return 0;
    }
    try {
        if (!isHarmless(input.rest())) {
            return 0;
        }
        if (choice % 2 == 0) {
            demand(static_cast<bool>(clientFromString(reactor, input.rest())), "it is there");
        } else {
            demand(static_cast<bool>(serverFromString(reactor, input.rest())), "it is there");
        }
    } catch (const EndpointStringError& error) {
        // Of `haproxy:` what stands behind it may be named.
        const std::string what = error.what();
        bool named = input.rest().find('\0') != std::string_view::npos;
        for (std::size_t from = 0; from <= input.rest().size() && !named; ++from) {
            named = what.starts_with("the endpoint \"" + std::string(input.rest().substr(from)) +
                                     "\" makes no sense: ");
        }
        demand(named, "an error names the description");
    }
    return 0;
}
