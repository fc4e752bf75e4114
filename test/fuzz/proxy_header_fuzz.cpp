// Fuzzes ProxyHeader: no input may crash it, it decides as soon as it can, and what follows the
// header, or comes later, changes nothing.
#include <marline/reactor/detail/proxy_header.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <test/fuzz/demand.hpp>

namespace {

using marline::detail::ProxyHeader;
using marline::testing::demand;

/// All that one can ask it.
std::string told(const ProxyHeader& header, ProxyHeader::State state) {
    switch (state) {
    case ProxyHeader::State::Incomplete: return "incomplete";
    case ProxyHeader::State::Bad: return header.reason();
    case ProxyHeader::State::Complete: break;
    }
    return std::to_string(header.size()) + ' ' +
           (header.hasAddresses()
                ? header.source().toString() + " to " + header.destination().toString()
                : "no addresses");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    ProxyHeader whole;
    const auto end = whole.parse(bytes);
    const std::string all = told(whole, end);
    demand(end != ProxyHeader::State::Incomplete || size < ProxyHeader::kMaxBinary,
           "a header has an end");
    demand(end != ProxyHeader::State::Complete ||
               (whole.size() <= size && whole.size() <= ProxyHeader::kMaxBinary),
           "a header is of what came");

    // Byte by byte, and beyond the beginning by larger steps.
    ProxyHeader grown;
    auto state = ProxyHeader::State::Incomplete;
    for (std::size_t count = 0; state == ProxyHeader::State::Incomplete && count <= size;
         count += count < 300 ? 1 : 1 + (size - count) / 4) {
        state = grown.parse(bytes.first(count));
    }
    if (state == ProxyHeader::State::Incomplete) {
        state = grown.parse(bytes);
    }
    demand(state == end, "it decides the same, byte by byte");
    demand(end == ProxyHeader::State::Bad || told(grown, state) == all,
           "it tells the same, byte by byte");
    return 0;
}
