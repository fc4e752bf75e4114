// Resource: a place in a site's tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/body_sink.hpp>
#include <marline/protocols/http/body_stream.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/request.hpp>

namespace marline::http {

/// The handler has finished the request, or keeps a Ref<Request> and will finish() it by itself
/// (Twisted: `NOT_DONE_YET`).
struct NotDoneYet {};
/// The resource does not know this method; the answer is 405, or 501 for a method that nobody
/// knows.
struct MethodNotAllowed {};

class Resource;

/// What a handler gives: the body, a Deferred of it, a body that is made while it is sent, a
/// Deferred of another resource to go on from, an error as if it were thrown, or one of the above.
using Rendered = std::variant<std::string, Deferred<std::string>, Ref<BodyStream>,
                              Deferred<Ref<Resource>>, HttpError, NotDoneYet, MethodNotAllowed>;

/// A place in a site's tree (Twisted: `Resource`). Override the methods that it knows.
///
/// A handler that throws, or whose Deferred fails, makes a 500 without a word about why, and is
/// logged; an HttpError makes the answer that it says. When the client goes while a Deferred is
/// pending, that is cancelled.
class MARLINE_API Resource : public RefCounted {
public:
    /// Puts `child` below this, where `name` is one segment of a path, decoded. It takes the place
    /// of the one before.
    void putChild(std::string name, Ref<Resource> child);
    /// The resource for the next segment of the path, decoded; empty makes a 404. Looks among the
    /// children unless overridden.
    virtual Ref<Resource> getChild(std::string_view name, Request& request);
    /// The resource that answers this request in place of this one, path and all; empty: this one
    /// does. How resources wrap others: virtual hosts, or a check of who asks.
    virtual Ref<Resource> standIn(Request&) { return {}; }
    /// True when this answers for everything below it: getChild() is not asked.
    virtual bool isLeaf() const noexcept { return false; }

    /// Where the body of a request is to go while it comes; empty: to Request::content(), up to
    /// SiteOptions::maxBody. Asked once the head is there, before the client is told to continue;
    /// an HttpError thrown here refuses the request, and closes the connection.
    virtual Ref<BodySink> bodySink(Request&) { return {}; }

    /// Answers a request: renderGet() and so on, by its method.
    virtual Rendered render(Request& request);
    virtual Rendered renderGet(Request&) { return MethodNotAllowed{}; }
    /// As renderGet(), whose body is not sent.
    virtual Rendered renderHead(Request& request) { return renderGet(request); }
    virtual Rendered renderPost(Request&) { return MethodNotAllowed{}; }
    virtual Rendered renderPut(Request&) { return MethodNotAllowed{}; }
    virtual Rendered renderPatch(Request&) { return MethodNotAllowed{}; }
    virtual Rendered renderDelete(Request&) { return MethodNotAllowed{}; }
    /// Says what allowedMethods() says (RFC 9110 §9.3.7).
    virtual Rendered renderOptions(Request& request);
    /// The Allow field of a 405 and of the answer to OPTIONS: to be overridden together with the
    /// methods.
    virtual std::string allowedMethods() const { return "GET, HEAD, OPTIONS"; }

protected:
    ~Resource() override = default;

private:
    std::vector<std::pair<std::string, Ref<Resource>>> children_;  // by name
};

/// Always the same page (Twisted: `static.Data`).
class MARLINE_API Data final : public Resource {
public:
    Data(std::string body, std::string contentType)
        : body_(std::move(body)), contentType_(std::move(contentType)) {}

    Rendered renderGet(Request& request) override;

private:
    std::string body_;
    std::string contentType_;
};

/// Calls a function for every request to it and below it, whatever the method.
class MARLINE_API FunctionResource final : public Resource {
public:
    explicit FunctionResource(UniqueFunction<Rendered(Request&)> call) : call_(std::move(call)) {}

    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override { return call_(request); }

private:
    UniqueFunction<Rendered(Request&)> call_;
};

}  // namespace marline::http
