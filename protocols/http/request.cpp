#include <marline/protocols/http/request.hpp>

#include <utility>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/cookie.hpp>
#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/detail/path.hpp>
#include <marline/protocols/http/detail/request_extras.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

// A request that is kept for the next one gives back what is larger than this.
constexpr std::size_t kKeptCapacity = 16 * 1024;

constexpr std::string_view kUrlEncoded = "application/x-www-form-urlencoded";

void emptied(std::string& text) {
    if (text.capacity() > kKeptCapacity) {
        text = {};
    } else {
        text.clear();
    }
}

}  // namespace

Request::Request() = default;
Request::~Request() = default;

// The request.

std::string_view Request::path() const noexcept { return detail::pathOf(uri_); }

std::string_view Request::query() const noexcept { return detail::queryOf(uri_); }

std::string_view Request::pathBelow() const noexcept { return path().substr(consumedBytes_); }

const std::vector<std::string>& Request::segments() {
    if (!segments_.empty()) {
        return segments_;
    }
    std::string_view rest = path();
    if (rest.starts_with('/')) {
        rest.remove_prefix(1);
    }
    for (;;) {
        const std::size_t slash = rest.find('/');
        detail::appendDecoded(segments_.emplace_back(), rest.substr(0, slash));
        if (slash == std::string_view::npos) {
            return segments_;
        }
        rest.remove_prefix(slash + 1);
    }
}

std::span<const std::string> Request::prepath() {
    return std::span(segments()).first(consumedSegments_);
}

std::span<const std::string> Request::postpath() {
    return std::span(segments()).subspan(consumedSegments_);
}

const Headers& Request::requestHeaders() {
    keepFields();
    return requestHeaders_;
}

std::optional<std::string_view> Request::getHeader(std::string_view name) const noexcept {
    return fieldsKept_ ? requestHeaders_.get(name) : findField(fields_, name);
}

std::optional<std::string_view> Request::getList(std::string_view name, std::string& joined) const {
    std::optional<std::string_view> first;
    bool several = false;
    const auto add = [&](std::string_view each, std::string_view value) {
        if (!sameFieldName(each, name)) {
            return;
        }
        if (!first) {
            first = value;
            return;
        }
        joined.append(several ? std::string_view() : *first).append(", ").append(value);
        several = true;
    };
    if (fieldsKept_) {
        for (const auto& [each, value] : requestHeaders_) {
            add(each, value);
        }
    } else {
        for (const FieldView& field : fields_) {
            add(field.name, field.value);
        }
    }
    return several ? std::string_view(joined) : first;
}

std::string_view Request::pathParameter(std::string_view name) const noexcept {
    return extras_ ? extras_->pathParameters.get(name).value_or("") : std::string_view{};
}

Ref<BodySink> Request::bodySink() const noexcept {
    return extras_ ? extras_->sink : Ref<BodySink>();
}

const Form& Request::form() {
    Extras& extras = this->extras();
    if (!extras.form) {
        extras.form = Ref<Form>(dynamic_cast<Form*>(extras.sink.get()));
    }
    if (!extras.form) {
        auto form = makeRef<Form>(getHeader("Content-Type").value_or(""), site().options().form);
        form->write(content_);
        form->finish();
        extras.form = std::move(form);
    }
    return *extras.form;
}

const Args& Request::args() {
    Extras& extras = this->extras();
    if (extras.argsRead) {
        return extras.args;
    }
    const std::size_t max = site().options().form.fields;
    Args args;
    Args sent;
    bool fits = args.addEncoded(query(), max);
    if (method_ == "POST") {
        const std::string_view type = getHeader("Content-Type").value_or("");
        if (sameFieldName(type.substr(0, type.find_first_of("; \t")), kUrlEncoded)) {
            fits = fits && sent.addEncoded(content_, max);
        } else if (Form::isForm(type)) {
            sent = form().fields();
        }
    }
    if (!fits || args.size() + sent.size() > max) {
        throw HttpError(kContentTooLarge, "there are more values than FormLimits::fields allows");
    }
    for (const auto& [name, value] : sent) {
        args.remove(name);
    }
    for (const auto& [name, value] : sent) {
        args.add(name, value);
    }
    extras.args = std::move(args);
    extras.argsRead = true;
    return extras.args;
}

