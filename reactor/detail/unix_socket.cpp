#include <marline/reactor/detail/unix_socket.hpp>

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>

#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

// A lock that belongs to the open file: it ends with that, however the process ends, and another
// port of the same process meets it too.
struct flock wholeFile() {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

bool sameFile(const std::string& path, int fd) {
    struct stat named{};
    struct stat open{};
    return ::lstat(path.c_str(), &named) == 0 && ::fstat(fd, &open) == 0 &&
           named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

bool isAbstract(const Address& address) { return !address.host.empty() && address.host[0] == '\0'; }

}  // namespace

UnixSocketFile::~UnixSocketFile() {
    struct stat named{};
    if (inode_ != 0 && ::lstat(path_.c_str(), &named) == 0 && named.st_dev == device_ &&
        named.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
    if (lock_) {
        ::unlink(lockPath().c_str());
    }
}

void UnixSocketFile::lock() {
    const std::string where = "cannot listen on unix:" + path_ + ", lock " + lockPath();
    for (;;) {
        UniqueFd file(::open(lockPath().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
        struct flock all = wholeFile();
        if (!file || ::fcntl(file.get(), F_OFD_SETLK, &all) != 0) {
            const int error = errno;
            throw CannotListenError(where + (error == EAGAIN ? " (another port has it)" : ""),
                                    lastError(error));
        }
        // Who had it may have removed it between the two calls.
        if (sameFile(lockPath(), file.get())) {
            lock_ = std::move(file);
            // For who looks: nothing reads it.
            static_cast<void>(::ftruncate(lock_.get(), 0) == 0 &&
                              ::dprintf(lock_.get(), "%d\n", static_cast<int>(::getpid())) > 0);
            return;
        }
    }
}

void UnixSocketFile::removeStale() const {
    struct stat named{};
    SocketAddress address;
    if (::lstat(path_.c_str(), &named) != 0 || !S_ISSOCK(named.st_mode) ||
        !SocketAddress::fromUnix(path_, address)) {
        return;
    }
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (probe && ::connect(probe.get(), address.get(), address.length) != 0 &&
        errno == ECONNREFUSED) {
        ::unlink(path_.c_str());
    }
}

void UnixSocketFile::bound() {
    struct stat named{};
    if (::lstat(path_.c_str(), &named) == 0) {
        device_ = named.st_dev;
        inode_ = named.st_ino;
    }
}

Address unixAddress(const std::string& path) {
    Address address{Address::Kind::Unix, 0, path};
    if (!path.empty() && path[0] == '@') {
        address.host[0] = '\0';
    }
    return address;
}

ListeningSocket listenOnUnixSocket(const Address& address, const UnixListenOptions& options) {
    const std::string where = "cannot listen on " + address.toString();
    SocketAddress name;
    if (!SocketAddress::fromUnix(address.host, name)) {
        throw CannotListenError(where + " (a path has 1 to 107 bytes and no NUL)",
                                lastError(EINVAL));
    }
    ListeningSocket made;
    if (!isAbstract(address)) {
        made.file = std::make_unique<UnixSocketFile>(address.host);
        if (options.wantPid) {
            made.file->lock();
            made.file->removeStale();
        }
    }
    made.fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // The mode is set before the file exists, so that nobody gets in who is not to; the second time
    // adds what the umask took away.
    if (!made.fd || (made.file && ::fchmod(made.fd.get(), options.mode) != 0) ||
        ::bind(made.fd.get(), name.get(), name.length) != 0) {
        const int error = errno;
        const bool taken = error == EADDRINUSE && made.file && !options.wantPid;
        throw CannotListenError(
            where + (taken ? " (UnixListenOptions::wantPid removes what a dead process left)" : ""),
            lastError(error));
    }
    if (made.file) {
        made.file->bound();
    }
    if ((made.file && ::chmod(address.host.c_str(), options.mode) != 0) ||
        ::listen(made.fd.get(), options.backlog) != 0) {
        throw CannotListenError(where, lastError(errno));
    }
    return made;
}

bool unixSocketIsLocked(const std::string& path) {
    const UniqueFd file(::open((path + ".lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct flock all = wholeFile();
    return file && ::fcntl(file.get(), F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
}

}  // namespace marline::detail
