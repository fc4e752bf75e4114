#include <marline/reactor/detail/child_start.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <marline/reactor/detail/socket.hpp>

// clone() itself, which ThreadSanitizer takes for a fork() and then lets no thread start any more.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the C library's name
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument,
                       ...) noexcept;

// A function from which the program is executed never returns: a sanitizer that counts the returns
// would count wrong in this process.
#if defined(__clang__)
#define MARLINE_UNINSTRUMENTED [[clang::disable_sanitizer_instrumentation]]
#else
#define MARLINE_UNINSTRUMENTED [[gnu::no_sanitize_thread]]
#endif

namespace marline::detail {
namespace {

// What the child needs of stack: it calls nothing deeper than a system call.
constexpr std::size_t kStackSize = 64 * 1024;
// Bytes of directory entries that it reads at a time.
constexpr std::size_t kListSize = 4096;
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

// The kernel's own sigaction, of which only zeros are used: SIG_DFL, no flags, nothing blocked.
constexpr std::size_t kKernelSignals = 8;
struct KernelSignalAction {
    alignas(std::max_align_t) std::array<unsigned char, 64> zeros{};
};

enum class Step : unsigned char { None, Descriptors, Session, Directory, User, Execute };

/// All that the child needs, made before it starts: it may not allocate. It leaves in `failed` and
/// `error` what went wrong.
struct Orders {
    std::deque<std::string> strings;  // what the pointers point to stays where it is
    std::vector<const char*> candidates;
    std::string path;  // where an executable without a slash is searched for
    std::vector<char*> argv;
    std::vector<char*> envp;
    std::vector<FdMapping> fds;
    const char* directory = nullptr;
    bool leadsSession = false;
    bool becomes = false;
    bool setsGroups = false;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    Step failed = Step::None;
    int error = 0;
};

// In the child. Nothing here may allocate, lock, or change what this process goes on with: only the
// orders, and what a process has of its own (descriptors, signal actions, credentials). All is by
// plain system calls: what the C library or a sanitizer notes down about its own functions would
// stay noted in this process.

bool failAt(Orders& orders, Step step) noexcept {
    orders.failed = step;
    orders.error = errno;
    return false;
}

/// Handlers of this process must not run in the child, and what it ignores is not the program's
/// business (Twisted: P-11).
void resetSignals() noexcept {
    const KernelSignalAction fresh{};
    for (int signal = 1; signal < NSIG; ++signal) {
        syscall(SYS_rt_sigaction, signal, &fresh, nullptr, kKernelSignals);  // KILL and STOP refuse
    }
}

void unblockSignals() noexcept {
    const std::array<unsigned char, kKernelSignals> none{};
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, none.data(), nullptr, kKernelSignals);
}

bool isKept(const Orders& orders, int fd) noexcept {
    return std::any_of(orders.fds.begin(), orders.fds.end(),
                       [fd](const FdMapping& one) { return one.target == fd; });
}

/// The descriptor that an entry of /proc/self/fd is about; none for `.` and `..`.
std::optional<int> fdNamed(const char* name) noexcept {
    if (*name == '.') {
        return std::nullopt;
    }
    int fd = 0;
    for (; *name != '\0'; ++name) {
        fd = fd * 10 + (*name - '0');
    }
    return fd;
}

/// Closes what is not kept by its names in /proc, for kernels without close_range(). False when
/// there is no /proc either: a child with more than its own descriptors is not started.
bool closeListed(const Orders& orders) noexcept {
    const auto directory = static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (directory < 0) {
        return false;
    }
    alignas(dirent64) std::array<char, kListSize> list;
    long got = 0;
    while ((got = syscall(SYS_getdents64, directory, list.data(), list.size())) > 0) {
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            const auto* entry = reinterpret_cast<const dirent64*>(list.data() + at);
            const std::optional<int> fd = fdNamed(entry->d_name);
            if (fd && *fd != directory && !isKept(orders, *fd)) {
                syscall(SYS_close, *fd);
            }
            at += entry->d_reclen;
        }
    }
    return got == 0;  // the directory is close-on-exec
}

