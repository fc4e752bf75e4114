// SentFiles: a folder that is served on a real socket, to a client that reads when it is told to.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/http/file.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http::test {

/// Text that shows when a part of it is missing, or not in its place.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    }
    return text;
}

/// How many descriptors this process has open.
inline std::size_t openDescriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// The sockets are UNIX ones, which hold little. The site's clock stands still.
class SentFiles : public ::testing::Test {
protected:
    static std::string get(std::string_view path, std::string_view fields = "") {
        return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n" + std::string(fields) +
               "\r\n";
    }

    /// Serves `root`, the folder unless told, and connects the client.
    void serve(Ref<Resource> root = {}, const SiteOptions& options = {}) {
        if (!root) {
            root = makeRef<File>(folder.path());
        }
        site = makeRef<Site>(clock, std::move(root), options);
        listen(site);
        runUntil([this] { return client->transport != nullptr && site->connections() == 1; });
    }
    virtual void listen(const Ref<IProtocolFactory>& server) {
        reactor.listenUnix(sockets / "s", server);
        reactor.connectUnix(sockets / "s", marline::test::recorderFactory(client));
    }

    void send(std::string_view request) const { client->transport->write(request); }
    void runUntil(const std::function<bool()>& done) { marline::test::runUntil(reactor, done); }
    /// Turns until the server can send no more to a client that does not read.
    void untilStuck() {
        client->transport->pauseProducing();
        for (int i = 0; i < 200; ++i) {
            reactor.iterate();
        }
    }
    /// Takes the next response off what was received, and gives its head and its body.
    std::pair<std::string, std::string> answer() {
        std::string& all = client->received;
        runUntil([&] { return all.find("\r\n\r\n") != std::string::npos || client->lost; });
        const std::size_t body = all.find("\r\n\r\n") + 4;
        const std::string head = all.substr(0, body);
        const std::size_t field = head.find("Content-Length: ");
        EXPECT_NE(field, std::string::npos) << head;
        const std::size_t length = std::stoul(head.substr(field + 16));
        runUntil([&] { return all.size() >= body + length || client->lost; });
        std::pair<std::string, std::string> both(head, all.substr(body, length));
        all.erase(0, body + length);
        return both;
    }
    void expectBody(std::string_view body) {
        // Not EXPECT_EQ, which would print megabytes.
        EXPECT_TRUE(answer().second == body);
    }
    void untilGone() {
        runUntil([this] { return site->connections() == 0 && client->lost.has_value(); });
    }

    testing::Clock clock{std::chrono::hours(1)};
    marline::test::TempFolder folder;
    marline::test::TempFolder sockets;
    marline::test::CatchLog log;
    std::shared_ptr<marline::test::Record> client = std::make_shared<marline::test::Record>();
    Reactor reactor;
    Ref<Site> site;
};

}  // namespace marline::http::test
