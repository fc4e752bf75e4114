// MemCacheProtocol: commands and answers as bytes.
#include <marline/protocols/memcache/memcache_protocol.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/deferred_outcome.hpp>

namespace marline::memcache {
namespace {

using namespace std::chrono_literals;
using testing::NoUnhandled;
using testing::Outcome;

class MemCacheTest : public ::testing::Test {
protected:
    MemCacheTest() { cache_->makeConnection(transport_); }
    ~MemCacheTest() override {
        if (cache_->transport() != nullptr) {
            cache_->connectionLost(ConnectionDone());
        }
    }
    /// Byte by byte, so that every cut is among the reads.
    void receive(const std::string& bytes) {
        for (const char& byte : bytes) {
            cache_->dataReceived(std::as_bytes(std::span(&byte, 1)));
        }
    }
    std::string sent() {
        std::string all = transport_.value();
        transport_.clear();
        return all;
    }

    NoUnhandled noUnhandled_;
    testing::Clock clock_;
    testing::StringTransport transport_;
    Ref<MemCacheProtocol> cache_ = makeRef<MemCacheProtocol>(clock_);
};

// A value comes with its flags, whatever its bytes; a key without one gives nothing.
TEST_F(MemCacheTest, gets) {
    const Outcome<std::optional<Item>> there(cache_->get("k"));
    const Outcome<std::optional<Item>> missing(cache_->get("none"));
    EXPECT_EQ(sent(), "get k\r\nget none\r\n");
    receive("VALUE k 7 7\r\na\r\nEND\r\r\nEND\r\nEND\r\n");
    ASSERT_TRUE(there.ok()) << there.message();
    EXPECT_EQ(there.value(), (Item{"a\r\nEND\r", 7, 0}));
    EXPECT_EQ(missing.value(), std::nullopt);
}

// Several values come in one answer, with their cas.
TEST_F(MemCacheTest, getsSeveral) {
    const Outcome<std::map<std::string, Item>> got(cache_->getMultiple({"a", "b", "c"}));
    EXPECT_EQ(sent(), "gets a b c\r\n");
    receive("VALUE a 0 1 18446744073709551615\r\nx\r\nVALUE c 1 0 2\r\n\r\nEND\r\n");
    ASSERT_TRUE(got.ok()) << got.message();
    EXPECT_EQ(got.value(), (std::map<std::string, Item>{{"a", {"x", 0, 18446744073709551615U}},
                                                        {"c", {"", 1, 2}}}));
    EXPECT_THROW(cache_->getMultiple({}), std::invalid_argument);
}

// The commands that store, and what the server may say to them.
TEST_F(MemCacheTest, stores) {
    const Outcome<bool> set(cache_->set("k", "v\r\n", {.flags = 1, .expire = 60}));
    const Outcome<bool> add(cache_->add("k", ""));
    const Outcome<bool> replace(cache_->replace("k", "v"));
    const Outcome<bool> append(cache_->append("k", "v"));
    const Outcome<bool> prepend(cache_->prepend("k", "v"));
    const Outcome<bool> cas(cache_->checkAndSet("k", "v", 99));
    const Outcome<bool> gone(cache_->checkAndSet("k", "v", 99));
    EXPECT_EQ(sent(),
              "set k 1 60 3\r\nv\r\n\r\nadd k 0 0 0\r\n\r\nreplace k 0 0 1\r\nv\r\n"
              "append k 0 0 1\r\nv\r\nprepend k 0 0 1\r\nv\r\ncas k 0 0 1 99\r\nv\r\n"
              "cas k 0 0 1 99\r\nv\r\n");
    receive("STORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\nNOT_STORED\r\nEXISTS\r\nNOT_FOUND\r\n");
    EXPECT_TRUE(set.value() && replace.value() && append.value());
    EXPECT_FALSE(add.value() || prepend.value() || cas.value() || gone.value());
}

// The other commands.
TEST_F(MemCacheTest, countsRemovesAndTells) {
    const Outcome<std::optional<std::uint64_t>> up(cache_->increment("n"));
    const Outcome<std::optional<std::uint64_t>> down(cache_->decrement("n", 5));
    const Outcome<bool> removed(cache_->remove("n"));
    const Outcome<bool> again(cache_->remove("n"));
    const Outcome<std::map<std::string, std::string>> stats(cache_->stats());
    const Outcome<std::string> version(cache_->version());
    const Outcome<> flushed(cache_->flushAll());
    EXPECT_EQ(sent(),
              "incr n 1\r\ndecr n 5\r\ndelete n\r\ndelete n\r\nstats\r\nversion\r\n"
              "flush_all\r\n");
    receive(
        "42\r\nNOT_FOUND\r\nDELETED\r\nNOT_FOUND\r\nSTAT pid 1\r\nSTAT libevent 2.1 stable\r\n"
        "END\r\nVERSION 1.6.18\r\nOK\r\n");
    EXPECT_EQ(up.value(), 42U);
    EXPECT_EQ(down.value(), std::nullopt);
    EXPECT_TRUE(removed.value());
    EXPECT_FALSE(again.value());
    EXPECT_EQ(stats.value(),
              (std::map<std::string, std::string>{{"pid", "1"}, {"libevent", "2.1 stable"}}));
    EXPECT_EQ(version.value(), "1.6.18");
    EXPECT_TRUE(flushed.ok());
}

// What the server refuses fails that command only.
TEST_F(MemCacheTest, failsWithTheServersErrors) {
    const Outcome<bool> unknown(cache_->remove("k"));
    const Outcome<bool> client(cache_->set("k", "v"));
    const Outcome<std::optional<Item>> server(cache_->get("k"));
    const Outcome<> fine(cache_->flushAll());
    receive("ERROR\r\nCLIENT_ERROR bad data chunk\r\nSERVER_ERROR out of memory\r\nOK\r\n");
    EXPECT_NE(unknown.failed<NoSuchCommand>(), nullptr) << unknown.message();
    EXPECT_NE(client.failed<ClientError>(), nullptr) << client.message();
    EXPECT_EQ(server.message(), "SERVER_ERROR out of memory");
    EXPECT_NE(server.failed<ServerError>(), nullptr);
    EXPECT_TRUE(fine.ok());
}

// A key that would be another command is refused at the call.
TEST_F(MemCacheTest, refusesBadKeys) {
    for (const std::string& key :
         {std::string(), std::string(kMaxKeyLength + 1, 'k'), std::string("a b"),
          std::string("a\r\nflush_all"), std::string("a\0", 2), std::string("\x7f")}) {
        EXPECT_THROW(cache_->get(key), std::invalid_argument);
        EXPECT_THROW(cache_->getMultiple({"k", key}), std::invalid_argument);
        EXPECT_THROW(cache_->set(key, "v"), std::invalid_argument);
        EXPECT_THROW(cache_->increment(key), std::invalid_argument);
        EXPECT_THROW(cache_->remove(key), std::invalid_argument);
    }
    EXPECT_EQ(sent(), "");
    const Outcome<std::optional<Item>> longest(cache_->get(std::string(kMaxKeyLength, 'k')));
    EXPECT_NE(sent(), "");
    receive("END\r\n");
    EXPECT_TRUE(longest.ok());
}

// An answer that makes no sense fails the command and closes the connection.
TEST_F(MemCacheTest, refusesAnswersThatMakeNoSense) {
    for (const char* answer : {"WHAT\r\n", "OK\r\n", "VALUE k x 1\r\n", "VALUE k 0 x\r\n",
                               "VALUE k\r\n", "VALUE k 0 1 x\r\n", "VALUE k 0 1\r\nabc"}) {
        const auto cache = makeRef<MemCacheProtocol>(clock_);
        testing::StringTransport transport;
        cache->makeConnection(transport);
        const Outcome<std::optional<Item>> got(cache->get("k"));
        EXPECT_THROW(cache->dataReceived(asBytes(answer)), ProtocolError) << answer;
        cache->connectionLost(ConnectionLost("closed"));
        EXPECT_TRUE(got.fired() && !got.ok()) << answer;
    }
    EXPECT_THROW(receive("END\r\n"), ProtocolError) << "nothing was asked";
}

// So does one to a command whose answers are other words.
TEST_F(MemCacheTest, refusesAnswersToOtherCommands) {
    const auto refuses = [this](auto ask, const char* answer) {
        const auto cache = makeRef<MemCacheProtocol>(clock_);
        testing::StringTransport transport;
        cache->makeConnection(transport);
        const Outcome outcome(ask(*cache));
        EXPECT_THROW(cache->dataReceived(asBytes(answer)), ProtocolError) << answer;
        cache->connectionLost(ConnectionDone());
        EXPECT_TRUE(outcome.fired() && !outcome.ok()) << answer;
    };
    refuses([](MemCacheProtocol& cache) { return cache.increment("n"); }, "END\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.version(); }, "END\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.set("k", "v"); }, "END\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.remove("k"); }, "OK\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.stats(); }, "OK\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.getMultiple({"k"}); }, "OK\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.flushAll(); }, "END\r\n");
    refuses([](MemCacheProtocol& cache) { return cache.version(); },
            std::string(20000, 'x').c_str());
}

