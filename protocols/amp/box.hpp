// Box and BoxWriter: AMP's messages, of keys and values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>

namespace marline::amp {

/// The longest key and the longest value that AMP can say.
inline constexpr std::size_t kMaxKeyLength = 255;
inline constexpr std::size_t kMaxValueLength = 65535;
/// The most keys that a box may bring.
inline constexpr std::size_t kMaxBoxKeys = 256;

/// A box that came (Twisted: `AmpBox`): views of the bytes that it was read from.
class MARLINE_API Box {
public:
    using Pair = std::pair<std::string_view, std::string_view>;

    /// How far `data` must be known to hold a whole box: looks from `from` on, where a key begins,
    /// and moves it to the last such place. Gives the box's length with its end, or nothing when
    /// there is more to come. Throws ProtocolError when it is no box.
    static std::optional<std::size_t> lengthOf(std::string_view data, std::size_t& from);

    /// Reads the box that `data` is, as lengthOf() measured it, in the place of what was here.
    /// Throws ProtocolError when it has more than kMaxBoxKeys.
    void read(std::string_view data);

    /// The value of `key`; the last one when there are several.
    std::optional<std::string_view> get(std::string_view key) const noexcept;
    std::size_t size() const noexcept { return pairs_.size(); }
    auto begin() const noexcept { return pairs_.begin(); }
    auto end() const noexcept { return pairs_.end(); }

private:
    std::vector<Pair> pairs_;
};

/// Writes boxes behind what a string has (Twisted: `AmpBox.serialize`).
class MARLINE_API BoxWriter {
public:
    explicit BoxWriter(std::string& out) noexcept : out_(out) {}

    /// Adds a key and its value. Throws TooLong when one is too long, and std::invalid_argument for
    /// an empty key, which would end the box; nothing is added then.
    void add(std::string_view key, std::string_view value);
    /// Adds a key, and as its value what `write(out)` appends to `out`.
    template <class Write>
    void addWritten(std::string_view key, Write write) {
        const std::size_t start = begin(key);
        write(out_);
        finishValue(key, start);
    }
    /// Ends the box.
    void end() { out_.append(2, '\0'); }

private:
    std::size_t begin(std::string_view key);
    void finishValue(std::string_view key, std::size_t start);

    std::string& out_;
};

}  // namespace marline::amp
