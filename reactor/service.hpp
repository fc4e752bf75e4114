// Service: a part of a program that starts and stops, and MultiService: several as one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>

namespace marline {

class MultiService;
class Reactor;

/// A part of a program that can be started and stopped (Twisted: `Service`).
///
/// Overrides of startService() and stopService() call this class's as well. Reactor thread only.
class MARLINE_API Service : public RefCounted {
public:
    /// What needs the rights that the program gives up before it starts: listening on a low port.
    /// Called before startService(), and not always.
    virtual void privilegedStartService() {}
    /// Begins. Starting a service that runs does nothing new.
    virtual void startService() { running_ = true; }
    /// Ends; the Deferred fires when all is over. On one that does not run it fires at once.
    virtual Deferred<> stopService();
    /// True from startService() to stopService().
    bool running() const noexcept { return running_; }

    /// Empty unless set.
    const std::string& name() const noexcept { return name_; }
    /// Throws std::logic_error while it has a parent, which knows it by its name.
    void setName(std::string name);
    /// The MultiService it was added to; null without one.
    MultiService* parent() const noexcept { return parent_; }
    /// The same as MultiService::addService(), from this side.
    void setServiceParent(MultiService& parent);
    /// The same as MultiService::removeService(), from this side; throws std::logic_error without a
    /// parent.
    Deferred<> disownServiceParent();

protected:
    ~Service() override = default;

private:
    friend class MultiService;

    std::string name_;
    MultiService* parent_ = nullptr;
    bool running_ = false;
};

/// Services that start and stop together (Twisted: `MultiService`).
///
///     auto application = makeRef<MultiService>();
///     application->addService(makeRef<StreamServerEndpointService>(endpoint, factory));
///     startApplication(reactor, application);
///     reactor.run();
class MARLINE_API MultiService final : public Service {
public:
    MultiService() = default;

    /// Starts the children, in the order they were added.
    void privilegedStartService() override;
    void startService() override;
    /// Stops the children, the last one first; fires when all have ended. Fails with the failure of
    /// the child that was added last among those that failed, and logs the others.
    Deferred<> stopService() override;

    /// Adds a child, and starts it when this runs. Throws std::logic_error when it has a parent, is
    /// this or above it, or when a child has its name.
    void addService(Ref<Service> child);
    /// Forgets a child, and stops it when this runs; fires when it has stopped. Throws
    /// std::logic_error when it is none.
    Deferred<> removeService(Service& child);
    /// The child with that name; empty when there is none.
    Ref<Service> getServiceNamed(std::string_view name) const;
    /// The children, in the order they were added.
    const std::vector<Ref<Service>>& services() const noexcept { return children_; }

private:
    ~MultiService() override;

    std::vector<Ref<Service>> children_;
};

/// Starts `application` with the reactor and stops it in the reactor's shutdown, which waits for it
/// (Twisted: `startApplication`). What it fails with while stopping is logged.
MARLINE_API void startApplication(Reactor& reactor, const Ref<Service>& application);

}  // namespace marline
