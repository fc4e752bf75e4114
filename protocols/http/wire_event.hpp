// What a parser of the HTTP/1 wire engine reports, one event at a time.
#pragma once

#include <cstdint>

namespace marline::http {

/// One event of RequestParser::next() or ResponseParser::next().
enum class WireEvent : std::uint8_t {
    NeedData,       ///< All input is consumed; call again with more.
    Head,           ///< A head is complete: see head().
    Informational,  ///< A 1xx head is complete: see head(); the final one is still to come.
    Body,           ///< A piece of the body: see body().
    End,            ///< The message is complete: see trailers().
    Done,           ///< Nothing more is read here: the last message closes the connection, or the
                    ///< connection became a tunnel. Input that is left was not touched.
    Failed,         ///< The input was refused: see reason() and error(). Final.
};

/// What the end of the connection means to a parser, by RequestParser::eof() or
/// ResponseParser::eof().
enum class WireEof : std::uint8_t {
    Clean,              ///< Between messages: nothing is missing.
    Nothing,            ///< A response was due and not one byte of it came.
    InHead,             ///< Within a head, or after nothing but informational ones.
    InBody,             ///< Within a body whose length was announced.
    PotentialDataLoss,  ///< A body that only the close delimits: complete as far as anyone can
                        ///< tell (Twisted: `http.PotentialDataLoss`).
};

}  // namespace marline::http
