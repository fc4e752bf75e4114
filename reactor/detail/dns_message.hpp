// Internal: not installed. Reads the answers in a DNS message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <marline/reactor/dns_records.hpp>

namespace marline::detail {

/// The record types that are asked for (RFC 1035 §3.2.2, RFC 3596, RFC 2782).
enum class DnsType : std::uint16_t {
    A = 1,
    Ns = 2,
    Cname = 5,
    Ptr = 12,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Srv = 33
};

/// Reads a part of a DNS message from its beginning. What is not there fails the reader, and from
/// then on everything read is empty.
class DnsReader {
public:
    explicit DnsReader(std::span<const unsigned char> message)
        : message_(message), end_(message.size()) {}

    std::uint16_t number16();
    std::uint32_t number32();
    /// A domain name, which may be compressed (RFC 1035 §4.1.4), without the dot at its end.
    std::string name();
    /// A character-string: a length and that many bytes (§3.3).
    std::string text();
    std::span<const unsigned char> bytes(std::size_t count);
    /// The next `count` bytes as a part of their own, whose names may still point anywhere.
    DnsReader part(std::size_t count);

    bool atEnd() const noexcept { return at_ == end_; }
    bool failed() const noexcept { return failed_; }

private:
    bool has(std::size_t count);

    std::span<const unsigned char> message_;
    std::size_t at_ = 0;
    std::size_t end_;
    bool failed_ = false;
};

void readRecord(DnsReader& reader, DnsType type, AddressRecord& record);
void readRecord(DnsReader& reader, DnsType type, ServiceRecord& record);
void readRecord(DnsReader& reader, DnsType type, MailExchangeRecord& record);
void readRecord(DnsReader& reader, DnsType type, TextRecord& record);
void readRecord(DnsReader& reader, DnsType type, NameRecord& record);

/// The data of the answers in `message` that are of `type`, each with its TTL; nothing when the
/// message is malformed.
std::optional<std::vector<std::pair<DnsReader, Duration>>> readAnswers(
    std::span<const unsigned char> message, DnsType type);

/// The same as records; nothing when one of them is malformed.
template <class Record>
std::optional<std::vector<Record>> readRecords(std::span<const unsigned char> message,
                                               DnsType type) {
    auto answers = readAnswers(message, type);
    if (!answers) {
        return std::nullopt;
    }
    std::vector<Record> records;
    for (auto& [reader, ttl] : *answers) {
        Record record;
        readRecord(reader, type, record);
        if (reader.failed() || !reader.atEnd()) {
            return std::nullopt;
        }
        record.ttl = ttl;
        records.push_back(std::move(record));
    }
    return records;
}

}  // namespace marline::detail