// A value beyond the limit is refused before it has come.
TEST_F(MemCacheTest, refusesAValueBeyondTheLimit) {
    EXPECT_EQ(cache_->maxValueBytes(), kMaxValueBytes);
    cache_->setMaxValueBytes(3);
    const Outcome<std::optional<Item>> fits(cache_->get("k"));
    const Outcome<std::optional<Item>> tooLong(cache_->get("k"));
    receive("VALUE k 0 3\r\nabc\r\nEND\r\n");
    EXPECT_TRUE(fits.ok());
    EXPECT_THROW(receive("VALUE k 0 4\r\n"), ProtocolError);
    cache_->connectionLost(ConnectionLost("closed"));
    EXPECT_EQ(tooLong.message(), "closed");
}

// A server that falls silent while something is asked is left, and every command fails.
TEST_F(MemCacheTest, leavesASilentServer) {
    clock_.advance(1h);
    EXPECT_FALSE(transport_.aborted()) << "nothing was asked";
    const Outcome<> one(cache_->flushAll());
    const Outcome<> two(cache_->flushAll());
    clock_.advance(59s);
    receive("OK\r\n");
    clock_.advance(59s);
    EXPECT_FALSE(transport_.aborted());
    clock_.advance(1s);
    EXPECT_TRUE(transport_.aborted());
    cache_->connectionLost(ConnectionAborted());
    EXPECT_TRUE(one.ok());
    EXPECT_NE(two.failed<TimeoutError>(), nullptr) << two.message();
    const Outcome<> later(cache_->flushAll());
    EXPECT_NE(later.failed<TimeoutError>(), nullptr) << later.message();
}

// What was not answered fails with the reason of the loss; without a connection nothing is asked.
TEST_F(MemCacheTest, failsWhenTheConnectionIsLost) {
    const Outcome<> asked(cache_->flushAll());
    cache_->connectionLost(ConnectionLost("cut"));
    EXPECT_EQ(asked.message(), "cut");
    EXPECT_EQ(clock_.pendingCalls(), 0U);
    const auto unconnected = makeRef<MemCacheProtocol>(clock_);
    const Outcome<> never(unconnected->flushAll());
    EXPECT_NE(never.failed<ConnectionLost>(), nullptr) << never.message();
}

}  // namespace
}  // namespace marline::memcache
