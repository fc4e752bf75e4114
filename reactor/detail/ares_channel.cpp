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
    : loop_(loop), status_(initialiseLibrary()), maxAsking_(options.maxQuestions),
      timeout_(options.timeout) {
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
    std::string lookups = "b";  // the servers only: the hosts file is read by a HostsFile
    settings.flags = flags;
    settings.timeout = static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
    settings.tries = options.tries;
    settings.lookups = lookups.data();
    settings.socket_receive_buffer_size = kReceiveBuffer;
    settings.sock_state_cb = &socketState;
    settings.sock_state_cb_data = this;
    status_ =
        ares_init_options(&channel_, &settings,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                              ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB);
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
    for (DelayedCall* call : {&timer_, &soon_}) {
        if (call->active()) {
            call->cancel();
        }
    }
    if (channel_ != nullptr) {
        busy_ = true;
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

void AresChannel::ask(std::unique_ptr<AresQuestion> question) {
    if (asking_ >= maxAsking_) {
        waiting_.push_back(std::move(question));
        return;
    }
    start(std::move(question));
    if (!busy_) {
        schedule();
    }
}

void AresChannel::start(std::unique_ptr<AresQuestion> question) {
    ++asking_;
    question->channel_ = this;
    const std::string& name = question->name_;
    const int type = question->type_;
    const bool outer = !std::exchange(busy_, true);
    if (type == AresQuestion::kAddresses) {
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;  // which costs a socket for each address
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &answer, question.release());
    } else {
        constexpr int kClassIn = 1;
        ares_query(channel_, name.c_str(), kClassIn, type, &reply, question.release());
    }
    if (outer) {
        busy_ = false;
    }
}

void AresChannel::startWaiting() {
    while (asking_ < maxAsking_ && !waiting_.empty()) {
        std::unique_ptr<AresQuestion> next = std::move(waiting_.front());
        waiting_.pop_front();
        if (next->wanted()) {
            start(std::move(next));
        }
    }
}

void AresChannel::answer(void* data, int status, int, ares_addrinfo* found) {
    std::unique_ptr<AresQuestion> question(static_cast<AresQuestion*>(data));
    question->status_ = status;
    question->info_.reset(found);
    question->channel_->answered(std::move(question));
}

void AresChannel::reply(void* data, int status, int, unsigned char* message, int size) {
    std::unique_ptr<AresQuestion> question(static_cast<AresQuestion*>(data));
    question->status_ = status;
    if (status == ARES_SUCCESS) {
        question->message_.assign(message, message + size);
    }
    question->channel_->answered(std::move(question));
}

void AresChannel::answered(std::unique_ptr<AresQuestion> question) {
    --asking_;
    answered_.push_back(std::move(question));
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
    busy_ = true;
    ares_process_fd(channel_, readable, writable);
    tell();
}

/// Gives out the answers; whoever gets one may ask again, or destroy this.
void AresChannel::tell() {
    busy_ = true;
    closed_.clear();
    const std::shared_ptr<bool> alive = alive_;
    std::swap(telling_, answered_);
    for (std::size_t i = 0; *alive && i < telling_.size(); ++i) {
        // Taken out, as this may die meanwhile.
        const std::unique_ptr<AresQuestion> question = std::move(telling_[i]);
        question->answered();
    }
    if (!*alive) {
        return;
    }
    telling_.clear();
    startWaiting();
    busy_ = false;
    schedule();
}

/// Sees to it that what is answered is told, and that c-ares is called when a question times out.
void AresChannel::schedule() {
    if (!answered_.empty() && !soon_.active()) {
        // An answer that was there at once comes from a later turn, as all do.
        soon_ = loop_.clock().callLater(Duration::zero(), [this] { tell(); });
    }
    if (asking_ == 0) {
        if (timer_.active()) {
            timer_.cancel();
        }
        return;
    }
    // One that comes too early does no harm, and what is asked now times out no earlier than this.
    if (timer_.active() && timer_.getTime() <= later(loop_.clock().seconds(), timeout_)) {
        return;
    }
    timeval buffer{};
    const timeval* wait = ares_timeout(channel_, nullptr, &buffer);
    if (wait == nullptr) {
        return;
    }
    const Duration delay =
        std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec);
    if (timer_.active()) {
        timer_.reset(delay);
    } else {
        timer_ =
            loop_.clock().callLater(delay, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
    }
}

}  // namespace marline::detail
