// Basic authentication in front of a resource.
#pragma once

#include <string>
#include <string_view>

#include <marline/deferred/function.hpp>
#include <marline/protocols/http/resource.hpp>

namespace marline::http {

/// Compares in a time that does not tell where two secrets differ; their lengths it may tell.
MARLINE_API bool sameSecret(std::string_view left, std::string_view right) noexcept;

/// Lets requests to a resource, and all below it, pass when their credentials are right (Twisted:
/// `guard.HTTPAuthSessionWrapper` with `BasicCredentialFactory`; RFC 7617). Others get a 401. The
/// name is in Request::getUser() then. Use it over TLS only: the password is sent as it is.
///
///     auto closed = makeRef<http::BasicAuth>(root, "staff", [](auto user, auto password) {
///         return user == "me" && http::sameSecret(password, kPassword);
///     });
class MARLINE_API BasicAuth final : public Resource {
public:
    using Check = UniqueFunction<bool(std::string_view user, std::string_view password)>;

    /// Throws std::invalid_argument for a realm with a quote, a backslash or a control character.
    BasicAuth(Ref<Resource> guarded, std::string realm, Check check);

    Ref<Resource> standIn(Request& request) override;
    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override;

private:
    Ref<Resource> guarded_;
    std::string realm_;
    Check check_;
};

}  // namespace marline::http
