#include <marline/agent/detail/end_to_end.hpp>

#include <array>

namespace marline::detail {

bool isOfConnection(std::string_view name) noexcept {
    static constexpr std::array<std::string_view, 10> kKnown = {"Connection",
                                                                "Keep-Alive",
                                                                "Proxy-Authenticate",
                                                                "Proxy-Authentication-Info",
                                                                "Proxy-Authorization",
                                                                "Proxy-Connection",
                                                                "TE",
                                                                "Trailer",
                                                                "Transfer-Encoding",
                                                                "Upgrade"};
    return std::any_of(kKnown.begin(), kKnown.end(),
                       [name](std::string_view known) { return sameWord(name, known); });
}

}  // namespace marline::detail
