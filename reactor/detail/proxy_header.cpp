#include <marline/reactor/detail/proxy_header.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <marline/reactor/interfaces.hpp>

namespace marline::detail {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLineStart = "PROXY "sv;
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kBinaryStart = 16;  // signature, version and command, family, length

/// True when `bytes` is the beginning of `whole`, or the other way round.
bool agree(std::string_view bytes, std::string_view whole) {
    const std::size_t common = std::min(bytes.size(), whole.size());
    return bytes.substr(0, common) == whole.substr(0, common);
}

/// Takes what stands before the next space away from `rest`.
std::string_view nextField(std::string_view& rest) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
}

/// Decimal, with no zero or sign in front.
bool readPort(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() &&
           (text.size() == 1 || text[0] != '0');
}

bool readHost(std::string_view text, int family, Address& address) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
        return false;
    }
    std::copy(text.begin(), text.end(), copy.begin());
    std::array<unsigned char, sizeof(in6_addr)> raw{};
    if (inet_pton(family, copy.data(), raw.data()) != 1) {
        return false;
    }
    inet_ntop(family, raw.data(), copy.data(), copy.size());
    address.kind = family == AF_INET ? Address::Kind::Ipv4 : Address::Kind::Ipv6;
    address.host = copy.data();
    return true;
}

unsigned number(std::span<const std::byte> bytes, std::size_t at) {
    return std::to_integer<unsigned>(bytes[at]) << 8U | std::to_integer<unsigned>(bytes[at + 1]);
}

Address readInternet(int family, std::span<const std::byte> host, unsigned port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, host.data(), text.data(), text.size());
    return {family == AF_INET ? Address::Kind::Ipv4 : Address::Kind::Ipv6,
            static_cast<std::uint16_t>(port), text.data()};
}

Address readUnix(std::span<const std::byte> path) {
    const std::string_view text = asText(path);
    const bool abstract = text[0] == '\0';
    // An abstract name has no end of its own: the zeros that fill the field are cut.
    const std::size_t end = abstract ? text.find_last_not_of('\0') + 1 : text.find('\0');
    return {Address::Kind::Unix, 0, std::string(text.substr(0, end))};
}

}  // namespace

ProxyHeader::State ProxyHeader::bad(const char* reason) noexcept {
    reason_ = reason;
    return State::Bad;
}

ProxyHeader::State ProxyHeader::parse(std::span<const std::byte> bytes) {
    const std::string_view text = asText(bytes);
    if (agree(text, kSignature)) {
        return bytes.size() < kBinaryStart ? State::Incomplete : parseBinary(bytes);
    }
    if (agree(text, kLineStart)) {
        return text.size() < kLineStart.size() ? State::Incomplete : parseLine(text);
    }
    return bad("the connection does not begin with a PROXY header");
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` CR LF (§2.1).
ProxyHeader::State ProxyHeader::parseLine(std::string_view text) {
    const std::size_t end = text.substr(0, kMaxLine).find("\r\n");
    if (end == std::string_view::npos) {
        return text.size() < kMaxLine ? State::Incomplete
                                      : bad("the line is longer than 107 bytes");
    }
    size_ = end + 2;
    std::string_view rest = text.substr(kLineStart.size(), end - kLineStart.size());
    const std::string_view family = nextField(rest);
    if (family == "UNKNOWN") {
        return State::Complete;  // what follows is to be ignored
    }
    if (family != "TCP4" && family != "TCP6") {
        return bad("the family is none of TCP4, TCP6 and UNKNOWN");
    }
    const int kind = family == "TCP4" ? AF_INET : AF_INET6;
    if (!readHost(nextField(rest), kind, source_) ||
        !readHost(nextField(rest), kind, destination_)) {
        return bad("an address is none of the family");
    }
    if (!readPort(nextField(rest), source_.port) || !readPort(rest, destination_.port)) {
        return bad("a port is no number from 0 to 65535, or something follows it");
    }
    hasAddresses_ = true;
    return State::Complete;
}

/// Signature, version and command, family and transport, length, addresses, extensions (§2.2).
ProxyHeader::State ProxyHeader::parseBinary(std::span<const std::byte> bytes) {
    const auto versionAndCommand = std::to_integer<unsigned>(bytes[12]);
    const auto family = std::to_integer<unsigned>(bytes[13]);
    const std::size_t length = number(bytes, 14);
    if (versionAndCommand >> 4U != 2) {
        return bad("the version is not 2");
    }
    const unsigned command = versionAndCommand & 15U;
    if (command > 1) {
        return bad("the command is neither LOCAL nor PROXY");
    }
    if (family >> 4U > 3 || (family & 15U) > 2) {
        return bad("the family or the transport is unknown");
    }
    if (kBinaryStart + length > kMaxBinary) {
        return bad("it is longer than 4096 bytes");
    }
    size_ = kBinaryStart + length;
    if (bytes.size() < size_) {
        return State::Incomplete;
    }
    // Of a connection of the proxy's own, or one it cannot describe, the rest is to be ignored.
    const bool described = command == 1 && family >> 4U != 0 && (family & 15U) != 0;
    return described ? readBinaryAddresses(family >> 4U, bytes.subspan(kBinaryStart, length))
                     : State::Complete;
}

ProxyHeader::State ProxyHeader::readBinaryAddresses(unsigned family,
                                                    std::span<const std::byte> data) {
    constexpr std::array<std::size_t, 4> kHostSize{0, 4, 16, 108};
    const std::size_t size = kHostSize[family];
    const bool unixes = family == 3;
    if (data.size() < 2 * size + (unixes ? 0 : 4)) {
        return bad("it is too short for its addresses");
    }
    if (unixes) {
        source_ = readUnix(data.first(size));
        destination_ = readUnix(data.subspan(size, size));
    } else {
        const int kind = family == 1 ? AF_INET : AF_INET6;
        source_ = readInternet(kind, data.first(size), number(data, 2 * size));
        destination_ = readInternet(kind, data.subspan(size, size), number(data, 2 * size + 2));
    }
    hasAddresses_ = true;
    return State::Complete;
}

}  // namespace marline::detail
