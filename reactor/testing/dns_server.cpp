#include <marline/reactor/testing/dns_server.hpp>

#include <array>
#include <cerrno>
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
constexpr std::uint16_t kTypeAaaa = 28;
constexpr unsigned char kServFail = 2;
constexpr unsigned char kNxDomain = 3;

struct Record {
    std::uint16_t type;
    std::string data;
    std::uint32_t ttl;
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

    void add(const std::string& name, const std::string& numeric, std::uint32_t ttl) {
        detail::SocketAddress parsed;
        if (!detail::SocketAddress::parse(numeric, 0, parsed)) {
            throw std::invalid_argument("'" + numeric + "' is no numeric address");
        }
        if (parsed.family() == AF_INET) {
            const auto* v4 = reinterpret_cast<const sockaddr_in*>(&parsed.storage);
            records_[name].push_back(
                {kTypeA, {reinterpret_cast<const char*>(&v4->sin_addr), 4}, ttl});
        } else {
            const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&parsed.storage);
            records_[name].push_back(
                {kTypeAaaa, {reinterpret_cast<const char*>(&v6->sin6_addr), 16}, ttl});
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
        queries_.push_back(question->name + (question->type == kTypeA ? " A" : " AAAA"));
        const auto told = behaviours_.find(question->name);
        switch (told == behaviours_.end() ? DnsBehaviour::Answer : told->second) {
        case DnsBehaviour::Silence: return {};
        case DnsBehaviour::Garbage: return "no DNS";
        case DnsBehaviour::ServFail: return reply(message, *question, kServFail, {});
        case DnsBehaviour::Answer: break;
        }
        const auto known = records_.find(question->name);
        if (known == records_.end()) {
            return reply(message, *question, kNxDomain, {});
        }
        return reply(message, *question, 0, known->second);
    }

    static std::string reply(std::span<const unsigned char> message, const Question& question,
                             unsigned char code, const std::vector<Record>& records) {
        std::string out(reinterpret_cast<const char*>(message.data()), question.end);
        std::uint16_t count = 0;
        for (const Record& record : records) {
            if (record.type != question.type) {
                continue;
            }
            ++count;
            put16(out, 0xc000 | kHeader);  // the name: a pointer to the question's
            put16(out, record.type);
            put16(out, 1);
            put16(out, static_cast<std::uint16_t>(record.ttl >> 16));
            put16(out, static_cast<std::uint16_t>(record.ttl & 0xffff));
            put16(out, static_cast<std::uint16_t>(record.data.size()));
            out += record.data;
        }
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
void DnsServer::set(const std::string& name, DnsBehaviour behaviour) {
    socket_->set(name, behaviour);
}
const std::vector<std::string>& DnsServer::queries() const noexcept { return socket_->queries(); }

}  // namespace marline::testing
