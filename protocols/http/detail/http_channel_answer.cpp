// How an HttpChannel answers: the resource, the page or the error, and the way out.
#include <string>
#include <utility>

#include <marline/protocols/http/detail/error_text.hpp>
#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {

void HttpChannel::handle() {
    state_ = State::Handling;
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
    const Ref<Resource> resource = site_->getResourceFor(request);
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
        answerLater(std::move(*later), request);
    } else if (std::holds_alternative<MethodNotAllowed>(rendered)) {
        if (detail::isKnownMethod(request.method())) {
            request.setHeader("Allow", resource.allowedMethods());
            errorPage(request, kNotAllowed, "this method is not for this resource");
        } else {
            errorPage(request, kNotImplemented, "this server does not know the method");
        }
    }
}

void HttpChannel::answerLater(Deferred<std::string> page, Request& request) {
    rendering_ = page;
    page.addBoth([self = Ref<HttpChannel>(this),
                  asked = Ref<Request>(&request)](Result<std::string> outcome) mutable {
        if (self->request_ == asked) {
            self->rendering_.reset();
        }
        if (outcome.ok()) {
            self->deliver(*asked, outcome.value());
        } else {
            self->failed(*asked, outcome.failure());
        }
        if (asked.unique()) {
            self->site_->giveRequest(std::move(asked));
        }
    });
}

void HttpChannel::deliver(Request& request, std::string_view page) {
    try {
        if (request.state_ != Request::State::Gone) {
            request.finish(page);
        }
    } catch (...) {
        failed(request, Failure::current());
    }
}

/// The handler has failed: an error page, when there is still room for one (Twisted: Z-9).
void HttpChannel::failed(Request& request, const Failure& why) {
    if (request.state_ == Request::State::Gone && why.check<CancelledError>() != nullptr) {
        return;
    }
    log(LogLevel::Error,
        "exception while handling " + request.method() + " " + request.uri() + ": " + why.brief());
    if (request.state_ == Request::State::Waiting) {
        request.forgetResponse();
        errorPage(request, kInternalServerError, "the server has failed; its log says why");
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
