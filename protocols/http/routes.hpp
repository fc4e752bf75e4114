// Routes: a resource that finds a function by method and path.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/protocols/http/resource.hpp>

namespace marline::http {

/// Answers everything below it by a table of patterns (Twisted users: what klein does).
///
///     auto routes = makeRef<http::Routes>();
///     routes->get("/books/{id:int}", [](http::Request& request) -> http::Rendered {
///         return "book " + std::string(request.pathParameter("id"));
///     });
///     auto site = makeRef<http::Site>(reactor, routes);
///
/// A pattern begins with `/`. A segment of it is literal text, `{name}` for any segment that is not
/// empty, `{name:int}` for one of digits only, or at the end `{name:path}` for all that is left.
/// What is more literal wins, among those of the request's method: text, `int`, any, `path`. What
/// matched is in Request::pathParameter(),
/// decoded segment by segment. No pattern: 404. No such method: 405 with Allow. GET also serves
/// HEAD, and OPTIONS is answered from the table. Below another resource the patterns begin where
/// that one ends.
class MARLINE_API Routes final : public Resource {
public:
    using Call = UniqueFunction<Rendered(Request&)>;

    Routes();

    /// Throws std::invalid_argument for a pattern that is not as above, names a parameter twice, or
    /// is there already with this method.
    void route(std::string_view method, std::string_view pattern, Call call);
    void get(std::string_view pattern, Call call) { route("GET", pattern, std::move(call)); }
    void post(std::string_view pattern, Call call) { route("POST", pattern, std::move(call)); }
    void put(std::string_view pattern, Call call) { route("PUT", pattern, std::move(call)); }
    void patch(std::string_view pattern, Call call) { route("PATCH", pattern, std::move(call)); }
    void del(std::string_view pattern, Call call) { route("DELETE", pattern, std::move(call)); }

    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override;

private:
    struct Node;
    struct Search;

    ~Routes() override;

    std::unique_ptr<Node> root_;
    std::vector<std::string> values_;  // of one render() after the other
};

}  // namespace marline::http
