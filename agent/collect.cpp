#include <marline/agent/collect.hpp>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include <marline/agent/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {
namespace {

/// Reads a body into what a subclass does with it.
class BodyReader : public IProtocol {
public:
    Deferred<> done() const { return done_.deferred(); }

    void makeConnection(ITransport& transport) final { transport_ = &transport; }
    void dataReceived(std::span<const std::byte> data) final {
        if (!done_.pending()) {
            return;
        }
        try {
            take(data);
        } catch (...) {
            done_.errback(Failure::current());
            stop();
        }
    }
    void connectionLost(const Failure& reason) final {
        transport_ = nullptr;
        if (!done_.pending()) {
            return;
        }
        const Result<> outcome = ended(reason);
        outcome.ok() ? done_.callback() : done_.errback(outcome.failure());
    }

protected:
    ~BodyReader() override = default;

    virtual void take(std::span<const std::byte> data) = 0;
    virtual Result<> ended(const Failure& reason) = 0;

private:
    void stop() {
        if (transport_ != nullptr) {
            transport_->abortConnection();
        }
    }

    ITransport* transport_ = nullptr;
    DeferredSource<> done_{[this](Deferred<> d) {
        const Ref<BodyReader> alive(this);
        d.errback(CancelledError());  // before the connection's end tells another reason
        stop();
    }};
};

Deferred<> deliver(const Response& response, const Ref<BodyReader>& reader) {
    Deferred<> done = reader->done();
    try {
        response.deliverBody(Ref<IProtocol>(reader.get()));
    } catch (const std::logic_error&) {
        return fail<>(Failure::current());
    }
    return done;
}

class Collector final : public BodyReader {
public:
    explicit Collector(UniqueFunction<void(std::span<const std::byte>)> collector)
        : collector_(std::move(collector)) {}

private:
    void take(std::span<const std::byte> data) override { collector_(data); }
    Result<> ended(const Failure& reason) override {
        const bool whole =
            reason.check<ResponseDone>() != nullptr || reason.check<PotentialDataLoss>() != nullptr;
        return whole ? Result<>() : Result<>(reason);
    }

    UniqueFunction<void(std::span<const std::byte>)> collector_;
};

[[noreturn]] void refuseFile(const std::string& path) {
    throw std::system_error(errno, std::system_category(), "cannot write " + path);
}

class FileSaver final : public BodyReader {
public:
    FileSaver(std::string path, bool goOn, std::uint64_t maxBytes)
        : path_(std::move(path)), maxBytes_(maxBytes),
          file_(std::fopen(path_.c_str(), goOn ? "abe" : "wbe")) {
        if (!file_) {
            refuseFile(path_);
        }
    }

    std::uint64_t bytes() const noexcept { return bytes_; }

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };

    void take(std::span<const std::byte> data) override {
        if (data.size() > maxBytes_ - bytes_) {
            throw BodyTooLarge("the body for " + path_ + " has more than the " +
                               std::to_string(maxBytes_) + " bytes that maxBytes allows");
        }
        if (std::fwrite(data.data(), 1, data.size(), file_.get()) != data.size()) {
            refuseFile(path_);
        }
        bytes_ += data.size();
    }
    Result<> ended(const Failure& reason) override {
        if (std::fflush(file_.get()) != 0) {
            return Failure(
                std::system_error(errno, std::system_category(), "cannot write " + path_));
        }
        return reason.check<ResponseDone>() != nullptr ? Result<>() : Result<>(reason);
    }

    std::string path_;
    std::uint64_t maxBytes_;
    std::unique_ptr<std::FILE, Close> file_;
    std::uint64_t bytes_ = 0;
};

std::uint64_t sizeOf(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// The number behind `prefix` in a Content-Range: where its part begins, or what the whole has.
std::optional<std::uint64_t> numberBehind(const Response& response, std::string_view prefix) {
    const auto range = response.headers().get("Content-Range");
    if (!range || !range->starts_with(prefix)) {
        return std::nullopt;
    }
    const std::string_view text = range->substr(prefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

Deferred<> collect(const Response& response,
                   UniqueFunction<void(std::span<const std::byte>)> collector) {
    return deliver(response, makeRef<Collector>(std::move(collector)));
}

http::Headers resumeHeaders(const std::string& path, std::string_view validator) {
    http::Headers headers;
    if (const std::uint64_t size = sizeOf(path); size != 0) {
        headers.addRawHeader("Range", "bytes=" + std::to_string(size) + "-");
        if (!validator.empty()) {
            headers.addRawHeader("If-Range", validator);
        }
    }
    return headers;
}

Deferred<std::uint64_t> saveTo(const Response& response, const std::string& path,
                               const SaveOptions& options) {
    const std::uint64_t there = sizeOf(path);
    if (response.code() == 416 && there != 0 && numberBehind(response, "bytes */") == there) {
        response.discardBody();
        return succeed(std::uint64_t{0});
    }
    const bool goOn = response.code() == 206;
    if (goOn && numberBehind(response, "bytes ") != there) {
        response.abort();
        const auto range = response.headers().get("Content-Range");
        return fail<std::uint64_t>(BadRange(
            path + " has " + std::to_string(there) + " bytes, and the response from " +
            response.uri().toString() +
            " does not begin there (Content-Range: " + std::string(range.value_or("none")) + ")"));
    }
    return maybeDeferred([&] {
        auto saver = makeRef<FileSaver>(path, goOn, options.maxBytes);
        return deliver(response, saver).addCallback([saver] { return saver->bytes(); });
    });
}

}  // namespace marline
