#include <marline/protocols/http/routes.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

enum class Kind : std::uint8_t { Text, Int, Any, Path };

struct Segment {
    Kind kind;
    std::string text;  // literal, or the parameter's name
};

[[noreturn]] void refuse(std::string_view pattern, const std::string& why) {
    throw std::invalid_argument("route " + std::string(pattern) + ": " + why);
}

Segment segmentOf(std::string_view text, std::string_view pattern) {
    if (!text.starts_with('{')) {
        if (text.find_first_of("{}") != std::string_view::npos) {
            refuse(pattern, "a parameter is a whole segment, as in /{name}/");
        }
        return {Kind::Text, std::string(text)};
    }
    if (!text.ends_with('}')) {
        refuse(pattern, "a { without its } at the segment's end");
    }
    text = text.substr(1, text.size() - 2);
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view kind = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    if (name.empty()) {
        refuse(pattern, "a parameter without a name");
    }
    if (kind.empty()) {
        return {Kind::Any, std::string(name)};
    }
    if (kind != "int" && kind != "path") {
        refuse(pattern, "a parameter is int or path, not " + std::string(kind));
    }
    return {kind == "int" ? Kind::Int : Kind::Path, std::string(name)};
}

std::vector<Segment> parse(std::string_view pattern) {
    if (!pattern.starts_with('/')) {
        refuse(pattern, "it begins with /");
    }
    std::vector<Segment> segments;
    for (std::string_view rest = pattern.substr(1);;) {
        const std::size_t slash = rest.find('/');
        Segment segment = segmentOf(rest.substr(0, slash), pattern);
        for (const Segment& other : segments) {
            if (other.kind != Kind::Text && segment.kind != Kind::Text &&
                other.text == segment.text) {
                refuse(pattern, "two parameters called " + segment.text);
            }
        }
        if (segment.kind == Kind::Path && slash != std::string_view::npos) {
            refuse(pattern, "a parameter of kind path stands at the end");
        }
        segments.push_back(std::move(segment));
        if (slash == std::string_view::npos) {
            return segments;
        }
        rest.remove_prefix(slash + 1);
    }
}

bool fits(Kind kind, std::string_view segment) noexcept {
    return !segment.empty() &&
           (kind == Kind::Any || std::all_of(segment.begin(), segment.end(), detail::isDigit));
}

/// The segments as one text, with slashes between them.
std::string joined(std::span<const std::string> segments) {
    std::string text = segments.front();
    for (const std::string& segment : segments.subspan(1)) {
        text.append("/").append(segment);
    }
    return text;
}

}  // namespace

struct Routes::Node {
    struct Method {
        std::string name;
        std::vector<std::string> parameters;  // as this route calls them, in order
        Call call;
    };

    std::map<std::string, std::unique_ptr<Node>, std::less<>> texts;
    std::unique_ptr<Node> parameters[3];  // Int, Any, Path
    std::vector<Method> methods;

    std::unique_ptr<Node>& parameter(Kind kind) noexcept {
        return parameters[static_cast<std::size_t>(kind) - 1];
    }

    Node& below(const Segment& segment) {
        auto& slot = segment.kind == Kind::Text ? texts[segment.text] : parameter(segment.kind);
        if (!slot) {
            slot = std::make_unique<Node>();
        }
        return *slot;
    }

    Method* method(std::string_view name) noexcept {
        const auto at = std::find_if(methods.begin(), methods.end(),
                                     [name](const Method& each) { return each.name == name; });
        return at == methods.end() ? nullptr : &*at;
    }

    std::string allow() const {
        std::string names;
        for (const Method& each : methods) {
            if (each.name != "OPTIONS") {
                names.append(each.name).append(each.name == "GET" ? ", HEAD, " : ", ");
            }
        }
        return names + "OPTIONS";
    }
};

/// Looks for the best route of a method; `values` are those of the parameters on the way, and
/// `other` is the best one of any method.
struct Routes::Search {
    std::string_view wanted;
    std::vector<std::string>& values;
    Node* other = nullptr;

    Node::Method* at(Node& node) {
        if (other == nullptr && !node.methods.empty()) {
            other = &node;
        }
        return node.method(wanted);
    }

    Node::Method* through(Node* node, std::string value, std::span<const std::string> rest) {
        if (node == nullptr) {
            return nullptr;
        }
        values.push_back(std::move(value));
        Node::Method* found = below(*node, rest);
        if (found == nullptr) {
            values.pop_back();
        }
        return found;
    }

    Node::Method* below(Node& node, std::span<const std::string> path) {
        if (path.empty()) {
            return at(node);
        }
        const auto rest = path.subspan(1);
        if (const auto text = node.texts.find(path.front()); text != node.texts.end()) {
            if (Node::Method* found = below(*text->second, rest)) {
                return found;
            }
        }
        for (const Kind kind : {Kind::Int, Kind::Any}) {
            if (fits(kind, path.front())) {
                if (Node::Method* found = through(node.parameter(kind).get(), path.front(), rest)) {
                    return found;
                }
            }
        }
        return through(node.parameter(Kind::Path).get(), joined(path), {});
    }
};

Routes::Routes() : root_(std::make_unique<Node>()) {}
Routes::~Routes() = default;

void Routes::route(std::string_view method, std::string_view pattern, Call call) {
    Node* node = root_.get();
    std::vector<std::string> parameters;
    for (Segment& segment : parse(pattern)) {
        node = &node->below(segment);
        if (segment.kind != Kind::Text) {
            parameters.push_back(std::move(segment.text));
        }
    }
    if (node->method(method) != nullptr) {
        refuse(pattern, "there is a route of this kind for " + std::string(method) + " already");
    }
    node->methods.push_back({std::string(method), std::move(parameters), std::move(call)});
}

Rendered Routes::render(Request& request) {
    static const std::string kNothing;  // the one segment of a request to the resource itself
    const auto below = request.postpath();
    const auto path = below.empty() ? std::span(&kNothing, 1) : below;
    values_.clear();
    Search search{request.method() == "HEAD" ? "GET" : std::string_view(request.method()), values_};
    if (Node::Method* found = search.below(*root_, path)) {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            request.addPathParameter(found->parameters[i], std::move(values_[i]));
        }
        return found->call(request);
    }
    if (search.other == nullptr) {
        return HttpError(kNotFound, "there is nothing here");
    }
    request.setHeader("Allow", search.other->allow());
    if (request.method() != "OPTIONS") {
        return MethodNotAllowed{};
    }
    request.setResponseCode(kNoContent);
    return std::string();
}

}  // namespace marline::http
