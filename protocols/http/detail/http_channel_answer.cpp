// How an HttpChannel answers: the resource, the page or the error, and the way out.
#include <string>
#include <utility>

#include <marline/protocols/http/detail/error_text.hpp>
#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/detail/stream_pump.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {

void HttpChannel::handle() {
    state_ = State::Handling;
    bodyPaused_ = false;  // by the sink at its end: there is nothing left to wait with
    Ref<Request> request = request_;
    try {
        render(*request);
    } catch (...) {
        failed(*request, Failure::current());
    }
    if (request.unique()) {
        site_->giveRequest(std::move(request));
    } else {
        request->keepFields();
    }
}

void HttpChannel::render(Request& request) {
    if (request.uri() == "*") {
        request.finish({});  // OPTIONS, as the parser saw to (Twisted: Z-10)
        return;
    }
    if (request.method() == "CONNECT") {
        errorPage(request, kNotImplemented, "this server is no proxy");
        return;
    }
    if (std::exchange(found_, false)) {
        answerAs(std::exchange(resource_, {}), request);
    } else {
        answerAs(site_->getResourceFor(request), request);
    }
}

void HttpChannel::answerAs(const Ref<Resource>& resource, Request& request) {
    if (resource) {
        answer(resource->render(request), request, *resource);
    } else {
        errorPage(request, kNotFound, "there is nothing here");
    }
}

void HttpChannel::answer(Rendered rendered, Request& request, Resource& resource) {
    if (const auto* body = std::get_if<std::string>(&rendered)) {
        request.finish(*body);
    } else if (auto* later = std::get_if<Deferred<std::string>>(&rendered)) {
        answerLater(std::move(*later), request,
                    [](Request& asked, const std::string& page) { asked.finish(page); });
    } else if (auto* stream = std::get_if<Ref<BodyStream>>(&rendered)) {
        makeRef<detail::StreamPump>(Ref<HttpChannel>(this), Ref<Request>(&request),
                                    std::move(*stream))
            ->start();
    } else if (auto* found = std::get_if<Deferred<Ref<Resource>>>(&rendered)) {
        answerLater(std::move(*found), request, [this](Request& asked, Ref<Resource> from) {
            if (from) {
                from = Site::getChildForRequest(std::move(from), asked);
            }
            answerAs(from, asked);
        });
    } else if (const auto* error = std::get_if<HttpError>(&rendered)) {
        errorPage(request, error->code(), error->what());
    } else if (std::holds_alternative<MethodNotAllowed>(rendered)) {
        notAllowed(request, resource);
    }
}

void HttpChannel::notAllowed(Request& request, Resource& resource) {
    if (!detail::isKnownMethod(request.method())) {
        errorPage(request, kNotImplemented, "this server does not know the method");
        return;
    }
    if (!request.responseHeaders().hasHeader("Allow")) {
        request.setHeader("Allow", resource.allowedMethods());
    }
    errorPage(request, kNotAllowed, "this method is not for this resource");
}

/// Goes on with `then(request, value)` once there is one. `then` may capture the channel as `this`:
/// it lives as long.
template <class T, class F>
void HttpChannel::answerLater(Deferred<T> outcome, Request& request, F then) {
    Deferred<> done =
        outcome.addBoth([self = Ref<HttpChannel>(this), asked = Ref<Request>(&request),
                         then](Result<T> result) mutable {
            if (self->request_ == asked) {
                self->rendering_.reset();
            }
            if (!result.ok()) {
                self->failed(*asked, result.failure());
            } else if (asked->state_ != Request::State::Gone) {
                try {
                    then(*asked, std::move(result).value());
                } catch (...) {
                    self->failed(*asked, Failure::current());
                }
            }
            if (asked.unique()) {
                self->site_->giveRequest(std::move(asked));
            }
        });
    if (request_.get() == &request && !request.finished()) {
        rendering_ = std::move(done);
    }
}

/// The handler has failed: an error page, when there is still room for one (Twisted: Z-9).
void HttpChannel::failed(Request& request, const Failure& why) {
    if (request.state_ == Request::State::Gone && why.check<CancelledError>() != nullptr) {
        return;
    }
    const auto* meant = why.check<HttpError>();
    if (meant == nullptr || request.state_ == Request::State::Writing) {
        log(LogLevel::Error, "exception while handling " + request.method() + " " + request.uri() +
                                 ": " + why.brief());
    }
    if (request.state_ == Request::State::Waiting) {
        request.forgetResponse();
        if (meant != nullptr) {
            errorPage(request, meant->code(), meant->what());
        } else {
            errorPage(request, kInternalServerError,
                      site_->options().displayFailures ? why.describe()
                                                       : std::string(detail::kFailedText));
        }
    } else if (request.state_ == Request::State::Writing) {
        abort();
    }
}

void HttpChannel::errorPage(Request& request, int code, std::string_view text) {
    request.setResponseCode(code);
    request.setHeader("Content-Type", "text/plain");
    request.finish(detail::errorText(code, text));
}

void HttpChannel::requestFinished() {
    const Ref<HttpChannel> alive(this);
    request_.reset();
    rendering_.reset();
    if (transport_ == nullptr) {
        return;
    }
    if (!keepAlive_) {
        close();
        return;
    }
    state_ = State::Idle;
    readHeld();
}

// Sending.

std::string_view HttpChannel::date() const {
    return site_->date(reading_ ? now_ : site_->clock().seconds());
}

void HttpChannel::send(std::string_view bytes) {
    if (transport_ != nullptr && !bytes.empty()) {
        sent_ += bytes.size();
        transport_->write(bytes);
    }
}

/// As Request::sendFile().
std::optional<Deferred<>> HttpChannel::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    if (transport_ == nullptr || !transport_->fileBytesBuffered()) {
        return std::nullopt;
    }
    Deferred<> sending = transport_->sendFile(fd, offset, count);
    if (sending.called()) {
        // It could not begin: there is no descriptor left for it.
        sending.addErrback([](const Failure&) {});
        return std::nullopt;
    }
    sent_ += count;
    return sending;
}

void HttpChannel::resumeProducing() {
    const Ref<HttpChannel> alive(this);
    blocked_ = false;
    if (mayRead()) {
        readHeld();
    }
}

void HttpChannel::attachProducer(IProducer& producer, Producing mode) {
    transport_->unregisterProducer();
    blocked_ = false;
    attached_ = &producer;
    transport_->registerProducer(producer, mode);
}

void HttpChannel::detachProducer() {
    if (std::exchange(attached_, nullptr) != nullptr && transport_ != nullptr) {
        transport_->unregisterProducer();
        transport_->registerProducer(*this, Producing::Push);
    }
}

}  // namespace marline::http
