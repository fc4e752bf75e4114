// Fuzzes the reading of DNS answers: no message may crash it, and what it gives keeps to the limits
// of the format.
#include <marline/reactor/detail/dns_message.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace {

using namespace marline;
using detail::DnsType;

// The most that a name may have as text, with every byte escaped as \ddd (RFC 1035 §3.1).
constexpr std::size_t kLongestName = 4 * 255;

void demand(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const AddressRecord& record) { demand(!record.address.host.empty()); }
void check(const ServiceRecord& record) { demand(record.target.size() <= kLongestName); }
void check(const MailExchangeRecord& record) { demand(record.exchange.size() <= kLongestName); }
void check(const NameRecord& record) { demand(record.name.size() <= kLongestName); }
void check(const TextRecord& record) {
    demand(!record.data.empty());
    for (const std::string& text : record.data) {
        demand(text.size() <= 255);
    }
}

template <class Record>
void read(std::span<const unsigned char> message, DnsType type) {
    const auto records = detail::readRecords<Record>(message, type);
    if (!records) {
        return;
    }
    // A record has a name, ten bytes and its data.
    demand(records->size() * 11 <= message.size());
    for (const Record& record : *records) {
        demand(record.ttl >= Duration::zero());
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