bool closeRange(unsigned first, unsigned last) noexcept {
    return syscall(SYS_close_range, first, last, 0) == 0;
}

bool closeOthers(const Orders& orders) noexcept {
    unsigned next = 0;
    for (const FdMapping& fd : orders.fds) {
        const auto target = static_cast<unsigned>(fd.target);
        if (next < target && !closeRange(next, target - 1)) {
            return closeListed(orders);
        }
        next = target + 1;
    }
    return closeRange(next, std::numeric_limits<unsigned>::max()) || closeListed(orders);
}

bool placeDescriptors(Orders& orders) noexcept {
    const int beyond = orders.fds.empty() ? 0 : orders.fds.back().target + 1;
    // First out of the way of each other's places.
    for (FdMapping& fd : orders.fds) {
        if (fd.source < beyond) {
            fd.source = static_cast<int>(syscall(SYS_fcntl, fd.source, F_DUPFD_CLOEXEC, beyond));
        }
        if (fd.source < 0) {
            return failAt(orders, Step::Descriptors);
        }
    }
    for (const FdMapping& fd : orders.fds) {
        if (syscall(SYS_dup3, fd.source, fd.target, 0) < 0) {
            return failAt(orders, Step::Descriptors);
        }
    }
    return closeOthers(orders) || failAt(orders, Step::Descriptors);
}

bool leadSession(Orders& orders) noexcept {
    return (syscall(SYS_setsid) >= 0 && syscall(SYS_ioctl, 0, TIOCSCTTY, 0) == 0) ||
           failAt(orders, Step::Session);
}

bool becomeUser(Orders& orders) noexcept {
    const bool well = (!orders.setsGroups ||
                       syscall(SYS_setgroups, orders.groups.size(), orders.groups.data()) == 0) &&
                      syscall(SYS_setresgid, orders.gid, orders.gid, orders.gid) == 0 &&
                      syscall(SYS_setresuid, orders.uid, orders.uid, orders.uid) == 0;
    return well || failAt(orders, Step::User);
}

MARLINE_UNINSTRUMENTED bool execute(Orders& orders) noexcept {
    int refused = 0;
    for (const char* candidate : orders.candidates) {
        syscall(SYS_execve, candidate, orders.argv.data(), orders.envp.data());
        if (errno == EACCES) {
            refused = errno;
        } else if (errno != ENOENT && errno != ENOTDIR) {
            return failAt(orders, Step::Execute);
        }
    }
    errno = refused != 0 ? refused : ENOENT;
    return failAt(orders, Step::Execute);
}

MARLINE_UNINSTRUMENTED int childMain(void* argument) noexcept {
    Orders& orders = *static_cast<Orders*>(argument);
    resetSignals();
    bool well = placeDescriptors(orders);
    well = well && (!orders.leadsSession || leadSession(orders));
    if (well && orders.directory != nullptr && syscall(SYS_chdir, orders.directory) != 0) {
        well = failAt(orders, Step::Directory);
    }
    well = well && (!orders.becomes || becomeUser(orders));
    if (well) {
        unblockSignals();
        execute(orders);
    }
    return 127;
}

// Before it starts.

[[noreturn]] void refuse(const ChildPlan& plan, const std::string& why) {
    throw std::invalid_argument("spawnProcess(" + plan.executable + "): " + why);
}

void checkText(const ChildPlan& plan, const std::string& text, const char* what) {
    if (text.find('\0') != std::string::npos) {
        refuse(plan, std::string("a zero byte in ") + what);
    }
}

char* keep(Orders& orders, std::string text) {
    orders.strings.push_back(std::move(text));
    return orders.strings.back().data();
}

void findCandidates(Orders& orders, const ChildPlan& plan) {
    const std::string& executable = plan.executable;
    if (executable.empty() || executable.find('/') != std::string::npos) {
        orders.candidates.push_back(keep(orders, executable));
        return;
    }
    orders.path = kDefaultPath;
    if (!plan.options.env) {
        const char* own = std::getenv("PATH");
        orders.path = own != nullptr ? own : orders.path;
    } else if (const auto given = plan.options.env->find("PATH");
               given != plan.options.env->end()) {
        orders.path = given->second;
    }
    std::string_view rest = orders.path;
    for (;;) {
        const std::size_t colon = rest.find(':');
        const std::string_view directory = rest.substr(0, colon);
        std::string candidate(directory.empty() ? "." : directory);
        candidate.append("/").append(executable);
        orders.candidates.push_back(keep(orders, std::move(candidate)));
        if (colon == std::string_view::npos) {
            return;
        }
        rest.remove_prefix(colon + 1);
    }
}

