#include <marline/agent/content_decoder_agent.hpp>

#include <stdexcept>
#include <string_view>
#include <utility>

#include <marline/agent/detail/decoding_body.hpp>
#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/detail/response_state.hpp>

namespace marline {
namespace {

/// What a Content-Encoding says, split into what is taken off and what stays.
struct Codings {
    std::vector<std::string> taken;  // the last one first
    std::string left;
};

class Decoding final : public IAgent {
public:
    Decoding(Ref<IAgent> inner, ContentDecoderAgentOptions options)
        : inner_(std::move(inner)), options_(std::move(options)) {
        if (options_.codings.empty()) {
            throw std::invalid_argument("ContentDecoderAgent: no coding to ask for");
        }
        for (const std::string& coding : options_.codings) {
            if (!http::ContentDecoder::knows(coding)) {
                throw std::invalid_argument("ContentDecoderAgent: content coding '" + coding +
                                            "' is not known");
            }
            accepted_ += (accepted_.empty() ? "" : ", ") + coding;
        }
    }

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        http::Headers fields = headers;
        if (!fields.hasHeader("Range")) {
            fields.addRawHeader("Accept-Encoding", accepted_);
        }
        return inner_->request(method, uri, fields, std::move(body))
            .addCallback([self = Ref<Decoding>(this)](const Response& response) {
                return self->decoded(response);
            });
    }

private:
    Response decoded(const Response& response) const {
        Codings codings = split(response.headers());
        if (codings.taken.empty() || response.length() == 0U || response.code() == 206) {
            return response;
        }
        http::Headers headers = response.headers();
        headers.removeHeader("Content-Encoding");
        headers.removeHeader("Content-Length");
        if (!codings.left.empty()) {
            headers.addRawHeader("Content-Encoding", codings.left);
        }
        return detail::filteredResponse(
            detail::ResponseInfo{response.code(), response.phrase(), response.version(),
                                 std::move(headers), std::nullopt, response.uri(),
                                 response.method()},
            response,
            [decoding = http::ContentDecoding(codings.taken, options_.limits),
             origin = response.uri().authority()](Ref<IProtocol> receiver) mutable {
                return makeRef<detail::DecodingBody>(std::move(receiver), std::move(decoding),
                                                     std::move(origin));
            });
    }

    Codings split(const http::Headers& headers) const {
        Codings codings;
        std::vector<std::string_view> all = detail::listedIn(headers, "Content-Encoding");
        while (!all.empty() && codings.taken.size() < http::kMaxContentCodings &&
               (wanted(all.back()) || detail::sameWord(all.back(), "identity"))) {
            if (wanted(all.back())) {
                codings.taken.emplace_back(all.back());
            }
            all.pop_back();
        }
        for (const std::string_view coding : all) {
            codings.left.append(codings.left.empty() ? "" : ", ").append(coding);
        }
        return codings;
    }

    bool wanted(std::string_view coding) const noexcept {
        if (detail::sameWord(coding, "x-gzip")) {
            coding = "gzip";
        }
        for (const std::string& known : options_.codings) {
            if (detail::sameWord(coding, known)) {
                return true;
            }
        }
        return false;
    }

    Ref<IAgent> inner_;
    ContentDecoderAgentOptions options_;
    std::string accepted_;
};

}  // namespace

ContentDecoderAgent::ContentDecoderAgent(const AgentHandle& agent,
                                         ContentDecoderAgentOptions options)
    : AgentHandle(makeRef<Decoding>(agent.agent(), std::move(options))) {}

}  // namespace marline
