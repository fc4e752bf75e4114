#include <marline/reactor/detail/ares_channel.hpp>

#include <chrono>
#include <mutex>
#include <utility>

#include <sys/time.h>

#include <marline/reactor/detail/health_watch.hpp>

namespace marline::detail {
namespace {

/// For the answers that come while the loop is elsewhere: one that finds no room is lost, and asked
/// for again only after a time-out. The system may allow less.
constexpr int kReceiveBuffer = 1024 * 1024;

/// c-ares wants this once in a process; it is never undone.
int initialiseLibrary() {
    static const int status = ares_library_init(ARES_LIB_INIT_ALL);
    return status;
}

struct FreeAddresses {
    void operator()(ares_addrinfo* info) const noexcept { ares_freeaddrinfo(info); }
};

std::string join(const std::vector<std::string>& servers) {
    std::string csv;
    for (const std::string& server : servers) {
        csv += (csv.empty() ? "" : ",") + server;
    }
    return csv;
}

int serverCount(ares_channel channel) {
    ares_addr_port_node* list = nullptr;
    if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS) {
        return 0;
    }
    int count = 0;
    for (const ares_addr_port_node* node = list; node != nullptr; node = node->next) {
        ++count;
    }
    ares_free_data(list);
    return count;
}

}  // namespace

AresChannel::AresChannel(EventLoop& loop, const AresResolverOptions& options)
    : loop_(loop), status_(initialiseLibrary()) {
    if (status_ == ARES_SUCCESS) {
        open(options, 0);
    }
    // With servers left to ask, c-ares goes on at SERVFAIL and the like, and in the end only knows
    // that none was of use. A single server is to be taken at its word.
    if (status_ == ARES_SUCCESS && serverCount(channel_) == 1) {
        ares_destroy(channel_);
        open(options, ARES_FLAG_NOCHECKRESP);
    }
}

void AresChannel::open(const AresResolverOptions& options, int flags) {
    ares_options settings{};
    settings.flags = flags;
    settings.timeout = static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
    settings.tries = options.tries;
    settings.socket_receive_buffer_size = kReceiveBuffer;
    settings.sock_state_cb = &socketState;
    settings.sock_state_cb_data = this;
    status_ = ares_init_options(
        &channel_, &settings,
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_RCVBUF |
            ARES_OPT_SOCK_STATE_CB);
    if (status_ != ARES_SUCCESS) {
        channel_ = nullptr;
        return;
    }
    if (!options.servers.empty()) {
        status_ = ares_set_servers_ports_csv(channel_, join(options.servers).c_str());
    }
}

AresChannel::~AresChannel() {
    *alive_ = false;
    if (timer_.active()) {
        timer_.cancel();
    }
    if (channel_ != nullptr) {
        inAres_ = true;
        ares_destroy(channel_);  // answers every question, but nobody is told
    }
}

std::string AresChannel::servers() const {
    ares_addr_port_node* list = nullptr;
    if (channel_ == nullptr || ares_get_servers_ports(channel_, &list) != ARES_SUCCESS) {
        return "no server";
    }
    std::string text;
    for (const ares_addr_port_node* node = list; node != nullptr; node = node->next) {
        char host[INET6_ADDRSTRLEN] = "?";
        ares_inet_ntop(node->family, &node->addr, host, sizeof host);
        const bool v6 = node->family == AF_INET6;
        text += (text.empty() ? "" : ", ") + (v6 ? "[" + std::string(host) + "]" : host) + ":" +
                std::to_string(node->udp_port != 0 ? node->udp_port : 53);
    }
    ares_free_data(list);
    return text.empty() ? "no server" : text;
}

/// Calls into c-ares. An answer that is there at once comes from a later turn, as all do.
template <class Ask>
void AresChannel::ask(Ask&& call) {
    const bool outer = !std::exchange(inAres_, true);
    call();
    if (outer) {
        inAres_ = false;
        if (!ready_.empty()) {
            loop_.clock().callLater(Duration::zero(), [this, alive = alive_] {
                if (*alive) {
                    afterAres();
                }
            });
        }
        schedule();
    }
}

void AresChannel::lookUp(const std::string& name,
                         UniqueFunction<void(const AresAnswer&)> answered) {
    auto question = std::make_unique<Question>(Question{this, std::move(answered)});
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ask([&] {
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &answer, question.release());
    });
}

void AresChannel::query(const std::string& name, int type,
                        UniqueFunction<void(int, Message)> answered) {
    constexpr int kClassIn = 1;
    auto asked = std::make_unique<Query>(Query{this, std::move(answered), {}});
    ask([&] { ares_query(channel_, name.c_str(), kClassIn, type, &reply, asked.release()); });
}

void AresChannel::answer(void* data, int status, int, ares_addrinfo* found) {
    std::unique_ptr<Question> question(static_cast<Question*>(data));
    std::unique_ptr<ares_addrinfo, FreeAddresses> info(found);
    AresChannel& channel = *question->channel;
    channel.ready_.emplace_back([question = std::move(question), info = std::move(info), status] {
        question->answered({status, info.get()});
    });
}

void AresChannel::reply(void* data, int status, int, unsigned char* message, int size) {
    std::unique_ptr<Query> query(static_cast<Query*>(data));
    AresChannel& channel = *query->channel;
    if (status == ARES_SUCCESS) {
        query->message.assign(message, message + size);
    }
    channel.ready_.emplace_back(
        [query = std::move(query), status] { query->answered(status, query->message); });
}

void AresChannel::socketState(void* self, ares_socket_t fd, int readable, int writable) {
    auto& channel = *static_cast<AresChannel*>(self);
    const auto interest =
        static_cast<short>((readable != 0 ? EV_READ : 0) | (writable != 0 ? EV_WRITE : 0));
    std::unique_ptr<FdEvent>& event = channel.sockets_[fd];
    if (interest == 0) {
        if (event) {
            event->watch(0);
            channel.closed_.push_back(std::move(event));
        }
        channel.sockets_.erase(fd);
        return;
    }
    if (!event) {
        event = std::make_unique<FdEvent>(channel.loop_, fd, &ready, self);
    }
    event->watch(interest);
}

void AresChannel::ready(int fd, short what, void* self) {
    auto& channel = *static_cast<AresChannel*>(self);
    const ObjectCallback watched(channel.loop_, "an answer from a name server", {});
    channel.process((what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
}

void AresChannel::process(ares_socket_t readable, ares_socket_t writable) {
    inAres_ = true;
    ares_process_fd(channel_, readable, writable);
    inAres_ = false;
    afterAres();
}

/// Gives out the answers; whoever gets one may ask again, or destroy this.
void AresChannel::afterAres() {
    closed_.clear();
    const std::shared_ptr<bool> alive = alive_;
    std::vector<UniqueFunction<void()>> answers = std::exchange(ready_, {});
    for (UniqueFunction<void()>& tell : answers) {
        if (*alive) {
            tell();
        }
    }
    if (*alive) {
        schedule();
    }
}

void AresChannel::schedule() {
    timeval buffer{};
    const timeval* wait = ares_timeout(channel_, nullptr, &buffer);
    if (timer_.active()) {
        timer_.cancel();
    }
    if (wait != nullptr) {
        timer_ = loop_.clock().callLater(
            std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec),
            [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
    }
}

}  // namespace marline::detail