std::optional<std::string_view> Request::getCookie(std::string_view name) const noexcept {
    const auto field = getHeader("Cookie");
    return field ? findCookie(*field, name) : std::nullopt;
}

Ref<Session> Request::getSession() {
    Ref<Session>& session = extras().session;
    if (session && !session->expired()) {
        session->touch();
        return session;
    }
    Sessions& sessions = site().sessions();
    const bool secure = isSecure();
    const SessionOptions& options = sessions.options();
    const std::string& cookie = secure ? options.secureCookie : options.cookie;
    session = sessions.find(getCookie(cookie).value_or(""));
    if (!session) {
        session = sessions.make();
        addCookie({.name = cookie,
                   .value = session->uid(),
                   .path = "/",
                   .secure = secure,
                   .httpOnly = true,
                   .sameSite = SameSite::Lax});
    }
    session->touch();
    return session;
}

std::string_view Request::authority() const noexcept {
    const std::size_t scheme = uri_.find("://");
    if (uri_.starts_with('/') || scheme >= uri_.size()) {
        return getHeader("Host").value_or("");
    }
    const std::string_view rest = std::string_view(uri_).substr(scheme + 3);
    return rest.substr(0, rest.find_first_of("/?"));
}

std::string Request::getRequestHostname() const {
    const std::string_view host = authority();
    const std::size_t bracket = host.find(']');
    const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    return marline::detail::lowerCase(host.substr(0, colon));
}

const std::string& Request::getUser() const noexcept {
    static const std::string kNobody;
    return extras_ ? extras_->user : kNobody;
}

void Request::setUser(std::string user) { extras().user = std::move(user); }

bool Request::isSecure() const noexcept { return channel_->secure(); }

const Address& Request::getPeer() const noexcept { return channel_->peer(); }

const Address& Request::getHost() const noexcept { return channel_->host(); }

Site& Request::site() const noexcept { return channel_->site(); }

IReactorTime& Request::clock() const noexcept { return channel_->site().clock(); }

Request::Extras& Request::extras() {
    if (!extras_) {
        extras_ = std::make_unique<Extras>();
    }
    return *extras_;
}

void Request::pauseBody() { channel_->pauseBody(*this); }

void Request::resumeBody() { channel_->resumeBody(*this); }

// For the channel, the site and the routes.

void Request::addPathParameter(std::string_view name, std::string value) {
    extras().pathParameters.add(std::string(name), std::move(value));
}

void Request::begin(HttpChannel& channel, const RequestHead& head) {
    channel_ = Ref<HttpChannel>(&channel);
    method_ = head.method;
    uri_ = head.target;
    version_ = head.version;
    fields_ = head.fields;
    fieldsKept_ = false;
    state_ = State::Waiting;
    receivedAt_ = channel.now();
}

/// Copies the fields, whose bytes are about to go.
void Request::keepFields() {
    if (!std::exchange(fieldsKept_, true)) {
        requestHeaders_.addRawHeaders(fields_);
        fields_ = {};
    }
}

void Request::clientGone(const Failure& why) {
    const Ref<Request> alive(this);
    state_ = State::Gone;
    gone_ = why;
    for (std::size_t i = 0; i < notified_.size(); ++i) {
        DeferredSource<> source = std::move(notified_[i]);
        source.errback(why);
    }
    notified_.clear();
}

/// Drops what the handler set, for an error in its place.
void Request::forgetResponse() {
    responseHeaders_.clear();
    phrase_.clear();
    code_ = kOk;
}

/// Becomes as new, with the memory of the old.
void Request::recycle() {
    channel_.reset();
    emptied(method_);
    emptied(uri_);
    emptied(content_);
    fields_ = {};
    requestHeaders_.clear();
    segments_.clear();
    if (extras_) {
        *extras_ = {};
    }
    notified_.clear();
    gone_.reset();
    remaining_ = 0;
    sentBytes_ = 0;
    consumedBytes_ = 0;
    consumedSegments_ = 0;
    chunked_ = false;
    lengthKnown_ = false;
    producing_ = false;
    forgetResponse();
}

}  // namespace marline::http
