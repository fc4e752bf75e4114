// FrameReceiver: what all protocols that cut the stream into frames have in common.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/producer.hpp>

namespace marline {

/// Cuts what comes into frames, whatever the reads were: subclasses say where one ends.
///
/// A frame that lies within one read is given out as a view of that read; a copy is made only where
/// a read ends in the middle of one, and of the read that completes it. Frames are given out one
/// after the other, never from inside of another's callback, until nothing whole is left, or
/// pauseProducing() was called, or the transport is disconnecting. It is a push producer of frames,
/// so that a consumer of them may pause it (Twisted: `_PauseableMixin`).
class MARLINE_API FrameReceiver : public Protocol, public IProducer {
public:
    /// From inside of a callback it only adds `data` to what is parsed after that.
    void dataReceived(std::span<const std::byte> data) override;

    /// No further frame, and no further read, until resumeProducing().
    void pauseProducing() override;
    /// Gives out at once, before it returns, what frames are waiting (from inside of a callback:
    /// after it), and reads on.
    void resumeProducing() override;
    /// No further frame, and loses the connection.
    void stopProducing() override;
    /// True between pauseProducing() and resumeProducing(), and after stopProducing().
    bool paused() const noexcept { return paused_; }

    /// Gives what has come and is not given out, and forgets it (Twisted: `clearLineBuffer`,
    /// `recvd`). From a callback another protocol may go on with it.
    std::string takeUnparsed();

protected:
    ~FrameReceiver() override = default;

    /// Gives out the frame that unparsed() begins with, after skip() of its bytes; false when
    /// there is none, or no other may follow.
    virtual bool parseFrame() = 0;

    /// What has come and is not given out. A view of it is good until the callback it is given to
    /// returns, also when that calls takeUnparsed() or addUnparsed().
    std::string_view unparsed() const noexcept { return view_; }
    /// Takes `bytes` off the front of unparsed().
    void skip(std::size_t bytes) noexcept;
    /// Adds `data` behind everything that has come.
    void addUnparsed(std::span<const std::byte> data);

    /// No further frame until releaseFrames(), as while an answer is made; but what comes is read,
    /// so that the end of the connection is heard of. Only while more than `bytes` of it wait the
    /// transport is paused.
    void holdFrames(std::size_t bytes);
    /// Gives out at once, before it returns, what frames are waiting (from inside of a callback:
    /// after it), unless pauseProducing() holds them too.
    void releaseFrames();

    /// How many bytes of unparsed() need not be searched again, since no frame ends in them. It is
    /// forgotten by skip().
    std::size_t searched() const noexcept { return searched_; }
    void setSearched(std::size_t bytes) noexcept { searched_ = bytes; }

private:
    void parse();
    void parseFrames();
    void keepRest();
    void holdBack();
    bool mayGoOn() const noexcept;

    std::string_view view_;  // what is unparsed: of the read that is going on, or of kept_
    std::string kept_;       // what earlier reads left
    std::string added_;      // what came while a callback ran
    std::size_t searched_ = 0;
    bool parsing_ = false;
    bool borrowed_ = false;  // view_ is of the read
    bool paused_ = false;
    bool heldBack_ = false;  // the transport is paused, since too much waits
    std::optional<std::size_t> held_;
};

}  // namespace marline
