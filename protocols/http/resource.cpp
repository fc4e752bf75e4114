#include <marline/protocols/http/resource.hpp>

#include <algorithm>

#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

constexpr auto kByName = [](const auto& child, std::string_view name) {
    return child.first < name;
};

}  // namespace

void Resource::putChild(std::string name, Ref<Resource> child) {
    const auto at = std::lower_bound(children_.begin(), children_.end(), name, kByName);
    if (at != children_.end() && at->first == name) {
        at->second = std::move(child);
    } else {
        children_.emplace(at, std::move(name), std::move(child));
    }
}

Ref<Resource> Resource::getChild(std::string_view name, Request&) {
    const auto at = std::lower_bound(children_.begin(), children_.end(), name, kByName);
    return at != children_.end() && at->first == name ? at->second : Ref<Resource>();
}

Rendered Resource::render(Request& request) {
    const std::string& method = request.method();
    if (method == "GET") {
        return renderGet(request);
    }
    if (method == "HEAD") {
        return renderHead(request);
    }
    if (method == "POST") {
        return renderPost(request);
    }
    if (method == "PUT") {
        return renderPut(request);
    }
    if (method == "PATCH") {
        return renderPatch(request);
    }
    if (method == "DELETE") {
        return renderDelete(request);
    }
    if (method == "OPTIONS") {
        return renderOptions(request);
    }
    return MethodNotAllowed{};
}

Rendered Resource::renderOptions(Request& request) {
    request.setResponseCode(kNoContent);
    request.setHeader("Allow", allowedMethods());
    return std::string();
}

Rendered Data::renderGet(Request& request) {
    request.setHeader("Content-Type", contentType_);
    request.finish(body_);
    return NotDoneYet{};
}

}  // namespace marline::http
