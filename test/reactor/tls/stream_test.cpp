#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_bed.hpp"

namespace {

using namespace marline;
using namespace marline::testing;

constexpr std::size_t kBig = 5'000'000;

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + i / 251);
    }
    return text;
}

/// Writes `left` blocks of `block`, one at each resumption (pull) or until it is paused (push).
class Blocks final : public IProducer {
public:
    Blocks(ITransport& to, std::string block, int left)
        : to_(to), block_(std::move(block)), left_(left) {}

    void begin(Producing mode) {
        mode_ = mode;
        to_.registerProducer(*this, mode);
        if (mode == Producing::Push) {
            resumeProducing();
        }
    }
    void resumeProducing() override {
        paused_ = false;
        do {
            if (left_ == 0) {
                to_.unregisterProducer();
                return;
            }
            --left_;
            to_.write(block_);
        } while (mode_ == Producing::Push && !paused_);
    }
    void pauseProducing() override {
        paused_ = true;
        ++pauses;
    }
    void stopProducing() override { ++stops; }

    int left() const { return left_; }
    int pauses = 0;
    int stops = 0;

private:
    ITransport& to_;
    std::string block_;
    int left_;
    Producing mode_ = Producing::Push;
    bool paused_ = false;
};

// Five megabytes each way at once arrive unchanged, in odd chunks.
TEST(TlsStream, carriesMegabytesBothWays) {
    TlsBed bed;
    bed.run();
    const std::string data = pattern(kBig);
    bed.pipe.setChunk(50'021);
    bed.client().transport->write(data);
    bed.server().transport->write(data);
    bed.pipe.run();
    EXPECT_TRUE(bed.client().received == data);
    EXPECT_TRUE(bed.server().received == data);
}

// Writes of a few bytes and of many, in the first callback of a thread, which has no strings to
// use again yet: none is lost.
TEST(TlsStream, theFirstWritesOfAThreadAreAllSent) {
    std::string received;
    std::thread([&received] {
        TlsBed bed;
        bed.clients = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
            protocol.onMade = [](RecordingProtocol& self) {
                self.transport->write("a few, ");
                self.transport->write(std::string(20, 'x'));
            };
        });
        bed.run();
        received = bed.server().received;
    }).join();
    EXPECT_EQ(received, "a few, " + std::string(20, 'x'));
}

// S-16: Many small writes of one callback leave in one record.
TEST(TlsStream, gathersTheWritesOfOneCallback) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            for (int i = 0; i < 1000; ++i) {
                self.transport->write("0123456789");
            }
        };
    });
    bed.run();
    bed.pipe.server.sent.clear();
    bed.client().transport->write("go");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received.size(), 10'000U);
    EXPECT_EQ(countRecords(bed.pipe.server.sent), 1);
}

// S-16: More than fits into a record leaves in as few as it fits into.
TEST(TlsStream, fillsItsRecords) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            for (int i = 0; i < 64; ++i) {
                self.transport->write(std::string(1000, 'x'));
            }
        };
    });
    bed.run();
    bed.pipe.server.sent.clear();
    bed.client().transport->write("go");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received.size(), 64'000U);
    EXPECT_LE(countRecords(bed.pipe.server.sent), 8);
}

// writeSequence() is the same as its pieces, in one record.
TEST(TlsStream, writesASequenceAsOneRecord) {
    TlsBed bed;
    bed.run();
    bed.pipe.client.sent.clear();
    const std::array<std::span<const std::byte>, 3> pieces{asBytes("one "), asBytes("two "),
                                                           asBytes("three")};
    bed.client().transport->writeSequence(pieces);
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one two three");
    EXPECT_EQ(countRecords(bed.pipe.client.sent), 1);
}

// An empty write sends nothing.
TEST(TlsStream, writesNothingForNothing) {
    TlsBed bed;
    bed.run();
    const std::size_t before = bed.pipe.client.sent.size();
    bed.client().transport->write("");
    bed.client().transport->writeSequence({});
    EXPECT_EQ(bed.pipe.client.sent.size(), before);
    bed.client().transport->write("after");
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "after");
}

