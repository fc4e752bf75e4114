// The contracts between transports, protocols and factories.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/producer.hpp>

namespace marline {

class IFileDescriptorReceiver;
class IProtocol;
class ITlsConnection;
class IUnixTransport;

/// The bytes of `text`, as write() takes them.
inline std::span<const std::byte> asBytes(std::string_view text) noexcept {
    return std::as_bytes(std::span<const char>(text));
}
/// The characters of `bytes`, as dataReceived() brings them.
inline std::string_view asText(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// One connection, seen from the protocol that uses it (Twisted: `ITransport`, `ITCPTransport`).
///
/// The reactor owns transports; a protocol borrows its own from makeConnection() until
/// connectionLost() returns. No call here delivers anything to the protocol before it returns,
/// with one exception: registerProducer() calls resumeProducing() of a pull producer at once.
/// After the connection is gone every call does nothing. Reactor thread only.
class MARLINE_API ITransport : public IConsumer {
public:
    /// Sends `data` after everything written before. The bytes are copied or sent before it
    /// returns; writes made while one callback runs leave together when that is over.
    virtual void write(std::span<const std::byte> data) = 0;
    void write(std::string_view text) { write(asBytes(text)); }
    /// The same, but a long string that has to wait is taken instead of copied.
    template <std::same_as<std::string> Text>
    void write(Text&& text) {
        writeString(std::forward<Text>(text));
    }
    /// The same as one write() a piece, in order.
    virtual void writeSequence(std::span<const std::span<const std::byte>> pieces) = 0;

    /// Sends `count` bytes of the file `fd` from `offset` on, after everything written before and
    /// ahead of what is written afterwards. The descriptor is copied and may be closed. The file
    /// must not become shorter meanwhile, and a slow disk holds up the reactor.
    ///
    /// The Deferred fires when the kernel has taken the last byte. It fails with a SendFileError
    /// when the file has less or cannot be read, and what was written afterwards is sent all the
    /// same; with the connection's end when that comes first. Cancelling it leaves out what is
    /// still to be sent.
    ///
    /// Sockets and pipes use sendfile(2), for which SIGPIPE is ignored from then on; TLS reads the
    /// file a piece at a time; other transports write() all of it at once. Throws std::logic_error
    /// over TLS while a producer is registered, which has to wait until it is done.
    virtual Deferred<> sendFile(int fd, std::uint64_t offset = 0, std::uint64_t count = kToTheEnd);
    /// As sendFile()'s count: to where the file ends.
    static constexpr std::uint64_t kToTheEnd = std::numeric_limits<std::uint64_t>::max();

    /// Sends what has been written, then closes; waits before that for a pull producer, and for a
    /// push producer that is paused. What is written meanwhile is sent too. No more dataReceived();
    /// connectionLost(ConnectionDone) follows, never from inside this call.
    virtual void loseConnection() = 0;
    /// Closes at once and drops what is unsent (TCP: with a reset). connectionLost() with
    /// ConnectionAborted follows, never from inside this call.
    virtual void abortConnection() = 0;
    /// Sends what has been written, then ends only this side's stream (half-close).
    virtual void loseWriteConnection() = 0;

    /// No dataReceived() until resumeProducing().
    virtual void pauseProducing() = 0;
    virtual void resumeProducing() = 0;

    /// Bytes written and not yet taken by the kernel.
    virtual std::size_t bytesBuffered() const noexcept = 0;
    /// Bytes of files that sendFile() has still to send, which are not among bytesBuffered(). None
    /// (the default) where it only reads and writes them, which a pull producer does better.
    virtual std::optional<std::uint64_t> fileBytesBuffered() const noexcept { return std::nullopt; }
    /// True once loseConnection() or abortConnection() was called, or the connection is gone.
    virtual bool disconnecting() const noexcept = 0;

    /// This end and the other one.
    virtual const Address& getHost() const noexcept = 0;
    virtual const Address& getPeer() const noexcept = 0;

    /// TCP_NODELAY and SO_KEEPALIVE; without meaning, and ignored, on other transports. TCP_NODELAY
    /// is on from the start (unlike Twisted), as writes are coalesced anyway.
    virtual void setTcpNoDelay(bool on) = 0;
    virtual void setTcpKeepAlive(bool on) = 0;
    /// What they are; false where they have no meaning.
    virtual bool getTcpNoDelay() const noexcept { return false; }
    virtual bool getTcpKeepAlive() const noexcept { return false; }

    /// What TLS knows of the peer; null without TLS. See tls_connection.hpp.
    virtual const ITlsConnection* tls() const noexcept { return nullptr; }
    /// What UNIX sockets can do besides; null on other transports. See unix.hpp.
    virtual IUnixTransport* unixTransport() noexcept { return nullptr; }

    /// From now on `next` hears what happens here; gives back who did so far, which must live while
    /// a callback of it runs. Neither is told. It is how startTls() puts TLS between the two.
    ///
    /// Throws std::logic_error while a producer is registered, whose bytes would come between
    /// those of `next`; when the connection is gone; and on a transport that does not support it.
    virtual Ref<IProtocol> switchProtocol(Ref<IProtocol> next);

protected:
    ~ITransport() = default;

private:
    /// What write() does with a string of its own.
    virtual void writeString(std::string&& text);
};

/// What happens on one connection (Twisted: `IProtocol`). Most classes derive from Protocol
/// instead, which keeps the transport.
///
/// The transport holds a Ref to it until connectionLost() has returned. An exception that leaves
/// dataReceived() closes the connection with that exception as the reason.
class MARLINE_API IProtocol : public RefCounted {
public:
    /// The connection stands; called once, before anything else.
    virtual void makeConnection(ITransport& transport) = 0;
    /// Some bytes came, at least one. They are gone when this returns.
    virtual void dataReceived(std::span<const std::byte> data) = 0;
    /// The connection is gone; called once, and nothing after it. `reason` holds ConnectionDone
    /// for a clean end, else a ConnectionLost or what an exception in a callback held.
    virtual void connectionLost(const Failure& reason) = 0;

    /// True when the protocol lives on after the peer has ended its stream: it then gets
    /// readConnectionLost() and the connection stays open for writing (Twisted:
    /// `IHalfCloseableProtocol`). Else the peer's half-close closes all.
    virtual bool wantsHalfClose() const noexcept { return false; }
    /// The peer ended its stream. Only when wantsHalfClose().
    virtual void readConnectionLost() {}
    /// loseWriteConnection() has been carried out. Only when wantsHalfClose().
    virtual void writeConnectionLost() {}

    /// The TLS handshake is done: the peer is verified, and transport.tls() knows it. Called before
    /// any data, after makeConnection() where that is to come (Twisted: `IHandshakeListener`).
    virtual void handshakeCompleted() {}
    /// `transport` takes the place of the one that makeConnection() brought: startTls() was called.
    /// Throws std::logic_error in a protocol that does not support it.
    virtual void transportChanged(ITransport& transport);
    /// Who takes the descriptors that come: the protocol itself when it is an
    /// IFileDescriptorReceiver too, else nobody (null); a protocol that stands before another one
    /// gives that one's. See unix.hpp.
    virtual IFileDescriptorReceiver* fileDescriptorReceiver() noexcept;

protected:
    ~IProtocol() override = default;
};

/// Makes the protocol of each new connection (Twisted: `IProtocolFactory`).
class MARLINE_API IProtocolFactory : public RefCounted {
public:
    /// The protocol for a connection to or from `peer`; an empty Ref closes the connection without
    /// another call.
    virtual Ref<IProtocol> buildProtocol(const Address& peer) = 0;
    /// A port, or an attempt to connect, begins to use the factory. Throwing refuses it.
    virtual void doStart() {}
    /// One of them has ended: the port stopped, the attempt failed, or its connection was lost.
    virtual void doStop() {}

protected:
    ~IProtocolFactory() override = default;
};

}  // namespace marline
