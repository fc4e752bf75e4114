#include <marline/reactor/testing/open_descriptors.hpp>

#include <filesystem>
#include <system_error>

namespace marline::testing {

std::map<int, std::string> openDescriptors() {
    std::map<int, std::string> open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::filesystem::path target = std::filesystem::read_symlink(entry.path(), gone);
        // The directory itself is open only to be read here.
        if (!gone && !target.string().ends_with("/fd")) {
            open.emplace(std::stoi(entry.path().filename()), target.string());
        }
    }
    return open;
}

}  // namespace marline::testing
