#include <marline/reactor/detail/descriptor_watch.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {

DescriptorWatch::DescriptorWatch(EventLoop& loop, DescriptorWatches& all,
                                 Ref<IReadWriteDescriptor> descriptor)
    : LoopObject(loop), all_(all), descriptor_(std::move(descriptor)), fd_(descriptor_->fileno()),
      event_(loop, fd_, &ready, this) {
    all_.push_back(this);
}

DescriptorWatch* DescriptorWatch::find(const DescriptorWatches& all,
                                       const IReadWriteDescriptor* descriptor) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const DescriptorWatch* watch) {
        return watch->descriptor_.get() == descriptor;
    });
    return found != all.end() ? *found : nullptr;
}

void DescriptorWatch::add(EventLoop& loop, DescriptorWatches& all,
                          Ref<IReadWriteDescriptor> descriptor, short what) {
    DescriptorWatch* watch = find(all, descriptor.get());
    if (watch == nullptr) {
        watch = new DescriptorWatch(loop, all, std::move(descriptor));
    }
    try {
        watch->event_.watch(static_cast<short>(watch->event_.interest() | what));
    } catch (const std::system_error&) {
        if (watch->event_.interest() == 0) {
            watch->end();
        }
        throw;
    }
}

void DescriptorWatch::remove(const DescriptorWatches& all,
                             const Ref<IReadWriteDescriptor>& descriptor, short what) {
    if (DescriptorWatch* watch = find(all, descriptor.get())) {
        watch->event_.watch(static_cast<short>(watch->event_.interest() & ~what));
        if (watch->event_.interest() == 0) {
            watch->end();
        }
    }
}

std::vector<Ref<IReadWriteDescriptor>> DescriptorWatch::list(const DescriptorWatches& all,
                                                             short what) {
    std::vector<Ref<IReadWriteDescriptor>> some;
    for (const DescriptorWatch* watch : all) {
        if ((watch->event_.interest() & what) != 0) {
            some.push_back(watch->descriptor_);
        }
    }
    return some;
}

void DescriptorWatch::ready(int, short what, void* self) {
    auto& watch = *static_cast<DescriptorWatch*>(self);
    const ObjectCallback watched(watch);
    if ((what & EV_READ & watch.event_.interest()) != 0) {
        watch.call(&IReadWriteDescriptor::doRead);
    }
    if ((what & EV_WRITE & watch.event_.interest()) != 0) {
        watch.call(&IReadWriteDescriptor::doWrite);
    }
}

void DescriptorWatch::call(void (IReadWriteDescriptor::*callback)()) {
    const Ref<IReadWriteDescriptor> descriptor = descriptor_;
    try {
        (descriptor.get()->*callback)();
    } catch (...) {
        const Failure why = Failure::current();
        log(LogLevel::Error, "exception in a callback of descriptor " + std::to_string(fd_) +
                                 ", which is watched no more: " + why.brief());
        lose(why);
    }
}

void DescriptorWatch::lose(const Failure& why) {
    if (!buried()) {
        const Ref<IReadWriteDescriptor> descriptor = descriptor_;
        end();
        guard("connectionLost() of a descriptor", [&] { descriptor->connectionLost(why); });
    }
}

void DescriptorWatch::end() {
    event_.watch(0);
    std::erase(all_, this);
    descriptor_.reset();
    bury();
}

std::string DescriptorWatch::describe() const {
    const short interest = event_.interest();
    return "descriptor " + std::to_string(fd_) + " of the program's own, watched for " +
           ((interest & EV_READ) != 0 ? "reading" : "") +
           (interest == (EV_READ | EV_WRITE) ? " and " : "") +
           ((interest & EV_WRITE) != 0 ? "writing" : "");
}

}  // namespace marline::detail
