// MemCacheProtocol with Debian's memcached at the other end.
#include <marline/protocols/memcache/memcache_protocol.hpp>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::memcache {
namespace {

using testing::Outcome;

class MemCacheInteropTest : public testing::InteropTest {
protected:
    void SetUp() override {
        const std::string program = find("memcached");
        if (program.empty()) {
            GTEST_SKIP() << "Debian's memcached is not installed";
        }
        const std::string path = folder_ / "memcached.sock";
        const Ref<testing::PeerOutput> server = start(program, {"-u", "root", "-s", path, "-vv"});
        cache_ = makeRef<MemCacheProtocol>(reactor());
        // It does not say when it listens: whoever comes too early tries again.
        while (cache_->transport() == nullptr && !server->ended) {
            Outcome<Ref<IProtocol>> connected(
                reactor().connectUnix(path, factoryOf([this](const Address&) { return cache_; })));
            runUntil([&] { return connected.fired(); });
            turn();
        }
        ASSERT_FALSE(server->ended) << server->text;
    }
    void TearDown() override {
        if (cache_ && cache_->transport() != nullptr) {
            cache_->transport()->loseConnection();
            runUntil([this] { return cache_->transport() == nullptr; });
        }
        cache_.reset();
        InteropTest::TearDown();
    }
    /// What `d` yields.
    template <class T>
    T result(Deferred<T> d) {
        Outcome<T> outcome(std::move(d));
        runUntil([&] { return outcome.fired(); });
        EXPECT_TRUE(outcome.ok()) << outcome.message();
        if constexpr (!std::is_void_v<T>) {
            return outcome.value();
        }
    }

    Ref<MemCacheProtocol> cache_;

private:
    test::TempFolder folder_;
};

// Every command, with the server's own answers.
TEST_F(MemCacheInteropTest, speaksWithTheServer) {
    const std::string bytes("\0\r\nEND\r\n", 8);
    EXPECT_TRUE(result(cache_->set("k", bytes, {.flags = 7})));
    EXPECT_EQ(result(cache_->get("k")), (Item{bytes, 7, 0}));
    EXPECT_EQ(result(cache_->get("none")), std::nullopt);
    EXPECT_FALSE(result(cache_->add("k", "x")));
    EXPECT_FALSE(result(cache_->replace("none", "x")));
    EXPECT_TRUE(result(cache_->set("k", "b")));
    EXPECT_TRUE(result(cache_->append("k", "c")));
    EXPECT_TRUE(result(cache_->prepend("k", "a")));
    const auto several = result(cache_->getMultiple({"k", "none"}));
    ASSERT_EQ(several.count("k"), 1U);
    EXPECT_EQ(several.at("k").value, "abc");
    EXPECT_TRUE(result(cache_->checkAndSet("k", "1", several.at("k").cas)));
    EXPECT_FALSE(result(cache_->checkAndSet("k", "2", several.at("k").cas)));
    EXPECT_FALSE(result(cache_->checkAndSet("none", "2", 1)));
    EXPECT_EQ(result(cache_->increment("k", 9)), 10U);
    EXPECT_EQ(result(cache_->decrement("k", 99)), 0U);
    EXPECT_EQ(result(cache_->increment("none")), std::nullopt);
    EXPECT_TRUE(result(cache_->remove("k")));
    EXPECT_FALSE(result(cache_->remove("k")));
    EXPECT_FALSE(result(cache_->version()).empty());
    EXPECT_EQ(result(cache_->stats()).count("pid"), 1U);
    result(cache_->flushAll());
    const Outcome<bool> tooLarge(cache_->set("k", std::string(2'000'000, 'x')));
    runUntil([&] { return tooLarge.fired(); });
    EXPECT_NE(tooLarge.failed<ServerError>(), nullptr) << tooLarge.message();
}

}  // namespace
}  // namespace marline::memcache
