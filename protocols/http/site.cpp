#include <marline/protocols/http/site.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/detail/path.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

// What is kept for the next requests, of all connections together.
constexpr std::size_t kKeptRequests = 64;
constexpr std::size_t kKeptBuffers = 16;
constexpr std::size_t kKeptCapacity = 64 * 1024;

}  // namespace

Ref<IProtocol> Site::buildProtocol(const Address&) {
    return closing_ ? Ref<IProtocol>() : Ref<IProtocol>(makeRef<HttpChannel>(Ref<Site>(this)));
}

Site::~Site() = default;

// The connections.

void Site::connectionMade(HttpChannel& channel) noexcept {
    channel.next_ = first_;
    channel.previous_ = &first_;
    if (first_ != nullptr) {
        first_->previous_ = &channel.next_;
    }
    first_ = &channel;
    ++connections_;
}

void Site::connectionEnded(HttpChannel& channel) {
    if (channel.previous_ == nullptr) {
        return;
    }
    *channel.previous_ = channel.next_;
    if (channel.next_ != nullptr) {
        channel.next_->previous_ = channel.previous_;
    }
    channel.previous_ = nullptr;
    --connections_;
    if (!closing_ || connections_ > 0) {
        return;
    }
    if (forcing_.active()) {
        forcing_.cancel();
    }
    const Ref<Site> alive(this);
    for (auto& source : std::exchange(closed_, {})) {
        source.callback(report_);
    }
}

Deferred<ShutdownReport> Site::shutdown(Duration grace,
                                        const std::vector<Ref<IListeningPort>>& ports) {
    const Ref<Site> alive(this);
    for (const Ref<IListeningPort>& port : ports) {
        port->stopListening().addErrback(
            [](const Failure& why) { log(LogLevel::Error, "stop listening: " + why.brief()); });
    }
    DeferredSource<ShutdownReport> source;
    Deferred<ShutdownReport> done = source.deferred();
    if (!std::exchange(closing_, true)) {
        report_.finished = connections_;
        for (HttpChannel* each = first_; each != nullptr; each = each->next_) {
            const bool idle = each->closeWhenDone();
            report_.idle += idle ? 1 : 0;
            report_.finished -= idle ? 1 : 0;
        }
    }
    if (connections_ == 0) {
        source.callback(report_);
        return done;
    }
    closed_.push_back(std::move(source));
    if (!forcing_.active()) {
        forcing_ = clock_.callLater(grace, [this] { force(); });
    } else if (forcing_.getTime() > clock_.seconds() + grace) {
        forcing_.reset(grace);
    }
    return done;
}

void Site::force() {
    const Ref<Site> alive(this);
    for (HttpChannel* each = first_; each != nullptr; each = each->next_) {
        if (each->busy()) {
            ++report_.forced;
            --report_.finished;
        }
        each->abort();
    }
}

// The tree.

Ref<Resource> Site::getResourceFor(Request& request) const {
    return getChildForRequest(root_, request);
}

Ref<Resource> Site::getChildForRequest(Ref<Resource> resource, Request& request) {
    const std::string_view path = request.path();
    std::string decoded;
    while (resource) {
        if (Ref<Resource> other = resource->standIn(request)) {
            resource = std::move(other);
            continue;
        }
        if (resource->isLeaf() || request.consumedBytes_ >= path.size()) {
            break;
        }
        const std::size_t from = request.consumedBytes_ + (path.starts_with('/') ? 1 : 0);
        const std::size_t to = std::min(path.find('/', from), path.size());
        std::string_view name = path.substr(from, to - from);
        if (name.find('%') != std::string_view::npos) {
            decoded.clear();
            detail::appendDecoded(decoded, name);
            name = decoded;
        }
        request.consumedBytes_ = to;
        ++request.consumedSegments_;
        Ref<Resource> child = resource->getChild(name, request);
        if (!child && path == "/") {
            return resource;
        }
        resource = std::move(child);
    }
    return resource;
}

Ref<Request> Site::takeRequest() {
    if (requests_.empty()) {
        return makeRef<Request>();
    }
    Ref<Request> request = std::move(requests_.back());
    requests_.pop_back();
    return request;
}

void Site::giveRequest(Ref<Request> request) {
    if (request.unique() && requests_.size() < kKeptRequests) {
        request->recycle();
        requests_.push_back(std::move(request));
    }
}

std::string Site::takeBuffer() noexcept {
    if (buffers_.empty()) {
        return {};
    }
    std::string buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
}

void Site::giveBuffer(std::string buffer) {
    if (buffers_.size() < kKeptBuffers && buffer.capacity() <= kKeptCapacity) {
        buffer.clear();
        buffers_.push_back(std::move(buffer));
    }
}

std::string_view Site::date(Duration now) {
    const std::int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    if (second != dateSecond_) {
        dateSecond_ = second;
        date_ = formatHttpDate(
            std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    }
    return date_;
}

}  // namespace marline::http
