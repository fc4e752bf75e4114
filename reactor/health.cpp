#include <marline/reactor/health.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <vector>

#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

// A dump lists no more of each kind than this.
constexpr std::size_t kMostListed = 100;

std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", value);
    return text.data();
}

std::string quantiles(const DurationHistogram& times) {
    return "p50 " + detail::briefly(times.quantile(0.5)) + ", p99 " +
           detail::briefly(times.quantile(0.99)) + ", max " + detail::briefly(times.max());
}

/// One headline and a line for each of `items`, up to kMostListed.
template <class Items, class Line>
void list(std::string& text, const std::string& headline, const Items& items, Line&& line) {
    text += headline + ": " + std::to_string(items.size()) + "\n";
    const std::size_t listed = std::min(items.size(), kMostListed);
    for (std::size_t i = 0; i < listed; ++i) {
        text += "    " + line(items[i]) + "\n";
    }
    if (listed < items.size()) {
        text += "    and " + std::to_string(items.size() - listed) + " more\n";
    }
}

std::string describe(const detail::LoopObject* object) {
    return object->describe() + detail::madeAt(object->site());
}

}  // namespace

// Histograms.

/// Four buckets for each power of two; the first four hold one value each.
std::size_t DurationHistogram::bucketOf(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds < 4) {
        return static_cast<std::size_t>(nanoseconds);
    }
    const auto power = static_cast<std::size_t>(std::bit_width(nanoseconds)) - 1;
    return (power - 1) * 4 + static_cast<std::size_t>((nanoseconds >> (power - 2)) & 3U);
}

/// The greatest value of a bucket.
std::uint64_t DurationHistogram::endOf(std::size_t bucket) noexcept {
    if (bucket < 4) {
        return bucket;
    }
    const std::size_t power = bucket / 4 + 1;
    return ((std::uint64_t{4} + bucket % 4 + 1) << (power - 2)) - 1;
}

void DurationHistogram::add(Duration duration) noexcept {
    duration = std::max(duration, Duration::zero());
    ++buckets_[bucketOf(static_cast<std::uint64_t>(duration.count()))];
    ++count_;
    total_ = later(total_, duration);
    max_ = std::max(max_, duration);
}

Duration DurationHistogram::mean() const noexcept {
    return count_ == 0 ? Duration::zero() : total_ / static_cast<std::int64_t>(count_);
}

Duration DurationHistogram::quantile(double q) const {
    if (!(q >= 0 && q <= 1)) {
        throw std::invalid_argument("quantile(): the share must be from 0 to 1");
    }
    const auto rank = std::max<std::uint64_t>(
        static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))), 1);
    std::uint64_t passed = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        passed += buckets_[bucket];
        if (passed >= rank) {
            return std::min(Duration(static_cast<std::int64_t>(endOf(bucket))), max_);
        }
    }
    return Duration::zero();
}

// Reports.

double HealthReport::busyShare() const noexcept {
    return watched == Duration::zero()
               ? 0
               : static_cast<double>(busy.count()) / static_cast<double>(watched.count());
}

double HealthReport::callbacksPerTurn() const noexcept {
    return turns == 0 ? 0 : static_cast<double>(callbacks) / static_cast<double>(turns);
}

std::string HealthReport::toString() const {
    return "busy " + number(100 * busyShare()) + " % of " + detail::briefly(watched) + ", " +
           std::to_string(turns) + " turns of " + number(callbacksPerTurn()) + " callbacks (" +
           quantiles(turnTimes) + "), lag " + quantiles(lag) + ", " +
           std::to_string(slowCallbacks) + " slow callbacks";
}

// The reactor's part.

void Reactor::watchHealth(const HealthOptions& options) {
    checkThread(*parts_, "watchHealth()");
    ignoreHealth();
    parts_->health =
        std::make_unique<detail::HealthWatch>(*this, options, parts_->threads.wakeFd());
    parts_->loop.setHealth(parts_->health.get());
}

void Reactor::ignoreHealth() {
    checkThread(*parts_, "ignoreHealth()");
    if (parts_->health != nullptr) {
        parts_->loop.setHealth(nullptr);
        parts_->health->retire();
        // The callback that runs, if one does, was told to it and will end.
        parts_->spentHealth.push_back(std::move(parts_->health));
    }
}

HealthReport Reactor::health() const {
    checkThread(*parts_, "health()");
    if (parts_->health == nullptr) {
        throw std::logic_error("health() needs watchHealth() before it");
    }
    HealthReport report = parts_->health->report();
    report.pendingCalls = parts_->timers.size();
    report.openTransports = parts_->loop.living().size();
    return report;
}

std::string Reactor::dump() const {
    checkThread(*parts_, "dump()");
    std::string text = "health: ";
    text += parts_->health != nullptr ? health().toString() : "not watched";
    text += "\n";
    list(text, "open transports", parts_->loop.living(), &describe);
    text += dumpCalls() + "\n";
    const ThreadPoolStatistics pool = parts_->pool.statistics();
    text += "threads: " + std::to_string(pool.threads) + ", " + std::to_string(pool.busy) +
            " busy, " + std::to_string(pool.queued) + " calls queued\n";
    list(text, "calls in threads", parts_->threadCalls.all(),
         [](const std::shared_ptr<detail::ThreadCall>& call) {
             return "deferToThread()" + detail::madeAt(call->where());
         });
    return text;
}

std::string Reactor::dumpCalls() const {
    checkThread(*parts_, "dumpCalls()");
    const Duration now = Reactor::seconds();
    std::string text;
    list(text, "pending calls", parts_->timers.waiting(),
         [now](const detail::TimerQueue::Waiting& call) {
             return detail::dueIn(call.due - now, call.where);
         });
    text.pop_back();  // the last line's end
    return text;
}

std::vector<std::string> Reactor::leftovers() const {
    checkThread(*parts_, "leftovers()");
    std::vector<std::string> lines;
    for (const detail::LoopObject* object : parts_->loop.living()) {
        lines.push_back(describe(object));
    }
    const Duration now = Reactor::seconds();
    for (const detail::TimerQueue::Waiting& call : parts_->timers.waiting()) {
        lines.push_back("a delayed call, " + detail::dueIn(call.due - now, call.where));
    }
    return lines;
}

}  // namespace marline
