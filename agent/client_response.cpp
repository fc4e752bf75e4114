#include <algorithm>
#include <memory>
#include <utility>

#include <iconv.h>

#include <marline/agent/client.hpp>
#include <marline/agent/detail/field_list.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

/// The charset that Content-Type names; empty when it names none.
std::string charsetIn(std::string_view type) {
    while (!type.empty()) {
        const std::string_view part = detail::trimmed(type.substr(0, type.find(';')));
        constexpr std::string_view kCharset = "charset=";
        if (part.size() > kCharset.size() &&
            detail::sameWord(part.substr(0, kCharset.size()), kCharset)) {
            std::string name(part.substr(kCharset.size()));
            std::erase(name, '"');
            return name;
        }
        type.remove_prefix(std::min(type.find(';'), type.size() - 1) + 1);
    }
    return {};
}

bool isJson(std::string_view type) {
    const std::string_view media = detail::trimmed(type.substr(0, type.find(';')));
    return detail::sameWord(media, "application/json") ||
           (media.size() > 5 && detail::sameWord(media.substr(media.size() - 5), "+json"));
}

Result<std::string> toUtf8(const std::string& text, const std::string& charset) {
    const auto closer = [](iconv_t* converter) { iconv_close(*converter); };
    iconv_t converter = iconv_open("UTF-8", charset.c_str());
    if (converter == reinterpret_cast<iconv_t>(-1)) {
        return Failure::make<Error>("the charset '" + charset + "' of the body is not known");
    }
    const std::unique_ptr<iconv_t, decltype(closer)> owner(&converter, closer);
    std::string out(text.size() * 4 + 16, '\0');
    char* from = const_cast<char*>(text.data());  // iconv only reads
    std::size_t fromLeft = text.size();
    char* to = out.data();
    std::size_t toLeft = out.size();
    if (iconv(converter, &from, &fromLeft, &to, &toLeft) == static_cast<std::size_t>(-1) ||
        iconv(converter, nullptr, nullptr, &to, &toLeft) == static_cast<std::size_t>(-1)) {
        return Failure::make<Error>("the body is not of its charset, '" + charset + "', at byte " +
                                    std::to_string(text.size() - fromLeft));
    }
    out.resize(out.size() - toLeft);
    return out;
}

}  // namespace

/// The body once read, and who waits for it.
class ClientResponse::Content final : public RefCounted {
public:
    Deferred<std::string> get(const Response& response, std::size_t maxBytes) {
        if (outcome_) {
            return outcome_->ok() ? succeed(outcome_->value())
                                  : fail<std::string>(outcome_->failure());
        }
        Deferred<std::string> turn = waiting_.emplace_back().deferred();
        if (!std::exchange(started_, true)) {
            readBody(response, maxBytes)
                .addBoth([self = Ref<Content>(this)](Result<std::string> outcome) {
                    self->done(std::move(outcome));
                });
        }
        return turn;
    }

private:
    ~Content() override = default;

    void done(Result<std::string> outcome) {
        outcome_ = std::move(outcome);
        for (DeferredSource<std::string>& source : std::exchange(waiting_, {})) {
            if (!source.pending()) {
                continue;
            }
            outcome_->ok() ? source.callback(outcome_->value())
                           : source.errback(outcome_->failure());
        }
    }

    std::optional<Result<std::string>> outcome_;
    std::vector<DeferredSource<std::string>> waiting_;
    bool started_ = false;
};

ClientResponse::ClientResponse(const Response& response)
    : Response(response), content_(makeRef<Content>()) {}

ClientResponse::ClientResponse(const ClientResponse&) noexcept = default;
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;
ClientResponse& ClientResponse::operator=(ClientResponse other) noexcept {
    content_.swap(other.content_);
    Response::operator=(other);
    return *this;
}
ClientResponse::~ClientResponse() = default;

Deferred<std::string> ClientResponse::content(std::size_t maxBytes) const {
    return content_->get(*this, maxBytes);
}

Deferred<std::string> ClientResponse::text(std::string charset) const {
    const std::string type(headers().get("Content-Type").value_or(""));
    if (const std::string given = charsetIn(type); !given.empty()) {
        charset = given;
    } else if (isJson(type)) {
        charset = "UTF-8";
    }
    return content().addCallback(
        [charset](const std::string& body) { return toUtf8(body, charset); });
}

std::vector<Response> ClientResponse::history() const {
    std::vector<Response> all;
    for (const Response* r = previousResponse(); r != nullptr; r = r->previousResponse()) {
        all.push_back(*r);
    }
    std::reverse(all.begin(), all.end());
    return all;
}

Result<ClientResponse> raiseForStatus(const ClientResponse& response) {
    if (response.code() < 400) {
        return response;
    }
    return Failure::make<StatusError>(
        response.code(), response.method() + " " + response.uri().toString() +
                             " was answered with " + std::to_string(response.code()) + " " +
                             response.phrase());
}

}  // namespace marline
