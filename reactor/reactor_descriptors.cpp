// How a Reactor watches descriptors of the program's own.
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/reactor/detail/descriptor_watch.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

constexpr short kBoth = EV_READ | EV_WRITE;

void add(Reactor::Parts& parts, Ref<IReadWriteDescriptor> descriptor, short what, const char* call,
         const std::source_location& where) {
    checkThread(parts, call);
    if (!descriptor) {
        throw std::invalid_argument(std::string(call) + " with no descriptor");
    }
    if (parts.state == Reactor::Parts::State::Dying) {
        throw ReactorNotRunning(std::string(call) + " on a reactor that is being destroyed");
    }
    const detail::SiteScope site(parts.loop, where);
    detail::DescriptorWatch::add(parts.loop, parts.descriptors, std::move(descriptor), what);
}

}  // namespace

void Reactor::addReader(Ref<IReadWriteDescriptor> descriptor, std::source_location where) {
    add(*parts_, std::move(descriptor), EV_READ, "addReader()", where);
}

void Reactor::addWriter(Ref<IReadWriteDescriptor> descriptor, std::source_location where) {
    add(*parts_, std::move(descriptor), EV_WRITE, "addWriter()", where);
}

void Reactor::removeReader(const Ref<IReadWriteDescriptor>& descriptor) {
    checkThread(*parts_, "removeReader()");
    detail::DescriptorWatch::remove(parts_->descriptors, descriptor, EV_READ);
}

void Reactor::removeWriter(const Ref<IReadWriteDescriptor>& descriptor) {
    checkThread(*parts_, "removeWriter()");
    detail::DescriptorWatch::remove(parts_->descriptors, descriptor, EV_WRITE);
}

std::vector<Ref<IReadWriteDescriptor>> Reactor::removeAll() {
    checkThread(*parts_, "removeAll()");
    std::vector<Ref<IReadWriteDescriptor>> all =
        detail::DescriptorWatch::list(parts_->descriptors, kBoth);
    for (const Ref<IReadWriteDescriptor>& descriptor : all) {
        detail::DescriptorWatch::remove(parts_->descriptors, descriptor, kBoth);
    }
    return all;
}

std::vector<Ref<IReadWriteDescriptor>> Reactor::getReaders() const {
    return detail::DescriptorWatch::list(parts_->descriptors, EV_READ);
}

std::vector<Ref<IReadWriteDescriptor>> Reactor::getWriters() const {
    return detail::DescriptorWatch::list(parts_->descriptors, EV_WRITE);
}

}  // namespace marline
