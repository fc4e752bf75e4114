#include <marline/reactor/detail/hosts_file.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include <marline/reactor/resolver.hpp>

namespace marline::detail {
namespace {

std::string lower(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return name;
}

bool isLocalhost(const std::string& name) {
    return name == "localhost" || name.ends_with(".localhost");
}

bool sameFile(const struct stat& a, const struct stat& b) noexcept {
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_size == b.st_size &&
           a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

const std::vector<Address>& HostsFile::find(const std::string& name) {
    static const std::vector<Address> none;
    static const std::vector<Address> loopback{{Address::Kind::Ipv4, 0, "127.0.0.1"},
                                               {Address::Kind::Ipv6, 0, "::1"}};
    readAgainIfChanged();
    const std::string key = lower(name);
    const auto found = known_.find(key);
    if (found != known_.end()) {
        return found->second;
    }
    return isLocalhost(key) ? loopback : none;
}

void HostsFile::readAgainIfChanged() {
    struct stat now{};  // stays so for a file that is not there, which knows nothing
    ::stat(path_.c_str(), &now);
    if (sameFile(now, read_)) {
        return;
    }
    read_ = now;
    known_.clear();
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
        readLine(line);
    }
}

/// An address, its names, and a comment. What is no such line is passed over, as hosts(5) has it.
void HostsFile::readLine(const std::string& line) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    Address address;
    if (!(words >> word) || !parseNumericAddress(word, 0, address)) {
        return;
    }
    while (words >> word) {
        std::vector<Address>& known = known_[lower(word)];
        if (std::find(known.begin(), known.end(), address) == known.end()) {
            known.push_back(address);
        }
    }
}

}  // namespace marline::detail
