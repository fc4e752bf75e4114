#include <marline/reactor/testing/dns_server.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include <arpa/inet.h>

#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::testing {
namespace {

// RFC 1035 §3.2, §4.1.
constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeNs = 2;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypePtr = 12;
constexpr std::uint16_t kTypeMx = 15;
constexpr std::uint16_t kTypeTxt = 16;
constexpr std::uint16_t kTypeAaaa = 28;
constexpr std::uint16_t kTypeSrv = 33;
constexpr unsigned char kFormErr = 1;
constexpr unsigned char kServFail = 2;
constexpr unsigned char kNxDomain = 3;
constexpr unsigned char kNotImp = 4;
constexpr unsigned char kRefused = 5;

struct Record {
    std::uint16_t type;
    std::string data;
    std::uint32_t ttl;
    std::string target;  // the name that a CNAME leads to
};

struct Question {
    std::string name;  // in lower case, with dots
    std::uint16_t type;
    std::size_t end;  // where it ends in the message
};

void put16(std::string& out, std::uint16_t value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
}

void put32(std::string& out, std::uint32_t value) {
    put16(out, static_cast<std::uint16_t>(value >> 16));
    put16(out, static_cast<std::uint16_t>(value & 0xffff));
}

/// A name on the wire, uncompressed.
std::string wireName(const std::string& name) {
    std::string out;
    for (std::size_t begin = 0; begin < name.size();) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        out += static_cast<char>(end - begin);
        out.append(name, begin, end - begin);
        begin = end + 1;
    }
    return out += '\0';
}

std::string typeName(std::uint16_t type) {
    switch (type) {
    case kTypeA: return "A";
    case kTypeNs: return "NS";
    case kTypeCname: return "CNAME";
    case kTypePtr: return "PTR";
    case kTypeMx: return "MX";
    case kTypeTxt: return "TXT";
    case kTypeAaaa: return "AAAA";
    case kTypeSrv: return "SRV";
    default: return std::to_string(type);
    }
}

std::uint32_t seconds(Duration ttl) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(ttl).count());
}

std::optional<Question> readQuestion(std::span<const unsigned char> message) {
    Question question{{}, 0, kHeader};
    while (question.end < message.size() && message[question.end] != 0) {
        const std::size_t length = message[question.end++];
        if (length > 63 || question.end + length >= message.size()) {
            return std::nullopt;
        }
        question.name += question.name.empty() ? "" : ".";
        for (std::size_t i = 0; i < length; ++i) {
            const auto c = static_cast<char>(message[question.end++]);
            question.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    if (question.end + 5 > message.size()) {
        return std::nullopt;
    }
    question.type =
        static_cast<std::uint16_t>(message[question.end + 1] << 8 | message[question.end + 2]);
    question.end += 5;
    return question;
}

}  // namespace

class DnsServer::Socket {
public:
    explicit Socket(Reactor& reactor)
        : fd_(bindSocket()), address_(detail::localAddress(fd_.get())),
          event_(reactor.parts().loop, fd_.get(), &ready, this) {
        event_.watch(EV_READ);
    }

    const Address& address() const noexcept { return address_; }
    const std::vector<std::string>& queries() const noexcept { return queries_; }
    void set(const std::string& name, DnsBehaviour behaviour) { behaviours_[name] = behaviour; }

    void put(const std::string& name, Record record) {
        records_[name].push_back(std::move(record));
    }

    void add(const std::string& name, const std::string& numeric, std::uint32_t ttl) {
        detail::SocketAddress parsed;
        if (!detail::SocketAddress::parse(numeric, 0, parsed)) {
            throw std::invalid_argument("'" + numeric + "' is no numeric address");
        }
        if (parsed.family() == AF_INET) {
            const auto* v4 = reinterpret_cast<const sockaddr_in*>(&parsed.storage);
            put(name, {kTypeA, {reinterpret_cast<const char*>(&v4->sin_addr), 4}, ttl, {}});
        } else {
            const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&parsed.storage);
            put(name, {kTypeAaaa, {reinterpret_cast<const char*>(&v6->sin6_addr), 16}, ttl, {}});
        }
    }

private:
    static detail::UniqueFd bindSocket() {
        detail::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        detail::SocketAddress address;
        detail::SocketAddress::parse("127.0.0.1", 0, address);
        if (!fd || ::bind(fd.get(), address.get(), address.length) != 0) {
            throw CannotListenError("cannot serve DNS on 127.0.0.1", detail::lastError(errno));
        }
        return fd;
    }

    static void ready(int fd, short, void* self) {
        std::array<unsigned char, 4096> buffer{};
        detail::SocketAddress from;
        from.length = sizeof from.storage;
        const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from.storage), &from.length);
        if (got < static_cast<ssize_t>(kHeader)) {
            return;
        }
        const std::string reply = static_cast<Socket*>(self)->answer(
            std::span(buffer).first(static_cast<std::size_t>(got)));
        if (!reply.empty()) {
            // One that cannot be sent is lost, as datagrams are.
            [[maybe_unused]] const ssize_t sent =
                ::sendto(fd, reply.data(), reply.size(), 0, from.get(), from.length);
        }
    }

    std::string answer(std::span<const unsigned char> message) {
        const std::optional<Question> question = readQuestion(message);
        if (!question) {
            return {};
        }
        queries_.push_back(question->name + " " + typeName(question->type));
        const auto told = behaviours_.find(question->name);
        switch (told == behaviours_.end() ? DnsBehaviour::Answer : told->second) {
        case DnsBehaviour::Silence: return {};
        case DnsBehaviour::Garbage: return "no DNS";
        case DnsBehaviour::ServFail: return reply(message, *question, kServFail);
        case DnsBehaviour::Refused: return reply(message, *question, kRefused);
        case DnsBehaviour::NotImplemented: return reply(message, *question, kNotImp);
        case DnsBehaviour::FormatError: return reply(message, *question, kFormErr);
        case DnsBehaviour::Answer: break;
        }
        const bool known = records_.count(question->name) != 0;
        return reply(message, *question, known ? 0 : kNxDomain);
    }

    /// Appends the records of the question's type that `name` has, and those of its canonical name.
    std::uint16_t putAnswers(std::string& out, const Question& question, const std::string& name,
                             const std::string& owner) const {
        constexpr std::size_t kRoom = 1024;  // names may lead in a circle
        std::uint16_t count = 0;
        const auto known = records_.find(name);
        if (known == records_.end() || out.size() > kRoom) {
            return count;
        }
        for (const Record& record : known->second) {
            if (record.type != question.type && record.type != kTypeCname) {
                continue;
            }
            ++count;
            out += owner;
            put16(out, record.type);
            put16(out, 1);
            put32(out, record.ttl);
            put16(out, static_cast<std::uint16_t>(record.data.size()));
            out += record.data;
            if (record.type != question.type) {
                count = static_cast<std::uint16_t>(
                    count + putAnswers(out, question, record.target, wireName(record.target)));
            }
        }
        return count;
    }

    std::string reply(std::span<const unsigned char> message, const Question& question,
                      unsigned char code) const {
        std::string out(reinterpret_cast<const char*>(message.data()), question.end);
        const std::string asked("\xc0\x0c", 2);  // a pointer to the question's name
        const std::uint16_t count =
            code == 0 ? putAnswers(out, question, question.name, asked) : std::uint16_t{0};
        out[2] = static_cast<char>(0x84 | (message[2] & 1));  // an authoritative response
        out[3] = static_cast<char>(0x80 | code);
        const std::array<std::uint16_t, 4> counts{1, count, 0, 0};
        std::string header;
        for (const std::uint16_t number : counts) {
            put16(header, number);
        }
        out.replace(4, header.size(), header);
        return out;
    }

    detail::UniqueFd fd_;
    Address address_;
    detail::FdEvent event_;
    std::map<std::string, std::vector<Record>> records_;
    std::map<std::string, DnsBehaviour> behaviours_;
    std::vector<std::string> queries_;
};

