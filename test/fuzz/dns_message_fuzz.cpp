// Fuzzes the reading of DNS answers: no message may crash it, and what it gives keeps to the limits
// of the format.
#include <marline/reactor/detail/dns_message.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using detail::DnsType;
using marline::testing::demand;

// The most that a name may have as text, with every byte escaped as \ddd (RFC 1035 §3.1).
constexpr std::size_t kLongestName = 4 * 255;

void check(const AddressRecord& record) {
    demand(!record.address.host.empty(), "an address is one");
}
void check(const ServiceRecord& record) {
    demand(record.target.size() <= kLongestName, "a name has at most 255 bytes");
}
void check(const MailExchangeRecord& record) {
    demand(record.exchange.size() <= kLongestName, "a name has at most 255 bytes");
}
void check(const NameRecord& record) {
    demand(record.name.size() <= kLongestName, "a name has at most 255 bytes");
}
void check(const TextRecord& record) {
    demand(!record.data.empty(), "a text has a string");
    for (const std::string& text : record.data) {
        demand(text.size() <= 255, "a string has at most 255 bytes");
    }
}

template <class Record>
void read(std::span<const unsigned char> message, DnsType type) {
    const auto records = detail::readRecords<Record>(message, type);
    if (!records) {
        return;
    }
    // A record has a name, ten bytes and its data.
    demand(records->size() * 11 <= message.size(), "no record is shorter than 11 bytes");
    for (const Record& record : *records) {
        demand(record.ttl >= Duration::zero(), "a time to live is none before now");
        check(record);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const unsigned char> message(data, size);
    read<AddressRecord>(message, DnsType::A);
    read<AddressRecord>(message, DnsType::Aaaa);
    read<ServiceRecord>(message, DnsType::Srv);
    read<MailExchangeRecord>(message, DnsType::Mx);
    read<TextRecord>(message, DnsType::Txt);
    for (const DnsType type : {DnsType::Ns, DnsType::Cname, DnsType::Ptr}) {
        read<NameRecord>(message, type);
    }
    return 0;
}
