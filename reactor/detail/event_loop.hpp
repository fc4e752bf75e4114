// Internal: not installed. The libevent loop, and what a turn of it ends with.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/function.hpp>
#include <marline/reactor/detail/out_buffer.hpp>
#include <marline/reactor/detail/unique_fd.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

class EventLoop;
class HealthWatch;

/// Something with a file descriptor that lives in a loop: a connection, a port, an attempt.
///
/// The loop owns it from its constructor until it is buried, and frees it only between callbacks.
class LoopObject {
public:
    explicit LoopObject(EventLoop& loop);
    LoopObject(const LoopObject&) = delete;
    LoopObject& operator=(const LoopObject&) = delete;

    EventLoop& loop() const noexcept { return loop_; }
    /// Called once at the end of a turn for which attend() was asked for.
    virtual void endOfTurn() = 0;
    /// Ends now, because the reactor does. Must lead to bury().
    virtual void shutDown(const Failure& why) = 0;
    /// What it is, in a few words, for people.
    virtual std::string describe() const;
    /// Where the user's code asked for it, or for what it came from.
    const std::source_location& site() const noexcept { return site_; }

protected:
    virtual ~LoopObject();

    /// Asks for endOfTurn() at the end of this turn (or the next one, when it is ending).
    void attend();
    /// Gives this to the loop to be freed between callbacks. The last thing to do with it.
    void bury();
    bool buried() const noexcept { return buried_; }

private:
    friend class EventLoop;

    EventLoop& loop_;
    std::source_location site_;
    LoopObject* next_ = nullptr;
    LoopObject* previous_ = nullptr;
    bool attending_ = false;
    bool buried_ = false;
};

/// The events of one file descriptor, whose interest can be changed.
///
/// The event for reading is kept; the one for writing exists while it is asked for, as few need it
/// and not for long. So a change of interest costs one system call.
class FdEvent {
public:
    using Callback = void (*)(int fd, short what, void* self);

    /// `how` may be EV_ET: reading is then reported once for each time that something comes.
    FdEvent(EventLoop& loop, int fd, Callback callback, void* self, short how = 0) noexcept;
    FdEvent(const FdEvent&) = delete;
    FdEvent& operator=(const FdEvent&) = delete;
    ~FdEvent();

    /// Watches for EV_READ and EV_WRITE as given; 0 stops. Throws std::system_error when the
    /// descriptor cannot be watched.
    void watch(short interest);
    short interest() const noexcept {
        return static_cast<short>((reading() ? EV_READ : 0) | (writing_ ? EV_WRITE : 0));
    }

private:
    bool reading() const noexcept { return event_pending(&reader_, EV_READ, nullptr) != 0; }
    void watchWriting(bool on);

    event reader_{};
    std::unique_ptr<event> writing_;
};

/// One event_base and the ends of its turns.
class EventLoop {
public:
    /// On an event_base of its own.
    EventLoop();
    /// On `base`, whose owner may run it too. Then `ownersTurn` is called, from the base, whenever
    /// something came up that a turn has to end or to begin with.
    EventLoop(event_base* base, UniqueFunction<void()> ownersTurn);
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    event_base* base() const noexcept { return base_.get(); }
    IReactorTime& clock() const noexcept { return *clock_; }
    void setClock(IReactorTime& clock) noexcept { clock_ = &clock; }

    static constexpr Duration kForever = Duration::max();

    /// Runs the callbacks of what is ready, and does not wait for more. Throws
    /// ReactorAlreadyRunning when somebody runs the base already.
    void poll();
    /// The same, but waits until something is ready, or the monotonic clock shows `due`.
    void pollUntil(Duration due);
    /// Lets the loop wake at `due`, if not before.
    void wakeAt(Duration due);
    /// What comes up from here to endTurn() is seen to there.
    void beginTurn() noexcept { inTurn_ = true; }
    /// Calls endOfTurn() of all that asked for it, then frees the buried.
    void endTurn();
    bool inTurn() const noexcept { return inTurn_; }
    /// Something came up. Outside of a turn, on a base that its owner runs, this makes one.
    void wantTurn() noexcept {
        if (ownersTurn_ && !inTurn_) [[unlikely]] {
            askForTurn();
        }
    }
    /// True when endTurn() has something to do.
    bool hasWork() const noexcept { return !attending_.empty(); }
    /// Ends all that lives in the loop, newest first.
    void shutDown(const Failure& why);
    std::size_t objects() const noexcept { return objects_; }
    /// Every object that is not buried, the newest first.
    std::vector<const LoopObject*> living() const;

    /// Who is told of callbacks; null while nobody is.
    HealthWatch* health() const noexcept { return health_; }
    void setHealth(HealthWatch* health) noexcept { health_ = health; }
    /// The site of the objects that are made from now on.
    const std::source_location& site() const noexcept { return site_; }
    void setSite(const std::source_location& site) noexcept { site_ = site; }

    /// Where every connection reads to.
    std::span<std::byte> readBuffer() noexcept { return *readBuffer_; }
    /// An empty buffer for what is to be sent, a used one when there is one; and back.
    std::unique_ptr<OutBuffer> takeBuffer();
    void giveBuffer(std::unique_ptr<OutBuffer> buffer) noexcept;

private:
    friend class LoopObject;

    struct FreeBase {
        bool owned;
        void operator()(event_base* base) const noexcept {
            if (owned) {
                event_base_free(base);
            }
        }
    };
    using BasePtr = std::unique_ptr<event_base, FreeBase>;

    static constexpr std::size_t kReadBuffer = 64 * 1024;
    static constexpr std::size_t kSpareBuffers = 64;
    static constexpr std::size_t kSpareBytes = 64 * 1024;

    EventLoop(BasePtr base, UniqueFunction<void()> ownersTurn);

    static void timerReady(int fd, short what, void* self);
    static void turnReady(int fd, short what, void* self);
    void runBase(int how);
    void setTimer(Duration due);
    void askForTurn() noexcept;

    BasePtr base_;
    UniqueFunction<void()> ownersTurn_;
    event turn_{};
    bool inTurn_ = false;
    IReactorTime* clock_ = nullptr;
    HealthWatch* health_ = nullptr;
    std::source_location site_;
    UniqueFd timerFd_;
    FdEvent timer_;
    Duration timerDue_ = kForever;
    LoopObject* first_ = nullptr;
    std::size_t objects_ = 0;
    std::vector<LoopObject*> attending_;
    std::vector<LoopObject*> ending_;
    std::vector<LoopObject*> buried_;
    std::unique_ptr<std::array<std::byte, kReadBuffer>> readBuffer_;
    std::vector<std::unique_ptr<OutBuffer>> spare_;
};

/// While it lives, what is made in the loop was asked for at `site`.
class SiteScope {
public:
    SiteScope(EventLoop& loop, const std::source_location& site) noexcept
        : loop_(loop), before_(loop.site()) {
        loop.setSite(site);
    }
    SiteScope(const SiteScope&) = delete;
    SiteScope& operator=(const SiteScope&) = delete;
    ~SiteScope() { loop_.setSite(before_); }

private:
    EventLoop& loop_;
    std::source_location before_;
};

}  // namespace marline::detail