DnsServer::DnsServer(Reactor& reactor) : socket_(std::make_unique<Socket>(reactor)) {}
DnsServer::~DnsServer() = default;

const Address& DnsServer::address() const noexcept { return socket_->address(); }
void DnsServer::add(const std::string& name, const std::string& numeric, std::uint32_t ttl) {
    socket_->add(name, numeric, ttl);
}
void DnsServer::addRecord(const std::string& name, std::uint16_t type, const std::string& data,
                          std::uint32_t ttl) {
    socket_->put(name, {type, data, ttl, {}});
}
void DnsServer::addService(const std::string& name, const ServiceRecord& record) {
    std::string data;
    put16(data, record.priority);
    put16(data, record.weight);
    put16(data, record.port);
    addRecord(name, kTypeSrv, data + wireName(record.target), seconds(record.ttl));
}
void DnsServer::addMailExchange(const std::string& name, const MailExchangeRecord& record) {
    std::string data;
    put16(data, record.preference);
    addRecord(name, kTypeMx, data + wireName(record.exchange), seconds(record.ttl));
}
void DnsServer::addText(const std::string& name, const TextRecord& record) {
    std::string data;
    for (const std::string& text : record.data) {
        data += static_cast<char>(text.size());
        data += text;
    }
    addRecord(name, kTypeTxt, data, seconds(record.ttl));
}
void DnsServer::addPointer(const std::string& name, const NameRecord& record) {
    addRecord(name, kTypePtr, wireName(record.name), seconds(record.ttl));
}
void DnsServer::addNameserver(const std::string& name, const NameRecord& record) {
    addRecord(name, kTypeNs, wireName(record.name), seconds(record.ttl));
}
void DnsServer::addCanonicalName(const std::string& name, const NameRecord& record) {
    socket_->put(name, {kTypeCname, wireName(record.name), seconds(record.ttl), record.name});
}
void DnsServer::set(const std::string& name, DnsBehaviour behaviour) {
    socket_->set(name, behaviour);
}
const std::vector<std::string>& DnsServer::queries() const noexcept { return socket_->queries(); }

}  // namespace marline::testing
