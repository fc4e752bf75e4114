// Session: what a server remembers of one browser.
#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <typeindex>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

class Sessions;

/// One browser's session (Twisted: `Session`), by Request::getSession(). It ends when it was not
/// used for SessionOptions::timeout, or by expire(). Reactor thread only.
///
///     auto& cart = request.getSession()->data<Cart>();
class MARLINE_API Session final : public RefCounted {
public:
    /// Its name: 64 hexadecimal digits that nobody can guess.
    const std::string& uid() const noexcept { return uid_; }
    /// The T of this session, made by T() when it is first asked for (Twisted: components).
    template <class T>
    T& data() {
        std::any& slot = data_[std::type_index(typeid(T))];
        if (!slot.has_value()) {
            slot = T();
        }
        return *std::any_cast<T>(&slot);
    }
    /// Starts its time anew; Request::getSession() does.
    void touch();
    /// Ends it. A second time it does nothing.
    void expire();
    bool expired() const noexcept { return sessions_ == nullptr; }
    /// Fires when it ends, once (Twisted: `notifyOnExpire`); at once when it has.
    Deferred<> notifyOnExpire();

    /// Internal: made by Sessions.
    Session(Sessions& sessions, std::string uid) : sessions_(&sessions), uid_(std::move(uid)) {}

private:
    friend class Sessions;

    ~Session() override = default;

    Sessions* sessions_;  // null once expired
    std::string uid_;
    DelayedCall timer_;
    std::map<std::type_index, std::any> data_;
    std::vector<DeferredSource<>> expiring_;
};

/// How sessions are kept.
struct SessionOptions {
    /// Without use, after which a session ends.
    Duration timeout = std::chrono::minutes(15);
    /// Sessions at a time; a request that needs one more is answered with 503.
    std::size_t maxSessions = 100'000;
    /// The cookie that has its name, and the one over TLS, which stays there.
    std::string cookie = "MARLINE_SESSION";
    std::string secureCookie = "MARLINE_SECURE_SESSION";
};

/// Internal: the sessions of a Site.
class MARLINE_API Sessions {
public:
    Sessions(IReactorTime& clock, SessionOptions options)
        : clock_(clock), options_(std::move(options)) {}
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;
    /// Ends all without telling anybody.
    ~Sessions();

    const SessionOptions& options() const noexcept { return options_; }
    std::size_t size() const noexcept { return all_.size(); }
    /// The session of that name; empty without one.
    Ref<Session> find(std::string_view uid) const;
    /// A new one. Throws HttpError(503) when there are SessionOptions::maxSessions.
    Ref<Session> make();

private:
    friend class Session;

    IReactorTime& clock_;
    SessionOptions options_;
    std::map<std::string, Ref<Session>, std::less<>> all_;
};

}  // namespace marline::http
