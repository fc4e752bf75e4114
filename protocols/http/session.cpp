#include <marline/protocols/http/session.hpp>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/random.h>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

/// 32 random bytes in hexadecimal (Twisted: Z-11).
std::string newUid() {
    std::array<unsigned char, 32> bytes{};
    while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::system_category(), "get random bytes");
        }
    }
    return marline::detail::hexText(bytes);
}

}  // namespace

void Session::touch() {
    if (timer_.active()) {
        timer_.reset(sessions_->options().timeout);
    }
}

void Session::expire() {
    if (expired()) {
        return;
    }
    const Ref<Session> alive(this);
    if (timer_.active()) {
        timer_.cancel();
    }
    std::exchange(sessions_, nullptr)->all_.erase(uid_);
    for (DeferredSource<>& source : std::exchange(expiring_, {})) {
        source.callback();
    }
}

Deferred<> Session::notifyOnExpire() {
    DeferredSource<> source;
    Deferred<> expires = source.deferred();
    if (expired()) {
        source.callback();
    } else {
        expiring_.push_back(std::move(source));
    }
    return expires;
}

Sessions::~Sessions() {
    for (auto& [uid, session] : all_) {
        if (session->timer_.active()) {
            session->timer_.cancel();
        }
        session->sessions_ = nullptr;
    }
}

Ref<Session> Sessions::find(std::string_view uid) const {
    const auto at = all_.find(uid);
    return at == all_.end() ? Ref<Session>() : at->second;
}

Ref<Session> Sessions::make() {
    if (all_.size() >= options_.maxSessions) {
        throw HttpError(kServiceUnavailable,
                        "there are as many sessions as SessionOptions::maxSessions allows");
    }
    auto session = makeRef<Session>(*this, newUid());
    session->timer_ =
        clock_.callLater(options_.timeout, [kept = session.get()] { kept->expire(); });
    all_.emplace(session->uid(), session);
    return session;
}

}  // namespace marline::http
