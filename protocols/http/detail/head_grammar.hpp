// Internal: the lines of a request head, a response head and a trailer section, for readLines().
#pragma once

#include <marline/protocols/http/detail/field_line.hpp>
#include <marline/protocols/http/detail/framing.hpp>
#include <marline/protocols/http/detail/head_block.hpp>
#include <marline/protocols/http/detail/start_line.hpp>
#include <marline/protocols/http/limits.hpp>

#include <cstddef>

namespace marline::http::detail {

inline constexpr std::size_t kCrlfLength = 2;

/// Field lines within limits; `Note` says what to do with each.
struct FieldGrammar {
    HeadBlock& block;
    std::size_t mostBytes;
    std::size_t mostFields;
    ParseReason blockTooLong;
    ParseReason tooManyFields;

    std::size_t window() const noexcept { return mostBytes - block.fieldBytes + kCrlfLength; }
    ParseReason tooLong() const noexcept { return blockTooLong; }

    template <class Note>
    LineStep line(const char*& at, const char* end, ParseReason& reason, Note note) {
        FieldView field;
        const char* next = at;
        const LineStep step = readFieldLine(next, end, field, reason);
        if (step == LineStep::More) {
            const std::size_t bytes = static_cast<std::size_t>(next - at);
            if (bytes > mostBytes - block.fieldBytes)
                reason = blockTooLong;
            else if (block.fields.size() == mostFields)
                reason = tooManyFields;
            else
                reason = note(field);
            if (reason != ParseReason::None)
                return LineStep::Failed;
            block.fieldBytes += bytes;
            block.fields.push_back(field);
        }
        at = next;
        return step;
    }
};

/// A start line, then field lines.
struct HeadGrammar {
    FieldGrammar fields;
    std::size_t mostStartLine;
    ParseReason startLineTooLong;

    HeadGrammar(HeadBlock& block, const WireLimits& limits, ParseReason tooLongStart) noexcept
        : fields{block, limits.headerBlock, limits.headerFields, ParseReason::HeaderBlockTooLong,
                 ParseReason::TooManyHeaderFields},
          mostStartLine(limits.requestLine), startLineTooLong(tooLongStart) {}

    std::size_t window() const noexcept {
        return fields.block.startLineRead ? fields.window() : mostStartLine + kCrlfLength;
    }
    ParseReason tooLong() const noexcept {
        return fields.block.startLineRead ? fields.tooLong() : startLineTooLong;
    }
    LineStep fieldLine(const char*& at, const char* end, ParseReason& reason) {
        FramingFacts& facts = fields.block.facts;
        return fields.line(at, end, reason,
                           [&facts](const FieldView& field) { return noteField(facts, field); });
    }
};

struct RequestGrammar : HeadGrammar {
    RequestGrammar(HeadBlock& block, const WireLimits& limits) noexcept
        : HeadGrammar(block, limits, ParseReason::RequestLineTooLong) {}

    LineStep line(const char*& at, const char* end, ParseReason& reason) {
        HeadBlock& block = fields.block;
        if (block.startLineRead)
            return fieldLine(at, end, reason);
        const LineStep step = readRequestLine(at, end, block.request, reason);
        block.startLineRead = step == LineStep::More;
        return step;
    }
};

struct ResponseGrammar : HeadGrammar {
    ResponseGrammar(HeadBlock& block, const WireLimits& limits) noexcept
        : HeadGrammar(block, limits, ParseReason::StatusLineTooLong) {}

    LineStep line(const char*& at, const char* end, ParseReason& reason) {
        HeadBlock& block = fields.block;
        if (block.startLineRead)
            return fieldLine(at, end, reason);
        const LineStep step = readStatusLine(at, end, block.response, reason);
        block.startLineRead = step == LineStep::More;
        return step;
    }
};

struct TrailerGrammar {
    FieldGrammar fields;

    TrailerGrammar(HeadBlock& block, const WireLimits& limits) noexcept
        : fields{block, limits.trailerBlock, limits.trailerFields, ParseReason::TrailerBlockTooLong,
                 ParseReason::TooManyTrailerFields} {}

    std::size_t window() const noexcept { return fields.window(); }
    ParseReason tooLong() const noexcept { return fields.tooLong(); }
    LineStep line(const char*& at, const char* end, ParseReason& reason) {
        return fields.line(at, end, reason, [](const FieldView& field) {
            return isForbiddenTrailer(field.name) ? ParseReason::ForbiddenTrailer
                                                  : ParseReason::None;
        });
    }
};

}  // namespace marline::http::detail
