// Internal: the memory of a head while it is read, borrowed from the thread.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/protocols/http/message_head.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http::detail {

/// What the fields of one head say about framing and the connection, gathered line by line.
struct FramingFacts {
    std::uint64_t contentLength = 0;
    std::string_view host;
    std::string_view upgrade;
    bool hasContentLength = false;
    bool chunked = false;
    bool hasHost = false;
    bool repeatedHost = false;
    bool close = false;
    bool keepAlive = false;
    bool connectionUpgrade = false;
    Expectation expectation = Expectation::None;
};

/// Everything that a head (or the trailers) of one message needs while it is read and until its
/// views are no longer used.
///
/// `bytes` stays empty while the head lies in one piece of input. Otherwise it collects the
/// pieces; lines are then checked one by one as they become complete, and once more all together
/// when the last one is there, because collecting moves the bytes and views would dangle.
struct HeadBlock {
    std::string bytes;
    std::size_t lineStart = 0;   ///< Offset in `bytes` of the first line not yet checked.
    std::size_t fieldBytes = 0;  ///< Bytes of field lines so far, line ends included.
    bool startLineRead = false;
    std::vector<FieldView> fields;
    FramingFacts facts;
    RequestHead request;
    ResponseHead response;
    HeadBlock* nextFree = nullptr;

    /// Forgets all lines that were read, not the collected bytes.
    void restart() noexcept;
};

/// Gives a block back to the thread's free list.
struct MARLINE_API ReturnHeadBlock {
    void operator()(HeadBlock* block) const noexcept;
};

using HeadBlockPtr = std::unique_ptr<HeadBlock, ReturnHeadBlock>;

/// Takes a block from the thread's free list, or a new one.
HeadBlockPtr takeHeadBlock();

}  // namespace marline::http::detail
