#include <marline/reactor/detail/dns_message.hpp>

#include <chrono>
#include <cstring>
#include <memory>

#include <ares.h>
#include <netinet/in.h>

namespace marline::detail {
namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::size_t kIdAndFlags = 4;

}  // namespace

bool DnsReader::has(std::size_t count) {
    failed_ = failed_ || count > end_ - at_;
    return !failed_;
}

std::span<const unsigned char> DnsReader::bytes(std::size_t count) {
    if (!has(count)) {
        return {};
    }
    return message_.subspan(std::exchange(at_, at_ + count), count);
}

std::uint16_t DnsReader::number16() {
    const auto part = bytes(2);
    return part.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(part[0] << 8 | part[1]);
}

std::uint32_t DnsReader::number32() {
    const std::uint32_t high = number16();
    return high << 16 | number16();
}

std::string DnsReader::text() {
    const auto length = bytes(1);
    const auto part = length.empty() ? length : bytes(length[0]);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::string DnsReader::name() {
    if (!has(1)) {
        return {};
    }
    char* expanded = nullptr;
    long length = 0;
    const int status = ares_expand_name(message_.data() + at_, message_.data(),
                                        static_cast<int>(message_.size()), &expanded, &length);
    const std::unique_ptr<char, void (*)(void*)> owner(expanded, &ares_free_string);
    if (status != ARES_SUCCESS || !has(static_cast<std::size_t>(length))) {
        failed_ = true;
        return {};
    }
    at_ += static_cast<std::size_t>(length);
    return expanded;
}

DnsReader DnsReader::part(std::size_t count) {
    DnsReader part(*this);
    const bool there = !bytes(count).empty() || count == 0;
    part.end_ = there ? part.at_ + count : part.at_;
    part.failed_ = failed_;
    return part;
}

void readRecord(DnsReader& reader, DnsType type, AddressRecord& record) {
    if (type == DnsType::A) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        if (const auto raw = reader.bytes(sizeof in.sin_addr); !raw.empty()) {
            std::memcpy(&in.sin_addr, raw.data(), raw.size());
            record.address = Address::fromSockaddr(reinterpret_cast<sockaddr*>(&in), sizeof in);
        }
        return;
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    if (const auto raw = reader.bytes(sizeof in.sin6_addr); !raw.empty()) {
        std::memcpy(&in.sin6_addr, raw.data(), raw.size());
        record.address = Address::fromSockaddr(reinterpret_cast<sockaddr*>(&in), sizeof in);
    }
}

void readRecord(DnsReader& reader, DnsType, ServiceRecord& record) {
    record.priority = reader.number16();
    record.weight = reader.number16();
    record.port = reader.number16();
    record.target = reader.name();
}

void readRecord(DnsReader& reader, DnsType, MailExchangeRecord& record) {
    record.preference = reader.number16();
    record.exchange = reader.name();
}

void readRecord(DnsReader& reader, DnsType, TextRecord& record) {
    do {
        record.data.push_back(reader.text());
    } while (!reader.atEnd() && !reader.failed());
}

void readRecord(DnsReader& reader, DnsType, NameRecord& record) { record.name = reader.name(); }

std::optional<std::vector<std::pair<DnsReader, Duration>>> readAnswers(
    std::span<const unsigned char> message, DnsType type) {
    DnsReader reader(message);
    reader.bytes(kIdAndFlags);
    const std::uint16_t questions = reader.number16();
    const std::uint16_t answers = reader.number16();
    reader.number32();  // the counts of what comes behind the answers
    for (int i = 0; i < questions && !reader.failed(); ++i) {
        reader.name();
        reader.number32();
    }
    std::vector<std::pair<DnsReader, Duration>> found;
    for (int i = 0; i < answers && !reader.failed(); ++i) {
        reader.name();
        const std::uint16_t its = reader.number16();
        const std::uint16_t network = reader.number16();
        const std::uint32_t ttl = reader.number32();
        DnsReader data = reader.part(reader.number16());
        if (its == static_cast<std::uint16_t>(type) && network == kClassIn) {
            // One with its highest bit set counts as zero (RFC 2181 §8).
            found.emplace_back(data, std::chrono::seconds(ttl > 0x7fffffffU ? 0 : ttl));
        }
    }
    if (reader.failed()) {
        return std::nullopt;
    }
    return found;
}

}  // namespace marline::detail
