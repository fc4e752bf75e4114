#include <marline/protocols/http/pages.hpp>

#include <stdexcept>

#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";

std::string htmlPage(std::string_view title, std::string_view body) {
    std::string page = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>";
    page.append(title).append("</title></head>\n<body>\n").append(body);
    return page.append("\n</body>\n</html>\n");
}

/// The same page for everything below it (Twisted: Z-26).
class FixedPage final : public Resource {
public:
    FixedPage(int code, std::string page) : page_(std::move(page)), code_(code) {}

    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override {
        request.setResponseCode(code_);
        request.setHeader("Content-Type", kHtml);
        return page_;
    }

private:
    std::string page_;
    int code_;
};

}  // namespace

std::string escapeHtml(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        case '\'': escaped += "&#39;"; break;
        default: escaped += c;
        }
    }
    return escaped;
}

Ref<Resource> errorPage(int code, std::string_view brief, std::string_view detail) {
    if (code < 200 || code > 999) {
        throw std::invalid_argument("status code " + std::to_string(code) +
                                    " is not of 200 to 999");
    }
    const std::string title = std::to_string(code) + " - " + escapeHtml(brief);
    return makeRef<FixedPage>(code, htmlPage(title, "<h1>" + escapeHtml(brief) + "</h1>\n<p>" +
                                                        escapeHtml(detail) + "</p>"));
}

Ref<Resource> notFound(std::string_view brief, std::string_view detail) {
    return errorPage(kNotFound, brief, detail);
}

Ref<Resource> forbidden(std::string_view brief, std::string_view detail) {
    return errorPage(kForbidden, brief, detail);
}

std::string redirectTo(std::string_view url, Request& request, int code) {
    if (code != kMovedPermanently && code != kFound && code != kSeeOther &&
        code != kTemporaryRedirect && code != kPermanentRedirect) {
        throw std::invalid_argument("redirectTo(): " + std::to_string(code) +
                                    " is no redirect; use 301, 302, 303, 307 or 308");
    }
    request.setHeader("Location", url);
    request.setResponseCode(code);
    request.setHeader("Content-Type", kHtml);
    const std::string link = escapeHtml(url);
    return htmlPage("Moved", "<a href=\"" + link + "\">" + link + "</a>");
}

}  // namespace marline::http
