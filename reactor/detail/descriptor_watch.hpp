// Internal: not installed. A program's own descriptor in the loop.
#pragma once

#include <string>
#include <vector>

#include <marline/deferred/ref.hpp>
#include <marline/reactor/descriptor.hpp>
#include <marline/reactor/detail/event_loop.hpp>

namespace marline::detail {

class DescriptorWatch;

/// Those that are watched, in the order they were added.
using DescriptorWatches = std::vector<DescriptorWatch*>;

/// Watches one descriptor for reading, writing or both.
class DescriptorWatch final : public LoopObject {
public:
    /// Watches `descriptor` for `what` (EV_READ, EV_WRITE) besides; throws std::system_error.
    static void add(EventLoop& loop, DescriptorWatches& all, Ref<IReadWriteDescriptor> descriptor,
                    short what);
    /// And no more for `what`.
    static void remove(const DescriptorWatches& all, const Ref<IReadWriteDescriptor>& descriptor,
                       short what);
    /// Those that are watched for any of `what`.
    static std::vector<Ref<IReadWriteDescriptor>> list(const DescriptorWatches& all, short what);

    void endOfTurn() override {}
    void shutDown(const Failure& why) override { lose(why); }
    std::string describe() const override;

private:
    DescriptorWatch(EventLoop& loop, DescriptorWatches& all, Ref<IReadWriteDescriptor> descriptor);
    ~DescriptorWatch() override = default;

    static DescriptorWatch* find(const DescriptorWatches& all,
                                 const IReadWriteDescriptor* descriptor);
    static void ready(int fd, short what, void* self);
    void call(void (IReadWriteDescriptor::*callback)());
    void lose(const Failure& why);
    void end();

    DescriptorWatches& all_;
    Ref<IReadWriteDescriptor> descriptor_;
    int fd_;
    FdEvent event_;
};

}  // namespace marline::detail
