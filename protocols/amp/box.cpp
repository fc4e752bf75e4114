#include <marline/protocols/amp/box.hpp>

#include <algorithm>
#include <ranges>
#include <stdexcept>

#include <marline/protocols/amp/errors.hpp>

namespace marline::amp {
namespace {

constexpr std::size_t kPrefix = 2;
constexpr unsigned kByteBits = 8;

std::size_t lengthAt(std::string_view data, std::size_t at) noexcept {
    return static_cast<std::size_t>(static_cast<unsigned char>(data[at])) << kByteBits |
           static_cast<unsigned char>(data[at + 1]);
}

}  // namespace

std::optional<std::size_t> Box::lengthOf(std::string_view data, std::size_t& from) {
    while (data.size() - from >= kPrefix) {
        const std::size_t key = lengthAt(data, from);
        if (key == 0) {
            return from + kPrefix;
        }
        if (key > kMaxKeyLength) {
            throw ProtocolError("AMP: a key of " + std::to_string(key) + " bytes, of at most " +
                                std::to_string(kMaxKeyLength));
        }
        const std::size_t value = from + kPrefix + key;
        if (data.size() < value + kPrefix) {
            return {};
        }
        const std::size_t next = value + kPrefix + lengthAt(data, value);
        if (data.size() < next) {
            return {};
        }
        from = next;
    }
    return {};
}

void Box::read(std::string_view data) {
    pairs_.clear();
    while (const std::size_t key = lengthAt(data, 0)) {
        if (pairs_.size() == kMaxBoxKeys) {
            throw ProtocolError("AMP: a box of more than " + std::to_string(kMaxBoxKeys) +
                                " keys (kMaxBoxKeys)");
        }
        const std::size_t value = kPrefix + key;
        const std::size_t length = lengthAt(data, value);
        pairs_.emplace_back(data.substr(kPrefix, key), data.substr(value + kPrefix, length));
        data.remove_prefix(value + kPrefix + length);
    }
}

std::optional<std::string_view> Box::get(std::string_view key) const noexcept {
    const auto backwards = std::views::reverse(pairs_);
    const auto found = std::ranges::find(backwards, key, &Pair::first);
    return found != backwards.end() ? std::optional(found->second) : std::nullopt;
}

void BoxWriter::add(std::string_view key, std::string_view value) {
    addWritten(key, [value](std::string& out) { out += value; });
}

/// Writes the key and room for the value's length; gives where the key began.
std::size_t BoxWriter::begin(std::string_view key) {
    if (key.empty()) {
        throw std::invalid_argument("AMP: an empty key ends a box");
    }
    if (key.size() > kMaxKeyLength) {
        throw TooLong("AMP: the key " + std::string(key) + " has " + std::to_string(key.size()) +
                      " bytes, of at most " + std::to_string(kMaxKeyLength));
    }
    const std::size_t start = out_.size();
    out_ += {'\0', static_cast<char>(key.size())};
    out_ += key;
    out_.append(kPrefix, '\0');
    return start;
}

void BoxWriter::finishValue(std::string_view key, std::size_t start) {
    const std::size_t value = start + kPrefix + key.size() + kPrefix;
    const std::size_t length = out_.size() - value;
    if (length > kMaxValueLength) {
        out_.resize(start);
        throw TooLong("AMP: the value of " + std::string(key) + " has " + std::to_string(length) +
                      " bytes, of at most " + std::to_string(kMaxValueLength));
    }
    out_[value - kPrefix] = static_cast<char>(length >> kByteBits);
    out_[value - 1] = static_cast<char>(length);
}

}  // namespace marline::amp
