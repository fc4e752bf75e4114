// ProcessProtocol: what most protocols of child processes derive from.
#pragma once

#include <cstddef>
#include <span>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/reactor/process.hpp>

namespace marline {

/// A process protocol that keeps its transport and names the three usual streams (Twisted:
/// `ProcessProtocol`). Override what matters.
///
///     class Sort : public ProcessProtocol {
///         void connectionMade() override {
///             transport()->write("b\na\n");
///             transport()->closeStdin();
///         }
///         void outReceived(std::span<const std::byte> data) override { sorted_ += asText(data); }
///         void processEnded(const Failure& reason) override { … }
///     };
class MARLINE_API ProcessProtocol : public IProcessProtocol {
public:
    void makeConnection(IProcessTransport& process) final {
        transport_ = Ref<IProcessTransport>(&process);
        connectionMade();
    }
    /// Calls outReceived() for 1 and errReceived() for 2. Overrides see every descriptor.
    void childDataReceived(int childFd, std::span<const std::byte> data) override {
        if (childFd == 1) {
            outReceived(data);
        } else if (childFd == 2) {
            errReceived(data);
        }
    }
    /// Calls inConnectionLost() for 0, outConnectionLost() for 1 and errConnectionLost() for 2.
    void childConnectionLost(int childFd) override {
        if (childFd == 0) {
            inConnectionLost();
        } else if (childFd == 1) {
            outConnectionLost();
        } else if (childFd == 2) {
            errConnectionLost();
        }
    }
    void processExited(const Failure&) override {}
    void processEnded(const Failure&) override {}

    /// The process; empty before connectionMade().
    const Ref<IProcessTransport>& transport() const noexcept { return transport_; }

protected:
    ~ProcessProtocol() override = default;

    /// The child runs: transport() may be written to.
    virtual void connectionMade() {}
    /// The child wrote to its standard output, or its standard error.
    virtual void outReceived(std::span<const std::byte>) {}
    virtual void errReceived(std::span<const std::byte>) {}
    /// The pipe to a standard stream of the child is closed, by either side.
    virtual void inConnectionLost() {}
    virtual void outConnectionLost() {}
    virtual void errConnectionLost() {}

private:
    Ref<IProcessTransport> transport_;
};

}  // namespace marline
