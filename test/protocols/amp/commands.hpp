// Commands and peers for tests of AMP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/amp/amp.hpp>

#include <test/support/memory_pipe.hpp>

namespace marline::amp::testing {

/// One of the errors that commands declare.
class DivisionByZero : public Error {
public:
    using Error::Error;
};
/// One that also ends the connection.
class Broken : public Error {
public:
    using Error::Error;
};

struct Divide {
    static constexpr std::string_view kCommandName = "Divide";
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;
    static constexpr auto fields() {
        return amp::fields("numerator", &Divide::numerator, "denominator", &Divide::denominator);
    }
    struct Response {
        double result = 0;
        static constexpr auto fields() { return amp::fields("result", &Response::result); }
    };
    static constexpr auto errors() {
        return std::tuple(amp::error<DivisionByZero>("ZERO_DIVISION"),
                          amp::fatalError<Broken>("BROKEN"));
    }
};

/// A command with an optional argument and no response.
struct Note {
    static constexpr std::string_view kCommandName = "Note";
    std::string text;
    std::optional<std::int32_t> level = {};
    static constexpr auto fields() {
        return amp::fields("text", &Note::text, "level", &Note::level);
    }
};

/// A command that nobody answers.
struct Tick {
    static constexpr std::string_view kCommandName = "Tick";
    static constexpr bool kRequiresAnswer = false;
    std::int32_t count = 0;
    static constexpr auto fields() { return amp::fields("count", &Tick::count); }
};

/// An Amp that tests can make.
class Peer final : public Amp {
public:
    using Amp::Amp;

    void connectionLost(const Failure& reason) override {
        lost = reason;
        Amp::connectionLost(reason);
    }
    /// True when the connection ended with an error of type E.
    template <class E>
    bool lostWith() const {
        return lost && lost->check<E>() != nullptr;
    }

    std::optional<Failure> lost;
};

/// Two peers on a pipe.
struct Peers {
    explicit Peers(std::size_t chunk = marline::testing::MemoryPipe::kWhole) : pipe(chunk) {
        pipe.connect(client, server);
    }

    Ref<Peer> client = makeRef<Peer>();
    Ref<Peer> server = makeRef<Peer>();
    marline::testing::MemoryPipe pipe;
};

/// Key and value as they stand in a box.
inline std::string pair(std::string_view key, std::string_view value) {
    std::string text;
    for (const std::string_view part : {key, value}) {
        text += {static_cast<char>(part.size() >> 8U), static_cast<char>(part.size())};
        text += part;
    }
    return text;
}
/// The end of a box.
inline const std::string kEnd(2, '\0');

}  // namespace marline::amp::testing
