// Internal: not installed. One c-ares channel on a loop.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ares.h>

#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/detail/event_loop.hpp>

namespace marline::detail {

class AresChannel;

struct FreeAddresses {
    void operator()(ares_addrinfo* info) const noexcept { ares_freeaddrinfo(info); }
};

/// One question, and what came of it.
class AresQuestion {
public:
    /// The type that asks for the addresses of both kinds, with the system's search domains.
    static constexpr int kAddresses = 0;

    /// About the records of `type` of exactly `name`.
    AresQuestion(std::string name, int type) : name_(std::move(name)), type_(type) {}
    AresQuestion(const AresQuestion&) = delete;
    AresQuestion& operator=(const AresQuestion&) = delete;
    virtual ~AresQuestion() = default;

    const std::string& name() const noexcept { return name_; }
    /// False when nobody waits for the answer any more.
    virtual bool wanted() const noexcept = 0;
    /// Called exactly once, unless the channel dies first; the three below say with what.
    virtual void answered() = 0;

protected:
    /// A c-ares status.
    int status() const noexcept { return status_; }
    /// With ARES_SUCCESS for kAddresses, and for a type of records.
    const ares_addrinfo& info() const noexcept { return *info_; }
    std::span<const unsigned char> message() const noexcept { return message_; }

private:
    friend class AresChannel;

    std::string name_;
    int type_;
    int status_ = ARES_SUCCESS;
    AresChannel* channel_ = nullptr;
    std::unique_ptr<ares_addrinfo, FreeAddresses> info_;
    std::vector<unsigned char> message_;
};

/// A c-ares channel whose sockets and time-outs are the loop's.
///
/// c-ares must not be left or cancelled from inside its own callbacks (it frees what it is about to
/// use), so questions are told of their answers only when it has returned.
///
/// Only so many questions are under way at a time. All go through one socket, ours and the
/// server's: the datagrams that find no room there are lost, and asked for only after a time-out.
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
    /// Asks it, now or when fewer questions are under way.
    void ask(std::unique_ptr<AresQuestion> question);

private:
    void open(const AresResolverOptions& options, int flags);
    static void socketState(void* self, ares_socket_t fd, int readable, int writable);
    void start(std::unique_ptr<AresQuestion> question);
    void startWaiting();
    void answered(std::unique_ptr<AresQuestion> question);
    static void answer(void* question, int status, int timeouts, ares_addrinfo* info);
    static void reply(void* question, int status, int timeouts, unsigned char* message, int size);
    static void ready(int fd, short what, void* self);
    void process(ares_socket_t readable, ares_socket_t writable);
    void tell();
    void schedule();

    EventLoop& loop_;
    ares_channel channel_ = nullptr;
    int status_;
    std::unordered_map<ares_socket_t, std::unique_ptr<FdEvent>> sockets_;
    std::vector<std::unique_ptr<FdEvent>> closed_;       // c-ares closes them from their own events
    std::deque<std::unique_ptr<AresQuestion>> waiting_;  // to be asked
    std::vector<std::unique_ptr<AresQuestion>> answered_;  // to be told
    std::vector<std::unique_ptr<AresQuestion>> telling_;   // those before, while they are told
    std::size_t asking_ = 0;
    std::size_t maxAsking_;
    Duration timeout_;
    DelayedCall timer_;  // for what times out
    DelayedCall soon_;   // for what is answered already
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool busy_ = false;  // in c-ares, or telling
};

}  // namespace marline::detail