void takeArguments(Orders& orders, const ChildPlan& plan) {
    if (plan.args.empty()) {
        refuse(plan, "no arguments; the first one is the program's own name");
    }
    checkText(plan, plan.executable, "the executable's name");
    checkText(plan, plan.options.path, "the working directory");
    for (const std::string& arg : plan.args) {
        checkText(plan, arg, "an argument");
        orders.argv.push_back(keep(orders, arg));
    }
    orders.argv.push_back(nullptr);
}

void takeEnvironment(Orders& orders, const ChildPlan& plan) {
    if (!plan.options.env) {
        for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
            orders.envp.push_back(*entry);
        }
    } else {
        for (const auto& [name, value] : *plan.options.env) {
            checkText(plan, name, "the environment");
            checkText(plan, value, "the environment");
            if (name.empty() || name.find('=') != std::string::npos) {
                refuse(plan, "no name of an environment variable: '" + name + "'");
            }
            std::string entry = name;
            entry.append("=").append(value);
            orders.envp.push_back(keep(orders, std::move(entry)));
        }
    }
    orders.envp.push_back(nullptr);
}

void findGroups(Orders& orders, const ProcessOptions& options) {
    orders.becomes = options.uid || options.gid;
    if (!orders.becomes) {
        return;
    }
    orders.uid = options.uid.value_or(geteuid());
    orders.gid = options.gid.value_or(getegid());
    // Without the privilege the two calls that follow say so, when it is needed at all.
    orders.setsGroups = geteuid() == 0;
    orders.groups = {orders.gid};
    std::vector<char> room(16UL * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(orders.uid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) {
        int count = 0;
        getgrouplist(entry.pw_name, orders.gid, nullptr, &count);
        orders.groups.resize(static_cast<std::size_t>(count));
        getgrouplist(entry.pw_name, orders.gid, orders.groups.data(), &count);
    }
}

Orders ordersFor(const ChildPlan& plan) {
    Orders orders;
    takeArguments(orders, plan);
    takeEnvironment(orders, plan);
    findCandidates(orders, plan);
    findGroups(orders, plan.options);
    orders.fds = plan.fds;
    orders.directory = plan.options.path.empty() ? nullptr : plan.options.path.c_str();
    orders.leadsSession = plan.leadsSession;
    return orders;
}

[[noreturn]] void reportFailure(const ChildPlan& plan, const Orders& orders) {
    std::string what = "cannot run " + plan.executable;
    switch (orders.failed) {
    case Step::None: what += " (no new process)"; break;
    case Step::Descriptors: what += " (its descriptors)"; break;
    case Step::Session: what += " (a session on its terminal)"; break;
    case Step::Directory: what += " in the directory " + plan.options.path; break;
    case Step::User:
        what += " as user " + std::to_string(orders.uid) + ", group " + std::to_string(orders.gid);
        break;
    case Step::Execute:
        what += orders.path.empty() ? "" : " (searched for in " + orders.path + ")";
        break;
    }
    throw SpawnError(what, lastError(orders.error));
}

}  // namespace

pid_t startChild(const ChildPlan& plan) {
    Orders orders = ordersFor(plan);
    const auto stack = std::make_unique<std::byte[]>(kStackSize);
    // A handler of this process that ran in the child would run in this process's memory.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int pid = ::__clone(&childMain, stack.get() + kStackSize,
                              CLONE_VM | CLONE_VFORK | SIGCHLD, &orders, nullptr, nullptr, nullptr);
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
        orders.error = error;
        reportFailure(plan, orders);
    }
    if (orders.failed != Step::None) {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        reportFailure(plan, orders);
    }
    return pid;
}

}  // namespace marline::detail
