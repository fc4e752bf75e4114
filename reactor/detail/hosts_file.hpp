// Internal: not installed. The names that the system's hosts file knows.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include <sys/stat.h>

#include <marline/reactor/address.hpp>

namespace marline::detail {

/// A hosts file (hosts(5)), kept in memory and read again when it has changed: to read it for each
/// name, as c-ares does, takes longer than to ask for the name, and far longer where it is a list
/// of what is to be blocked.
class HostsFile {
public:
    explicit HostsFile(std::string path) : path_(std::move(path)) {}

    /// The addresses of `name` with a port of 0, in the file's order; empty when it has none. The
    /// local host and names below `localhost` are known without a file (RFC 6761 §6.3).
    const std::vector<Address>& find(const std::string& name);

private:
    void readAgainIfChanged();
    void readLine(const std::string& line);

    std::string path_;
    struct stat read_{};
    std::unordered_map<std::string, std::vector<Address>> known_;  // by names in lower case
};

}  // namespace marline::detail
