#include "exit_status.hpp"

#include <marline/protocols/http/content_decoder.hpp>
#include <marline/protocols/http/parse_error.hpp>

namespace tools {
namespace {

using namespace marline;

Diagnosis diagnoseResponse(const ResponseFailed& failed) {
    for (const Failure& reason : failed.reasons()) {
        if (reason.check<http::ParseError>() != nullptr) {
            return {8, "response"};
        }
        if (reason.check<http::ContentCodingError>() != nullptr) {
            return {61, "body"};
        }
        if (reason.check<TimeoutError>() != nullptr) {
            const auto* late = reason.check<RequestTimeoutError>();
            return {28, late != nullptr ? std::string(phaseName(late->phase())) : "body"};
        }
        if (reason.check<RedirectError>() != nullptr) {
            return {47, "redirect"};
        }
        if (reason.check<BadRequest>() != nullptr) {
            return {43, "request"};
        }
    }
    return {56, "body"};
}

}  // namespace

Diagnosis diagnose(const Failure& why) {
    if (why.check<SchemeNotSupported>() != nullptr) {
        return {1, "url"};
    }
    if (why.check<UriError>() != nullptr) {
        return {3, "url"};
    }
    if (why.check<BadRequest>() != nullptr) {
        return {43, "request"};
    }
    if (why.check<DNSLookupError>() != nullptr) {
        return {6, "resolve"};
    }
    if (why.check<ConnectTimeoutError>() != nullptr) {
        return {28, "connect"};
    }
    if (why.check<ConnectError>() != nullptr) {
        return {7, "connect"};
    }
    if (why.check<TlsError>() != nullptr) {
        return {60, "tls"};
    }
    if (why.check<TimeoutError>() != nullptr) {
        return {28, "response"};
    }
    if (const auto* never = why.check<ResponseNeverReceived>()) {
        const auto* late = never->reasons().front().check<RequestTimeoutError>();
        return late != nullptr ? Diagnosis{28, std::string(phaseName(late->phase()))}
                               : Diagnosis{52, "response"};
    }
    if (why.check<BodyTooLarge>() != nullptr) {
        return {63, "body"};
    }
    if (why.check<PotentialDataLoss>() != nullptr) {
        return {56, "body"};
    }
    if (const auto* failed = why.check<ResponseFailed>()) {
        return diagnoseResponse(*failed);
    }
    return {70, "response"};
}

}  // namespace tools
