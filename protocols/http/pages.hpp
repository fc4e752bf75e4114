// Pages: small resources that say one thing, and what HTML needs.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/resource.hpp>

namespace marline::http {

/// `text` with `&`, `<`, `>` and both quotes escaped: fit for an HTML text or attribute.
MARLINE_API std::string escapeHtml(std::string_view text);

/// A page of HTML that answers everything to it and below it with `code` (Twisted:
/// `pages.errorPage`, Z-26). Both texts are escaped. Throws std::invalid_argument outside of 200 to
/// 999.
MARLINE_API Ref<Resource> errorPage(int code, std::string_view brief, std::string_view detail);
/// The 404 and the 403 of it.
MARLINE_API Ref<Resource> notFound(
    std::string_view brief = "No Such Resource",
    std::string_view detail = "Sorry. No luck finding that resource.");
MARLINE_API Ref<Resource> forbidden(std::string_view brief = "Forbidden Resource",
                                    std::string_view detail = "Sorry, resource is forbidden.");

/// Makes the response a redirect to `url`, and gives the page for clients that do not follow it
/// (Twisted: `util.redirectTo`). `code` is 301, 302, 303, 307 or 308, else this throws
/// std::invalid_argument, as it does for an `url` that cannot be sent.
///
///     Rendered renderPost(Request& request) override { return redirectTo("/done", request, 303); }
MARLINE_API std::string redirectTo(std::string_view url, Request& request, int code = 302);

/// Redirects everything to it and below it to one place (Twisted: `util.Redirect`).
class MARLINE_API Redirect final : public Resource {
public:
    explicit Redirect(std::string url, int code = 302) : url_(std::move(url)), code_(code) {}

    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override { return redirectTo(url_, request, code_); }

private:
    std::string url_;
    int code_;
};

/// Answers as the resource that a Deferred will give (Twisted: `util.DeferredResource`): for a
/// resource that is looked up somewhere first, in getChild(). The path goes on from the one that is
/// found. Serves one request. A failure is as one of the handler; an empty Ref is a 404.
class MARLINE_API DeferredResource final : public Resource {
public:
    explicit DeferredResource(Deferred<Ref<Resource>> found) : found_(std::move(found)) {}

    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request&) override { return found_; }

private:
    Deferred<Ref<Resource>> found_;
};

}  // namespace marline::http
