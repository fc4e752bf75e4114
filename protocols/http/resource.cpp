#include <marline/protocols/http/resource.hpp>

namespace marline::http {

Ref<Resource> Resource::getChild(const std::string& name, Request&) {
    const auto found = children_.find(name);
    return found != children_.end() ? found->second : Ref<Resource>();
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
    if (method == "DELETE") {
        return renderDelete(request);
    }
    return MethodNotAllowed{};
}

Rendered Data::renderGet(Request& request) {
    request.setHeader("Content-Type", contentType_);
    return body_;
}

}  // namespace marline::http
