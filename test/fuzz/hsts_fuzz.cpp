// Fuzzes HstsStore: what fields and files say is kept, and can be loaded again; an IP address is
// never a known host, and no URI is spoilt.
#include <chrono>
#include <string>

#include <marline/agent/hsts_agent.hpp>
#include <marline/reactor/resolver.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

// Later than any clock's time, so that nothing ends between saving and loading.
constexpr http::HttpTime kNow = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);

void saveAndLoad(const HstsStore& store) {
    const auto again = makeRef<HstsStore>();
    const Result<std::size_t> added = again->addText(store.toText());
    demand(added.ok(), "a file can be loaded");
    demand(again->toText() == store.toText() && again->size() == store.size(),
           "a file is the store");
}

void ask(const HstsStore& store, const Uri& uri) {
    const bool known = store.knows(uri.host(), kNow);
    Address numeric;
    demand(!known || (uri.host().find(':') == std::string::npos &&
                      !parseNumericAddress(uri.host(), 0, numeric)),
           "an address is never known");
    const Uri asked = store.upgraded(uri, kNow);
    const bool changes = known && uri.scheme() == "http";
    demand(asked.scheme() == (changes ? "https" : uri.scheme()), "a known host is asked by https");
    demand(asked.host() == uri.host() && asked.requestTarget() == uri.requestTarget() &&
               asked.userInfo() == uri.userInfo(),
           "the rest stays");
    demand(asked.port() == (changes && uri.port() == 80 ? 443 : uri.port()), "80 becomes 443");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    constexpr std::size_t kMost = 3;
    const auto store = makeRef<HstsStore>(HstsOptions{.maxHosts = kMost});
    if (input.takeByte() % 4 == 0) {
        if (const Result<std::size_t> added = store->addText(input.rest()); !added.ok()) {
            demand(store->size() == 0, "nothing is added of what is malformed");
            demand(marline::testing::isOneLine(added.failure().message()), "an error is one line");
        }
        saveAndLoad(*store);
        return 0;
    }
    // Lines in turn: a URI that is asked for, and what its answer says.
    while (!input.rest().empty()) {
        const Result<Uri> uri = Uri::parse("http://" + std::string(input.takeLine()));
        const std::string_view field = input.takeLine();
        if (!uri.ok()) {
            continue;
        }
        ask(*store, uri.value());
        const bool noted = store->note(uri.value().host(), field, kNow);
        demand(store->size() <= kMost, "maxHosts");
        demand(noted || !store->knows(uri.value().host(), kNow) || store->size() > 0,
               "what is known is there");
        ask(*store, uri.value());
        saveAndLoad(*store);
    }
    return 0;
}
