// File descriptors of somebody else's, which the reactor watches.
#pragma once

#include <source_location>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>

namespace marline {

/// A descriptor that a library of the program's own reads and writes: a database's connection, a
/// device (Twisted: `IReadWriteDescriptor`). For streams that marline may read itself see
/// Reactor::adoptStreamConnection() and connectDescriptors().
///
/// What doRead() or doWrite() throws is logged, and ends the watching with that reason.
class MARLINE_API IReadWriteDescriptor : public RefCounted {
public:
    /// The descriptor; asked for when the watching begins. It must be one that can be waited for,
    /// and must not be closed before it is removed.
    virtual int fileno() const noexcept = 0;
    /// There is something to read, or an end or error to be noticed by reading. Called again as
    /// long as that is so and it is a reader.
    virtual void doRead() {}
    /// There is room to write; as above, for a writer.
    virtual void doWrite() {}
    /// The reactor has ended it: ConnectionLost at the end of the reactor, else what a callback
    /// threw. It is neither reader nor writer any more.
    virtual void connectionLost(const Failure& reason) = 0;

protected:
    ~IReadWriteDescriptor() override = default;
};

/// What a reactor watches for others (Twisted: `IReactorFDSet`). The reactor holds a Ref to each
/// descriptor from the first add to the last remove. Reactor thread only.
class MARLINE_API IReactorFdSet {
public:
    /// Calls doRead() whenever there is something to read. Does nothing when it does so already.
    /// Throws std::system_error when the descriptor cannot be watched (a closed one, a file), and
    /// std::invalid_argument for an empty Ref.
    virtual void addReader(Ref<IReadWriteDescriptor> descriptor,
                           std::source_location where = std::source_location::current()) = 0;
    /// Calls doWrite() whenever there is room to write; as above.
    virtual void addWriter(Ref<IReadWriteDescriptor> descriptor,
                           std::source_location where = std::source_location::current()) = 0;
    /// The end of addReader(); does nothing for what is no reader.
    virtual void removeReader(const Ref<IReadWriteDescriptor>& descriptor) = 0;
    /// The end of addWriter(); does nothing for what is no writer.
    virtual void removeWriter(const Ref<IReadWriteDescriptor>& descriptor) = 0;
    /// The end of all of them, which are told nothing; gives those that were.
    virtual std::vector<Ref<IReadWriteDescriptor>> removeAll() = 0;
    /// Those that are readers, and writers, in the order they were added.
    virtual std::vector<Ref<IReadWriteDescriptor>> getReaders() const = 0;
    virtual std::vector<Ref<IReadWriteDescriptor>> getWriters() const = 0;

protected:
    ~IReactorFdSet() = default;
};

}  // namespace marline
