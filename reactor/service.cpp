#include <marline/reactor/service.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

std::string called(const Service& service) {
    return service.name().empty() ? "a service" : "the service '" + service.name() + "'";
}

/// The first failure; the others are logged, as a Deferred has room for one.
Result<> firstFailureElseLogged(const std::vector<Result<>>& outcomes) {
    Result<> first;
    for (const Result<>& outcome : outcomes) {
        if (outcome.ok()) {
            continue;
        }
        if (first.ok()) {
            first = outcome;
        } else {
            log(LogLevel::Error, "stopping a service failed: " + outcome.failure().brief());
        }
    }
    return first;
}

}  // namespace

Deferred<> Service::stopService() {
    running_ = false;
    return succeed();
}

void Service::setName(std::string name) {
    if (parent_ != nullptr) {
        throw std::logic_error("setName() on " + called(*this) +
                               ", which has a parent that knows it by its name");
    }
    name_ = std::move(name);
}

void Service::setServiceParent(MultiService& parent) { parent.addService(Ref<Service>(this)); }

Deferred<> Service::disownServiceParent() {
    if (parent_ == nullptr) {
        throw std::logic_error("disownServiceParent() on " + called(*this) + " without a parent");
    }
    return parent_->removeService(*this);
}

MultiService::~MultiService() {
    for (const Ref<Service>& child : children_) {
        child->parent_ = nullptr;
    }
}

void MultiService::privilegedStartService() {
    for (const Ref<Service>& child : std::vector(children_)) {
        child->privilegedStartService();
    }
}

void MultiService::startService() {
    Service::startService();
    // A copy: a child that starts may add another one, which is started by that.
    for (const Ref<Service>& child : std::vector(children_)) {
        child->startService();
    }
}

Deferred<> MultiService::stopService() {
    Deferred<> own = Service::stopService();
    std::vector<Deferred<>> stopping{own};
    const std::vector<Ref<Service>> children = children_;
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
        stopping.push_back(maybeDeferred([&] { return (*child)->stopService(); }));
    }
    return DeferredList(stopping, {.consumeErrors = true}).addCallback(firstFailureElseLogged);
}

void MultiService::addService(Ref<Service> child) {
    if (!child || child->parent_ != nullptr) {
        throw std::logic_error(child ? "addService() of " + called(*child) + ", which has a parent"
                                     : "addService() of nothing");
    }
    for (const Service* above = this; above != nullptr; above = above->parent_) {
        if (above == child.get()) {
            throw std::logic_error("addService() of " + called(*child) + " to itself");
        }
    }
    if (!child->name().empty() && getServiceNamed(child->name())) {
        throw std::logic_error("addService(): there is a service named '" + child->name() + "'");
    }
    child->parent_ = this;
    children_.push_back(child);
    if (running()) {
        // It may be too late for the rights, but then the child says so (as in Twisted).
        child->privilegedStartService();
        child->startService();
    }
}

Deferred<> MultiService::removeService(Service& child) {
    const auto place = std::find_if(children_.begin(), children_.end(),
                                    [&](const Ref<Service>& one) { return one.get() == &child; });
    if (place == children_.end()) {
        throw std::logic_error("removeService() of " + called(child) + ", which is no child");
    }
    const Ref<Service> kept = std::move(*place);
    children_.erase(place);
    child.parent_ = nullptr;
    return running() ? kept->stopService() : succeed();
}

Ref<Service> MultiService::getServiceNamed(std::string_view name) const {
    for (const Ref<Service>& child : children_) {
        if (child->name() == name) {
            return child;
        }
    }
    return {};
}

void startApplication(Reactor& reactor, const Ref<Service>& application) {
    application->privilegedStartService();
    reactor.callWhenRunning([application] { application->startService(); });
    reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown,
                                  [application] { return application->stopService(); });
}

}  // namespace marline
