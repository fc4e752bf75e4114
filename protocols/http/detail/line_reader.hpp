// Internal: reads lines up to the empty one, from one piece of input or from many.
#pragma once

#include <marline/protocols/http/detail/field_line.hpp>
#include <marline/protocols/http/detail/head_block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace marline::http::detail {

// A Grammar reads the lines of one kind of head:
//   std::size_t window() const     the most bytes that the next line may have, CRLF included
//   LineStep line(at, end, reason) reads one line; an Incomplete or Failed one leaves `at`
//   ParseReason tooLong() const    the reason if the window is full and the line not at its end
//
// Errors of a line are reported when its line feed is there or its window is full, never before:
// otherwise the same bytes would fail earlier in one piece than in two. (The exception is a first
// byte that no head can begin with; the parsers look at that one themselves.)

/// Reads complete lines from [at, end) and moves `at` behind the last of them.
template <class Grammar>
LineStep readLinesInPlace(Grammar& grammar, const char*& at, const char* end, ParseReason& reason) {
    for (;;) {
        const std::size_t window = grammar.window();
        const std::size_t here = std::min(static_cast<std::size_t>(end - at), window);
        if (here == 0)
            return LineStep::Incomplete;
        const LineStep step = grammar.line(at, at + here, reason);
        if (step == LineStep::More)
            continue;
        if (step == LineStep::Incomplete && here == window) {
            reason = grammar.tooLong();
            return LineStep::Failed;
        }
        if (step == LineStep::Failed && here < window && std::memchr(at, '\n', here) == nullptr)
            return LineStep::Incomplete;
        return step;
    }
}

/// Goes on with lines whose beginning is in `block.bytes`; takes from `input` no byte behind the
/// empty line.
template <class Grammar>
LineStep collectLines(Grammar& grammar, HeadBlock& block, std::span<const std::byte>& input,
                      ParseReason& reason) {
    while (!input.empty()) {
        const std::size_t room = grammar.window() - (block.bytes.size() - block.lineStart);
        const char* const from = reinterpret_cast<const char*>(input.data());
        const std::size_t most = std::min(input.size(), room);
        const void* const lineFeed = std::memchr(from, '\n', most);
        const std::size_t length =
            lineFeed == nullptr
                ? most
                : static_cast<std::size_t>(static_cast<const char*>(lineFeed) - from) + 1;
        block.bytes.append(from, length);
        input = input.subspan(length);
        if (lineFeed == nullptr && length < room)
            return LineStep::Incomplete;

        const char* const begin = block.bytes.data();
        const char* const end = begin + block.bytes.size();
        const char* at = begin + block.lineStart;
        const LineStep step = readLinesInPlace(grammar, at, end, reason);
        if (step == LineStep::Failed)
            return step;
        if (step == LineStep::End) {
            // The bytes may have moved since the first lines were read: read all of them again.
            block.restart();
            at = begin;
            return readLinesInPlace(grammar, at, end, reason);
        }
        block.lineStart = static_cast<std::size_t>(at - begin);
    }
    return LineStep::Incomplete;
}

/// Reads lines from `input` up to the empty one. Views point into the input if all of it is
/// there, else into the block.
template <class Grammar>
LineStep readLines(Grammar& grammar, HeadBlock& block, std::span<const std::byte>& input,
                   ParseReason& reason) {
    if (!block.bytes.empty())
        return collectLines(grammar, block, input, reason);
    const char* const begin = reinterpret_cast<const char*>(input.data());
    const char* at = begin;
    const LineStep step = readLinesInPlace(grammar, at, begin + input.size(), reason);
    if (step == LineStep::End) {
        input = input.subspan(static_cast<std::size_t>(at - begin));
    } else if (step == LineStep::Incomplete) {
        block.bytes.assign(begin, input.size());
        block.lineStart = static_cast<std::size_t>(at - begin);
        input = {};
    }
    return step;
}

}  // namespace marline::http::detail
