#include <marline/reactor/process_output.hpp>

#include <csignal>
#include <span>
#include <string_view>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

/// Runs one program and fires with a T that the subclass makes of its end.
template <class T>
class Collector : public IProcessProtocol {
public:
    explicit Collector(const std::string& executable, const ProcessOutputOptions& options)
        : executable_(executable), input_(options.input), maxOutput_(options.maxOutput),
          source_([this](const Deferred<T>&) { kill(); }) {}

    Deferred<T> deferred() const { return source_.deferred(); }

    void makeConnection(IProcessTransport& process) override {
        process_ = Ref<IProcessTransport>(&process);
        process.write(std::exchange(input_, {}));
        process.closeStdin();
    }
    void childDataReceived(int childFd, std::span<const std::byte> data) override {
        if (!source_.pending()) {
            return;
        }
        length_ += data.size();
        if (maxOutput_ != 0 && length_ > maxOutput_) {
            kill();
            source_.errback(ProcessOutputTooLong(
                executable_ + " wrote more than " + std::to_string(maxOutput_) +
                " bytes and was killed (ProcessOutputOptions::maxOutput)"));
        } else {
            collect(childFd, asText(data));
        }
    }
    void childConnectionLost(int) override {}
    void processExited(const Failure&) override {}
    void processEnded(const Failure& reason) override {
        process_.reset();
        if (!source_.pending()) {
            return;
        }
        const auto* bad = reason.check<ProcessTerminated>();
        if (bad == nullptr && reason.check<ProcessDone>() == nullptr) {
            source_.errback(reason);  // the reactor stopped
        } else {
            finish(reason, bad);
        }
    }

protected:
    ~Collector() override = default;

    virtual void collect(int childFd, std::string_view text) = 0;
    /// `bad` is null for exit code 0.
    virtual void finish(const Failure& reason, const ProcessTerminated* bad) = 0;

    void loseConnection() { process_->loseConnection(); }
    const std::string& executable() const noexcept { return executable_; }
    DeferredSource<T>& source() noexcept { return source_; }

private:
    /// Its own children may hold the pipes open, so these go as well.
    void kill() {
        if (process_) {
            if (process_->pid()) {
                process_->signalProcess(SIGKILL);
            }
            process_->loseConnection();
        }
    }

    std::string executable_;
    std::string input_;
    std::size_t maxOutput_;
    std::size_t length_ = 0;
    Ref<IProcessTransport> process_;
    DeferredSource<T> source_;
};

class OutputCollector final : public Collector<std::string> {
public:
    OutputCollector(const std::string& executable, const ProcessOutputOptions& options)
        : Collector(executable, options), errorToo_(options.errorToo) {}

private:
    void collect(int childFd, std::string_view text) override {
        if (childFd == 1 || errorToo_) {
            out_ += text;
        } else {
            loseConnection();
            source().errback(UnexpectedErrorOutput(executable(), std::string(text)));
        }
    }
    void finish(const Failure&, const ProcessTerminated*) override {
        source().callback(std::move(out_));
    }

    bool errorToo_;
    std::string out_;
};

class ValueCollector final : public Collector<int> {
public:
    using Collector::Collector;

private:
    void collect(int, std::string_view) override {}
    void finish(const Failure& reason, const ProcessTerminated* bad) override {
        if (bad == nullptr || bad->exitCode()) {
            source().callback(bad == nullptr ? 0 : *bad->exitCode());
        } else {
            source().errback(reason);
        }
    }
};

class OutputAndValueCollector final : public Collector<ProcessOutput> {
public:
    using Collector::Collector;

private:
    void collect(int childFd, std::string_view text) override {
        (childFd == 1 ? output_.out : output_.err) += text;
    }
    void finish(const Failure&, const ProcessTerminated* bad) override {
        if (bad == nullptr || bad->exitCode()) {
            output_.code = bad == nullptr ? 0 : *bad->exitCode();
            source().callback(std::move(output_));
        } else {
            source().errback(
                ProcessSignalled(*bad, std::move(output_.out), std::move(output_.err)));
        }
    }

    ProcessOutput output_;
};

template <class C, class T>
Deferred<T> collectWith(Reactor& reactor, const std::string& executable,
                        const std::vector<std::string>& args, const ProcessOutputOptions& options) {
    auto collector = makeRef<C>(executable, options);
    Deferred<T> result = collector->deferred();
    std::vector<std::string> argv = {executable};
    argv.insert(argv.end(), args.begin(), args.end());
    try {
        reactor.spawnProcess(collector, executable, argv,
                             {.env = options.env, .path = options.path});
    } catch (const SpawnError& error) {
        return fail<T>(error);
    } catch (const ReactorNotRunning& error) {
        return fail<T>(error);
    }
    return result;
}

}  // namespace

Deferred<std::string> getProcessOutput(Reactor& reactor, const std::string& executable,
                                       const std::vector<std::string>& args,
                                       const ProcessOutputOptions& options) {
    return collectWith<OutputCollector, std::string>(reactor, executable, args, options);
}

Deferred<int> getProcessValue(Reactor& reactor, const std::string& executable,
                              const std::vector<std::string>& args,
                              const ProcessOutputOptions& options) {
    return collectWith<ValueCollector, int>(reactor, executable, args, options);
}

Deferred<ProcessOutput> getProcessOutputAndValue(Reactor& reactor, const std::string& executable,
                                                 const std::vector<std::string>& args,
                                                 const ProcessOutputOptions& options) {
    return collectWith<OutputAndValueCollector, ProcessOutput>(reactor, executable, args, options);
}

}  // namespace marline
