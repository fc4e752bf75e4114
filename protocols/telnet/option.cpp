#include <marline/protocols/telnet/option.hpp>

namespace marline::telnet {

std::optional<WindowSize> parseWindowSize(std::span<const std::byte> data) noexcept {
    if (data.size() != 4) {
        return std::nullopt;
    }
    const auto number = [data](std::size_t at) {
        return static_cast<std::uint16_t>(std::to_integer<unsigned>(data[at]) << 8 |
                                          std::to_integer<unsigned>(data[at + 1]));
    };
    return WindowSize{.columns = number(0), .rows = number(2)};
}

std::string windowSizeData(const WindowSize& size) {
    std::string data;
    for (const std::uint16_t number : {size.columns, size.rows}) {
        data += static_cast<char>(number >> 8);
        data += static_cast<char>(number & 0xff);
    }
    return data;
}

}  // namespace marline::telnet