// A paused transport delivers nothing, not even what came in the same chunk; resumed, all of it.
TEST(TlsStream, pausesBetweenRecords) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            self.transport->pauseProducing();
        };
    });
    bed.run();
    for (const char* record : {"one", "two", "three"}) {
        bed.client().transport->write(record);
    }
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one");
    EXPECT_TRUE(bed.pipe.server.paused());
    bed.server().transport->resumeProducing();
    EXPECT_EQ(bed.server().received, "one") << "delivered from inside resumeProducing()";
    bed.pipe.run();
    bed.clock.advance(Duration::zero());
    EXPECT_EQ(bed.server().received, "onetwo");
    bed.server().transport->resumeProducing();
    bed.clock.advance(Duration::zero());
    EXPECT_EQ(bed.server().received, "onetwothree");
    bed.server().transport->resumeProducing();
    bed.clock.advance(Duration::zero());
    EXPECT_FALSE(bed.pipe.server.paused());
}

// A pause and a resumption in one callback change nothing.
TEST(TlsStream, mayPauseAndResumeInACallback) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            self.transport->pauseProducing();
            self.transport->resumeProducing();
        };
    });
    bed.run();
    for (const char* record : {"one", "two", "three"}) {
        bed.client().transport->write(record);
    }
    bed.pipe.run();
    bed.clock.advance(Duration::zero());
    EXPECT_EQ(bed.server().received, "onetwothree");
}

// A protocol that pauses in makeConnection() gets what came with the handshake later.
TEST(TlsStream, mayPauseInMakeConnection) {
    TlsBed bed;
    bed.clients = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) { self.transport->write("early"); };
    });
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) { self.transport->pauseProducing(); };
    });
    bed.run();
    EXPECT_EQ(bed.server().received, "");
    bed.server().transport->resumeProducing();
    bed.clock.advance(Duration::zero());
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "early");
}

// What dataReceived() throws after a resumption ends the connection, as at any other time.
TEST(TlsStream, anExceptionAfterAResumptionEndsTheConnection) {
    TlsBed bed;
    bed.run();
    bed.server().onData = [](RecordingProtocol& self, std::string_view data) {
        if (data == "two") {
            throw std::out_of_range("two is too many");
        }
        self.transport->pauseProducing();
    };
    bed.client().transport->write("one");
    bed.client().transport->write("two");
    bed.pipe.run();
    EXPECT_NO_THROW(bed.server().transport->resumeProducing());
    bed.clock.advance(Duration::zero());
    bed.pipe.run();
    EXPECT_TRUE(bed.server().lostWith<std::out_of_range>());
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// A connection that goes between a resumption and its turn takes the call with it.
TEST(TlsStream, mayBeLostBeforeAResumption) {
    TlsBed bed;
    bed.run();
    bed.server().onData = [](RecordingProtocol& self, std::string_view) {
        self.transport->pauseProducing();
    };
    bed.client().transport->write("one");
    bed.client().transport->write("two");
    bed.pipe.run();
    bed.server().transport->resumeProducing();
    bed.server().transport->resumeProducing();
    bed.pipe.cut();
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
    EXPECT_EQ(bed.server().received, "one");
}

// What a protocol writes and ends with after a resumption is carried out.
TEST(TlsStream, mayCloseAfterAResumption) {
    TlsBed bed;
    bed.run();
    bed.server().transport->pauseProducing();
    bed.client().transport->write("one");
    bed.client().transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "");
    EXPECT_EQ(bed.server().losses, 0);
    bed.server().transport->resumeProducing();
    bed.clock.advance(Duration::zero());
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one");
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// A push producer is paused when the buffer below is full and resumed when that is empty.
TEST(TlsStream, holdsAPushProducerBack) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, pattern(10'000), 100);
    blocks.begin(Producing::Push);
    EXPECT_GT(blocks.left(), 50) << "not paused in time";
    EXPECT_EQ(blocks.pauses, 1);
    EXPECT_GT(bed.client().transport->bytesBuffered(), 60'000U);
    bed.pipe.run();
    EXPECT_EQ(blocks.left(), 0);
    EXPECT_EQ(bed.server().received.size(), 1'000'000U);
    EXPECT_EQ(blocks.stops, 0);
}

// S-14: A pull producer is asked again whenever the buffer is empty.
TEST(TlsStream, pullsAProducer) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, "block", 20);
    blocks.begin(Producing::Pull);
    bed.pipe.run();
    EXPECT_EQ(blocks.left(), 0);
    EXPECT_EQ(bed.server().received.size(), 100U);
}

