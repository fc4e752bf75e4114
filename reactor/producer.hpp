// Producers and consumers: the contracts of back-pressure.
#pragma once

#include <marline/deferred/api.hpp>

namespace marline {

/// Writes to a consumer and does so only while it is welcome (Twisted: `IPushProducer`,
/// `IPullProducer`).
class MARLINE_API IProducer {
public:
    /// Pull producers: write once more. Push producers: go on after pauseProducing().
    virtual void resumeProducing() = 0;
    /// Push producers: write nothing until resumeProducing(). Never called on pull producers.
    virtual void pauseProducing() = 0;
    /// Produce no more, for ever: the consumer has gone. The last call a producer gets.
    virtual void stopProducing() = 0;

protected:
    ~IProducer() = default;
};

/// How a producer wants to be asked for data.
enum class Producing : unsigned char {
    Push,  ///< It writes by itself and is paused when the buffer is full.
    Pull,  ///< It writes once at each resumeProducing(), when the buffer has become empty.
};

/// Something with a buffer that producers write into (Twisted: `IConsumer`).
class MARLINE_API IConsumer {
public:
    /// Lets `producer` write here until unregisterProducer(). It must outlive that call.
    ///
    /// Throws std::logic_error while another one is registered. A consumer that has lost its
    /// connection calls stopProducing() at once and registers nothing.
    virtual void registerProducer(IProducer& producer, Producing mode) = 0;
    /// Forgets the producer; a close that waited for it goes on. Without one it does nothing.
    virtual void unregisterProducer() = 0;

protected:
    ~IConsumer() = default;
};

}  // namespace marline
