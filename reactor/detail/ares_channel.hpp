// Internal: not installed. One c-ares channel on a loop.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <ares.h>

#include <marline/deferred/function.hpp>
#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/detail/event_loop.hpp>

namespace marline::detail {

/// What one question came to: a c-ares status, and the addresses when that is ARES_SUCCESS.
struct AresAnswer {
    int status;
    ares_addrinfo* info;  // borrowed for the call; null without success
};

/// A c-ares channel whose sockets and time-outs are the loop's.
///
/// c-ares must not be left or cancelled from inside its own callbacks (it frees what it is about to
/// use), so answers reach `answered` only when it has returned.
class AresChannel {
public:
    AresChannel(EventLoop& loop, const AresResolverOptions& options);
    AresChannel(const AresChannel&) = delete;
    AresChannel& operator=(const AresChannel&) = delete;
    ~AresChannel();

    /// ARES_SUCCESS, or why the channel could not be made.
    int status() const noexcept { return status_; }
    /// The servers that are asked, for messages.
    std::string servers() const;
    /// Looks up the addresses of `name`; `answered` is called exactly once, unless this dies first.
    void lookUp(const std::string& name, UniqueFunction<void(const AresAnswer&)> answered);
    /// Asks for records of `type`; `answered` gets a status, and the message with ARES_SUCCESS.
    using Message = std::span<const unsigned char>;
    void query(const std::string& name, int type,
               UniqueFunction<void(int status, Message message)> answered);

private:
    struct Question {
        AresChannel* channel;
        UniqueFunction<void(const AresAnswer&)> answered;
    };
    struct Query {
        AresChannel* channel;
        UniqueFunction<void(int, Message)> answered;
        std::vector<unsigned char> message;
    };

    void open(const AresResolverOptions& options, int flags);
    static void socketState(void* self, ares_socket_t fd, int readable, int writable);
    static void answer(void* question, int status, int timeouts, ares_addrinfo* info);
    static void reply(void* query, int status, int timeouts, unsigned char* message, int size);
    template <class Ask>
    void ask(Ask&& call);
    static void ready(int fd, short what, void* self);
    void process(ares_socket_t readable, ares_socket_t writable);
    void afterAres();
    void schedule();

    EventLoop& loop_;
    ares_channel channel_ = nullptr;
    int status_;
    std::unordered_map<ares_socket_t, std::unique_ptr<FdEvent>> sockets_;
    std::vector<std::unique_ptr<FdEvent>> closed_;  // c-ares closes them from their own events
    std::vector<UniqueFunction<void()>> ready_;     // what is to be told
    DelayedCall timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool inAres_ = false;
};

}  // namespace marline::detail