// S-8: loseConnection() waits for the producer, and the peer gets everything.
TEST(TlsStream, closesAfterItsProducer) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, pattern(10'000), 100);
    blocks.begin(Producing::Push);
    bed.client().transport->loseConnection();
    EXPECT_TRUE(bed.client().transport->disconnecting());
    bed.pipe.run();
    EXPECT_EQ(bed.server().received.size(), 1'000'000U);
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
    EXPECT_EQ(blocks.stops, 0);
}

// While loseConnection() waits for the producer, nothing is delivered any more.
TEST(TlsStream, deliversNothingWhileItsCloseWaits) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, pattern(10'000), 100);
    blocks.begin(Producing::Push);
    bed.client().transport->loseConnection();
    bed.server().transport->write("too late");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received, "");
    EXPECT_EQ(bed.server().received.size(), 1'000'000U);
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
}

// A producer that registers in a callback works as any.
TEST(TlsStream, pullsAProducerRegisteredInACallback) {
    TlsBed bed;
    std::optional<Blocks> blocks;
    bed.servers = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
        protocol.onData = [&](RecordingProtocol& self, std::string_view) {
            blocks.emplace(*self.transport, "block", 10);
            blocks->begin(Producing::Pull);
        };
    });
    bed.run();
    bed.client().transport->write("go");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received.size(), 50U);
}

