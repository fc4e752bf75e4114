// How a child process is started: its environment, its descriptors, who it is.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

#include <marline/deferred/api.hpp>

namespace marline {

/// What a child finds behind one of its descriptors.
class MARLINE_API ChildFd {
public:
    enum class Kind : unsigned char {
        Read,    ///< A pipe that this process reads: childDataReceived().
        Write,   ///< A pipe that this process writes: writeToChild().
        Inherit  ///< A descriptor that this process has.
    };

    /// `'r'`: Kind::Read, `'w'`: Kind::Write, as in Twisted. Any other character throws
    /// std::invalid_argument.
    ChildFd(char direction);
    /// The child shares this process's descriptor `fd`; it stays open here. A negative one throws
    /// std::invalid_argument.
    ChildFd(int fd);

    Kind kind() const noexcept { return kind_; }
    /// This process's descriptor; only for Kind::Inherit.
    int fd() const noexcept { return fd_; }

private:
    Kind kind_;
    int fd_ = -1;
};

/// Environment variables by name.
using Environment = std::map<std::string, std::string>;
/// A child's descriptors, by the child's number.
using ChildFds = std::map<int, ChildFd>;

/// How a child is started.
struct ProcessOptions {
    /// The child's environment: empty unless told otherwise, as in Twisted; std::nullopt passes on
    /// this process's.
    std::optional<Environment> env = Environment();
    /// The child's working directory; empty: this process's.
    std::string path = {};
    /// The user and group to become, which takes privileges. The user's further groups are taken
    /// from the system's data base. Entered after the working directory was.
    std::optional<uid_t> uid = std::nullopt;
    std::optional<gid_t> gid = std::nullopt;
    /// Descriptors 0, 1 and 2 are a terminal of the child's own, whose session it leads.
    bool usePty = false;
    /// The child's descriptors; it has no other ones. Without a value: 0 'w', 1 'r', 2 'r'. Not
    /// together with usePty.
    std::optional<ChildFds> childFds = std::nullopt;
};

}  // namespace marline
