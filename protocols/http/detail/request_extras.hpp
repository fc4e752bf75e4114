// Internal: not installed. What only some requests have.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/args.hpp>
#include <marline/protocols/http/body_sink.hpp>
#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/session.hpp>

namespace marline::http {

struct Request::Extras {
    Args pathParameters;
    Args args;
    bool argsRead = false;
    Ref<BodySink> sink;
    Ref<Form> form;
    Ref<Session> session;
    std::string etag;
    std::string user;
    Ref<ContentEncodings> encodings;
    std::unique_ptr<ContentEncoder> encoder;
    std::optional<HttpTime> lastModified;
};

}  // namespace marline::http
