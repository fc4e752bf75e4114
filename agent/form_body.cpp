#include <cstdint>
#include <random>
#include <stdexcept>

#include <marline/agent/request_bodies.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool isAlphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void appendEncoded(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (isAlphanumeric(c) || c == '*' || c == '-' || c == '.' || c == '_') {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
}

/// A name between quotes, as browsers write it (WHATWG HTML §4.10.22.8).
std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') {
            out += "%22";
        } else if (c == '\r') {
            out += "%0D";
        } else if (c == '\n') {
            out += "%0A";
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string randomBoundary() {
    std::random_device random;
    std::string text = "marline-";
    for (int i = 0; i < 4; ++i) {
        for (std::uint32_t bits = random(), n = 0; n < 8; ++n, bits >>= 4) {
            text += kHex[bits & 15];
        }
    }
    return text;
}

bool isBoundary(std::string_view text) noexcept {
    constexpr std::string_view kOthers = "'()+_,-./:=?";
    for (const char c : text) {
        if (!isAlphanumeric(c) && kOthers.find(c) == std::string_view::npos) {
            return false;
        }
    }
    return !text.empty() && text.size() <= 70;
}

class TypedBody final : public IBodyProducer {
public:
    TypedBody(std::string text, std::string type)
        : text_(std::move(text)), type_(std::move(type)) {}

    std::optional<std::uint64_t> length() const override { return text_.size(); }
    bool repeatable() const override { return true; }
    std::string contentType() const override { return type_; }
    Deferred<> startProducing(IBodyConsumer& consumer) override {
        consumer.write(asBytes(text_));
        return succeed();
    }

private:
    std::string text_;
    std::string type_;
};

}  // namespace

std::string formEncoded(std::span<const std::pair<std::string, std::string>> fields) {
    std::string out;
    for (const auto& [name, value] : fields) {
        if (!out.empty()) {
            out += '&';
        }
        appendEncoded(out, name);
        out += '=';
        appendEncoded(out, value);
    }
    return out;
}

Ref<IBodyProducer> typedBody(std::string text, std::string contentType) {
    return makeRef<TypedBody>(std::move(text), std::move(contentType));
}

Ref<IBodyProducer> formBody(std::span<const std::pair<std::string, std::string>> fields) {
    return typedBody(formEncoded(fields), "application/x-www-form-urlencoded");
}

MultipartBody::MultipartBody() : boundary_(randomBoundary()) {}

MultipartBody::MultipartBody(std::string boundary) : boundary_(std::move(boundary)) {
    if (!isBoundary(boundary_)) {
        throw std::invalid_argument("'" + boundary_ + "' is no multipart boundary");
    }
}

MultipartBody& MultipartBody::add(std::string_view name, std::string_view value) {
    return add(name, makeRef<StringBody>(std::string(value)), {});
}

MultipartBody& MultipartBody::addFile(std::string_view name, const std::string& path,
                                      std::string_view contentType, std::string_view fileName) {
    const std::string ownName = path.substr(path.rfind('/') + 1);
    return add(name, makeRef<FileBody>(path), contentType, fileName.empty() ? ownName : fileName);
}

MultipartBody& MultipartBody::add(std::string_view name, Ref<IBodyProducer> body,
                                  std::string_view contentType, std::string_view fileName) {
    if (contentType.find_first_of("\r\n") != std::string_view::npos) {
        throw std::invalid_argument("the Content-Type of part " + quoted(name) +
                                    " has a line end in it");
    }
    std::string head =
        "--" + boundary_ + "\r\nContent-Disposition: form-data; name=" + quoted(name);
    if (!fileName.empty()) {
        head += "; filename=" + quoted(fileName);
    }
    if (!contentType.empty()) {
        head.append("\r\nContent-Type: ").append(contentType);
    }
    parts_.push_back({head + "\r\n\r\n", std::move(body)});
    return *this;
}

std::optional<std::uint64_t> MultipartBody::length() const {
    std::uint64_t sum = closing().size();
    for (const Part& part : parts_) {
        const auto length = part.body->length();
        if (!length) {
            return std::nullopt;
        }
        sum += part.head.size() + *length + 2;
    }
    return sum;
}

bool MultipartBody::repeatable() const {
    for (const Part& part : parts_) {
        if (!part.body->repeatable()) {
            return false;
        }
    }
    return true;
}

std::string MultipartBody::contentType() const {
    return "multipart/form-data; boundary=\"" + boundary_ + "\"";
}

Deferred<> MultipartBody::startProducing(IBodyConsumer& consumer) { return sendFrom(0, consumer); }

Deferred<> MultipartBody::sendFrom(std::size_t part, IBodyConsumer& consumer) {
    if (part == parts_.size()) {
        consumer.write(asBytes(closing()));
        return succeed();
    }
    consumer.write(asBytes(parts_[part].head));
    return parts_[part].body->startProducing(consumer).addCallback(
        [self = Ref<MultipartBody>(this), part, &consumer] {
            consumer.write(asBytes("\r\n"));
            return self->sendFrom(part + 1, consumer);
        });
}

}  // namespace marline
