#include <marline/reactor/detail/system_events.hpp>

#include <stdexcept>
#include <utility>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {

TriggerId SystemEvents::add(Phase phase, SystemEvent event, Trigger&& trigger) {
    if (!trigger) {
        throw std::invalid_argument("addSystemEventTrigger() with an empty trigger");
    }
    list(event, phase).push_back({++last_, std::move(trigger)});
    return TriggerId{last_};
}

void SystemEvents::remove(TriggerId id) {
    for (auto& phases : lists_) {
        for (List& entries : phases) {
            for (Entry& entry : entries) {
                if (entry.id == static_cast<std::uint64_t>(id) && entry.trigger) {
                    // The entry stays: the list may be running.
                    const Trigger dying = std::move(entry.trigger);
                    return;
                }
            }
        }
    }
    throw std::invalid_argument("no such system event trigger: it has run or was removed");
}

std::vector<Deferred<>> SystemEvents::run(List& entries) {
    std::vector<Deferred<>> results;
    // A trigger may add another one to the phase that runs.
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!entries[i].trigger) {
            continue;
        }
        Trigger trigger = std::move(entries[i].trigger);
        results.push_back(maybeDeferred(trigger).addErrback([](const Failure& why) {
            log(LogLevel::Error, "exception in a system event trigger: " + why.brief());
        }));
    }
    entries.clear();
    return results;
}

void SystemEvents::fireBefore(SystemEvent event, UniqueFunction<void()> then) {
    // The list fails when those of its Deferreds that have not fired are gone: nobody will fire
    // them, so there is nothing more to wait for.
    DeferredList(run(list(event, Phase::Before)))
        .addBoth(
            [then = std::move(then)](const Result<std::vector<Result<>>>&) mutable { then(); });
}

void SystemEvents::fireRest(SystemEvent event) {
    run(list(event, Phase::During));
    run(list(event, Phase::After));
}

}  // namespace marline::detail
