// How far a download is, on a terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <marline/marline.hpp>

namespace tools {

/// ` 42 % [====>     ]  1.3 MiB of 3.1 MiB, 512 KiB/s, 0:04 left`; without a bar where the length
/// is not known.
std::string progressLine(std::uint64_t bytes, std::optional<std::uint64_t> length,
                         marline::Duration passed);

/// Draws that line on stderr, ten times a second at most.
class Progress {
public:
    Progress(marline::Reactor& reactor, std::optional<std::uint64_t> length)
        : reactor_(reactor), length_(length), begun_(reactor.seconds()), drawn_(begun_) {}

    void update(std::uint64_t bytes);
    /// Draws the last line, and leaves it there.
    void finish(std::uint64_t bytes);

private:
    marline::Reactor& reactor_;
    std::optional<std::uint64_t> length_;
    marline::Duration begun_;
    marline::Duration drawn_;
};

}  // namespace tools