// Two producers at once are misuse, and the first one goes on.
TEST(TlsStream, refusesASecondProducer) {
    TlsBed bed;
    bed.run();
    Blocks first(*bed.client().transport, pattern(10'000), 20);
    Blocks second(*bed.client().transport, "x", 1);
    first.begin(Producing::Push);
    EXPECT_THROW(second.begin(Producing::Push), std::logic_error);
    bed.pipe.run();
    EXPECT_EQ(bed.server().received.size(), 200'000U);
}

// A producer of a connection that is gone is stopped.
TEST(TlsStream, stopsTheProducerOfALostConnection) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, pattern(10'000), 100);
    blocks.begin(Producing::Push);
    bed.pipe.cut();
    EXPECT_EQ(blocks.stops, 1);
    EXPECT_EQ(bed.client().losses, 1);
}

// S-17: all that came in one chunk is delivered at once, over however many records.
TEST(TlsStream, deliversAllRecordsOfOneChunk) {
    TlsBed bed;
    bed.run();
    for (const char* record : {"one", "two", "three"}) {
        bed.client().transport->write(record);
    }
    bed.pipe.step();
    EXPECT_EQ(bed.server().received, "onetwothree");
    EXPECT_EQ(bed.server().deliveries, 3);
}

// S-16: what is written outside of a callback is sent at once, for the transport to put together.
TEST(TlsStream, sendsWhatIsWrittenOutsideOfACallbackAtOnce) {
    TlsBed bed;
    bed.run();
    const std::size_t before = bed.pipe.client.sent.size();
    bed.client().transport->write("now");
    EXPECT_GT(bed.pipe.client.sent.size(), before);
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// A large write reaches the transport below in few pieces, and not record by record.
TEST(TlsStream, writesManyRecordsInOneCall) {
    TlsBed bed;
    bed.run();
    bed.pipe.client.writes = 0;
    bed.client().transport->write(pattern(640 * 1024));
    EXPECT_LE(bed.pipe.client.writes, 11);
    bed.pipe.run();
    EXPECT_TRUE(bed.server().received == pattern(640 * 1024));
}

/// Notes how it is asked, and writes its last words when it is paused.
class LastWords final : public IProducer {
public:
    explicit LastWords(ITransport& to) : to_(to) {}
    void resumeProducing() override { events.emplace_back("resume"); }
    void pauseProducing() override {
        events.emplace_back("pause");
        to_.write(std::exchange(words, {}));
    }
    void stopProducing() override { events.emplace_back("stop"); }

    std::vector<std::string> events;
    std::string words = "last words";

private:
    ITransport& to_;
};

// S-13: pauses and resumptions take turns, whoever asks for them.
TEST(TlsStream, neverPausesOrResumesAProducerTwiceInARow) {
    TlsBed bed;
    bed.run();
    LastWords producer(*bed.client().transport);
    bed.client().transport->registerProducer(producer, Producing::Push);
    for (int i = 0; i < 3; ++i) {
        bed.client().transport->write(pattern(100'000));
        bed.client().transport->write(pattern(100'000));
        bed.pipe.run();
    }
    EXPECT_EQ(producer.events,
              (std::vector<std::string>{"pause", "resume", "pause", "resume", "pause", "resume"}));
    bed.client().transport->unregisterProducer();
}

// What a producer writes as it is paused comes behind what made it pause.
TEST(TlsStream, aProducersLastWordsComeLast) {
    TlsBed bed;
    bed.run();
    LastWords producer(*bed.client().transport);
    bed.client().transport->registerProducer(producer, Producing::Push);
    const std::string data = pattern(300'000);
    bed.client().transport->write(data);
    bed.pipe.run();
    EXPECT_TRUE(bed.server().received == data + "last words");
    bed.client().transport->unregisterProducer();
}

/// Throws when it is asked.
class Faulty final : public IProducer {
public:
    void resumeProducing() override {
        if (++asked == 2) {
            throw std::out_of_range("nothing left");
        }
    }
    void pauseProducing() override {}
    void stopProducing() override { ++stops; }

    int asked = 0;
    int stops = 0;
};

// S-14: an exception in resumeProducing() ends the connection with it, as over TCP.
TEST(TlsStream, anExceptionInAProducerIsTheReason) {
    TlsBed bed;
    bed.run();
    Faulty producer;
    bed.client().transport->registerProducer(producer, Producing::Pull);
    bed.pipe.run();
    EXPECT_EQ(producer.asked, 2);
    EXPECT_EQ(producer.stops, 1);
    EXPECT_TRUE(bed.client().lostWith<std::out_of_range>());
}

// A pull producer that is done at once leaves nothing behind.
TEST(TlsStream, aPullProducerMayBeDoneAtOnce) {
    TlsBed bed;
    bed.run();
    Blocks blocks(*bed.client().transport, "block", 0);
    blocks.begin(Producing::Pull);
    bed.client().transport->loseConnection();
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>()) << "waits for a producer that has gone";
}

// S-15: a producer that is registered when the connection is closing or gone is stopped at once.
TEST(TlsStream, stopsAProducerThatComesTooLate) {
    TlsBed bed;
    LastWords late(bed.pipe.client);
    ITransport* transport = nullptr;
    bed.clients = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
        protocol.onLost = [&](RecordingProtocol&) {
            transport->registerProducer(late, Producing::Pull);
        };
    });
    bed.run();
    transport = bed.client().transport;
    LastWords closing(*transport);
    transport->loseConnection();
    transport->registerProducer(closing, Producing::Push);
    EXPECT_EQ(closing.events, std::vector<std::string>{"stop"});
    bed.pipe.run();
    EXPECT_EQ(late.events, std::vector<std::string>{"stop"});
}

// A producer of a connection that TLS has given up is stopped, once.
TEST(TlsStream, stopsTheProducerOfABrokenConnection) {
    TlsBed bed;
    bed.run();
    Faulty producer;
    bed.server().transport->registerProducer(producer, Producing::Push);
    bed.pipe.inject(bed.pipe.client, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    bed.pipe.run();
    EXPECT_TRUE(bed.server().lostWith<TlsError>());
    EXPECT_EQ(producer.stops, 1);
}

}  // namespace
