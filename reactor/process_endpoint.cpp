#include <marline/reactor/process_endpoint.hpp>

#include <csignal>
#include <optional>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

/// The protocol of the process, and the transport of the user's protocol.
class ProcessConnection final : public IProcessProtocol, public ITransport {
public:
    ProcessConnection(std::string executable, Ref<IProtocolFactory> factory, StandardErrors errors)
        : executable_(std::move(executable)), factory_(std::move(factory)), errors_(errors) {}

    /// Of the factory, which is started; an empty Ref when it has none.
    const Ref<IProtocol>& build() {
        protocol_ = factory_->buildProtocol(address_);
        return protocol_;
    }

    // From the process.

    void makeConnection(IProcessTransport& process) override {
        process_ = Ref<IProcessTransport>(&process);
        protect([this] { protocol_->makeConnection(*this); });
    }
    void childDataReceived(int childFd, std::span<const std::byte> data) override {
        if (childFd == 1 && !disconnecting_) {
            protect([&] { protocol_->dataReceived(data); });
        } else if (childFd == 2 && errors_ == StandardErrors::Log) {
            log(LogLevel::Info,
                executable_ + " wrote to its standard error: " + std::string(asText(data)));
        }
    }
    void childConnectionLost(int childFd) override {
        const bool halfClose = protocol_->wantsHalfClose() && !disconnecting_;
        if (childFd == 1 && halfClose) {
            protect([this] { protocol_->readConnectionLost(); });
        } else if (childFd == 1) {
            // As on every stream: else a child that only waits for input would never end.
            process_->closeStdin();
        } else if (childFd == 0 && halfClose) {
            protect([this] { protocol_->writeConnectionLost(); });
        }
    }
    void processExited(const Failure&) override {}
    void processEnded(const Failure& reason) override {
        disconnecting_ = true;
        const bool done = reason.check<ProcessDone>() != nullptr;
        const Failure why = failure_ ? *failure_ : done ? Failure(ConnectionDone()) : reason;
        const Ref<IProtocol> protocol = std::move(protocol_);
        detail::guard("connectionLost", [&] { protocol->connectionLost(why); });
        factory_->doStop();
    }

    // From the user's protocol.

    void write(std::span<const std::byte> data) override { process_->write(data); }
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
        for (const std::span<const std::byte> piece : pieces) {
            process_->write(piece);
        }
    }
    void loseConnection() override {
        disconnecting_ = true;
        process_->loseConnection();
    }
    void abortConnection() override {
        if (!failure_ && protocol_) {
            failure_ = Failure(ConnectionAborted());
        }
        end();
    }
    void loseWriteConnection() override { process_->closeStdin(); }
    void pauseProducing() override { process_->pauseProducing(); }
    void resumeProducing() override { process_->resumeProducing(); }
    void registerProducer(IProducer& producer, Producing mode) override {
        process_->registerProducer(producer, mode);
    }
    void unregisterProducer() override { process_->unregisterProducer(); }
    std::size_t bytesBuffered() const noexcept override { return process_->bytesBuffered(); }
    bool disconnecting() const noexcept override { return disconnecting_; }
    const Address& getHost() const noexcept override { return address_; }
    const Address& getPeer() const noexcept override { return address_; }
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}

private:
    ~ProcessConnection() override = default;

    /// What a callback throws ends the connection, as on every stream.
    template <class Call>
    void protect(Call&& call) {
        try {
            call();
        } catch (...) {
            failure_ = Failure::current();
            log(LogLevel::Error, "exception in a protocol's callback, killing " + executable_ +
                                     ": " + failure_->brief());
            end();
        }
    }
    void end() {
        disconnecting_ = true;
        if (process_->pid()) {
            process_->signalProcess(SIGKILL);
        }
        process_->loseConnection();
    }

    std::string executable_;
    Ref<IProtocolFactory> factory_;
    StandardErrors errors_;
    Ref<IProtocol> protocol_;
    Ref<IProcessTransport> process_;
    std::optional<Failure> failure_;
    Address address_;
    bool disconnecting_ = false;
};

}  // namespace

Deferred<Ref<IProtocol>> ProcessEndpoint::connect(Ref<IProtocolFactory> factory) {
    try {
        factory->doStart();
    } catch (...) {
        return fail<Ref<IProtocol>>(Failure::current());
    }
    try {
        auto connection = makeRef<ProcessConnection>(executable_, factory, errors_);
        const Ref<IProtocol> protocol = connection->build();
        if (!protocol) {
            throw NoProtocol("no process " + executable_ + ": the factory gave no protocol");
        }
        reactor_.spawnProcess(connection, executable_, args_, options_);
        return succeed(protocol);
    } catch (...) {
        const Failure why = Failure::current();
        detail::guard("doStop() of a client's factory", [&] { factory->doStop(); });
        return fail<Ref<IProtocol>>(why);
    }
}

}  // namespace marline
