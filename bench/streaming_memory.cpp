// How much memory it takes to stream bodies: `streaming_memory --mib 1024`.
//
// A body is generated piece by piece on one side and dropped on the other: a download (BodyStream,
// collect()) and an upload (GeneratorBody, BodySink). Prints one JSON line: the most memory that
// the process, client and server, has had after 1 MiB of each, and after that much. For files see
// http_download.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <marline/marline.hpp>

#include "arguments.hpp"
#include "process.hpp"
#include "server_thread.hpp"

using namespace marline;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
const std::string kPiece(64 * 1024, 'x');

/// Takes anything.
class Drain final : public http::BodySink {
public:
    std::uint64_t maxBody() const noexcept override { return UINT64_MAX; }
    void write(std::string_view piece) override { bytes += piece.size(); }

    std::uint64_t bytes = 0;
};

/// `/N` gives N bytes; a POST is counted.
class Bodies final : public http::Resource {
    bool isLeaf() const noexcept override { return true; }
    Ref<http::BodySink> bodySink(http::Request&) override { return makeRef<Drain>(); }
    http::Rendered renderGet(http::Request& request) override {
        std::uint64_t left = std::stoull(std::string(request.path().substr(1)));
        return http::streamOf([left]() mutable {
            const std::size_t size = std::min<std::uint64_t>(left, kPiece.size());
            left -= size;
            return succeed(kPiece.substr(0, size));
        });
    }
    http::Rendered renderPost(http::Request& request) override {
        const Ref<http::BodySink> sink = request.bodySink();
        return std::to_string(static_cast<const Drain&>(*sink).bytes);
    }
};

/// A client that streams, and where its server is.
struct Streaming {
    Reactor& reactor;
    RedirectAgent agent;
    std::string url;

    void expect(std::uint64_t bytes, const Deferred<std::uint64_t>& transfer) {
        std::optional<Result<std::uint64_t>> outcome;
        Deferred<std::uint64_t>(transfer).addBoth(
            [&](Result<std::uint64_t> result) { outcome.emplace(std::move(result)); });
        while (!outcome) {
            reactor.iterate(std::chrono::seconds(10));
        }
        if (outcome->value() != bytes) {
            throw std::runtime_error("a body of another length than was sent");
        }
    }
    void download(std::uint64_t bytes) {
        auto count = std::make_shared<std::uint64_t>(0);
        expect(bytes, agent.request("GET", url + std::to_string(bytes))
                          .addCallback([count](const Response& response) {
                              return collect(response, [count](std::span<const std::byte> data) {
                                  *count += data.size();
                              });
                          })
                          .addCallback([count] { return *count; }));
    }
    void upload(std::uint64_t bytes) {
        auto body = makeRef<GeneratorBody>([left = bytes]() mutable {
            const std::size_t size = std::min<std::uint64_t>(left, kPiece.size());
            left -= size;
            return succeed(size > 0 ? std::optional(kPiece.substr(0, size)) : std::nullopt);
        });
        expect(bytes, agent.request("POST", url, {}, body)
                          .addCallback([](const Response& response) { return readBody(response); })
                          .addCallback([](const std::string& text) -> std::uint64_t {
                              return std::stoull(text);
                          }));
    }
};

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t much =
        static_cast<std::uint64_t>(bench::number(argc, argv, "--mib", 1024)) * kMiB;
    std::string url;
    bench::ServerThread server([&](Reactor& reactor) {
        const auto port = reactor.listenTcp(0, makeRef<http::Site>(reactor, makeRef<Bodies>()),
                                            {.interface = "127.0.0.1"});
        url = "http://" + port->getHost().toString() + "/";
    });
    Reactor reactor;
    Streaming client{reactor, RedirectAgent(Agent(reactor)), url};
    client.download(kMiB);
    client.upload(kMiB);
    const double before = bench::peakMiB();
    client.download(much);
    const double downloaded = bench::peakMiB();
    client.upload(much);
    std::printf(
        "{\"mib\":%ld,\"peak_MiB\":%.1f,\"after_download_MiB\":%.1f,"
        "\"after_upload_MiB\":%.1f}\n",
        static_cast<long>(much / kMiB), before, downloaded, bench::peakMiB());
    return 0;
}
