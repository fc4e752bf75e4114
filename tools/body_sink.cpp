#include "body_sink.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/evp.h>

namespace tools {

using namespace marline;

class BodySink::Hash {
public:
    Hash() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    }
    void add(std::span<const std::byte> data) {
        EVP_DigestUpdate(context_.get(), data.data(), data.size());
    }
    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            text += kDigits[digest[i] >> 4];
            text += kDigits[digest[i] & 15];
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void BodySink::Close::operator()(std::FILE* file) const noexcept {
    if (file != stdout) {
        std::fclose(file);
    }
}

BodySink::BodySink(const std::string& path, Hashing hashing, bool append, std::uint64_t maxBytes)
    : path_(path), hash_(hashing == Hashing::Yes ? std::make_unique<Hash>() : nullptr),
      maxBytes_(maxBytes) {
    if (!path.empty()) {
        file_.reset(path == "-" ? stdout : std::fopen(path.c_str(), append ? "ab" : "wb"));
        if (!file_) {
            throw WriteError("cannot write " + path + ": " + std::strerror(errno));
        }
    }
}

BodySink::~BodySink() = default;

std::string BodySink::sha256() { return hash_ ? hash_->hex() : std::string(); }

void BodySink::writeHead(const std::string& text) {
    if (file_) {
        std::fwrite(text.data(), 1, text.size(), file_.get());
    }
}

void BodySink::dataReceived(std::span<const std::byte> data) {
    if (data.size() > maxBytes_ - bytes_) {
        refuse(BodyTooLarge("the body has more than the " + std::to_string(maxBytes_) +
                            " bytes of --max-filesize"));
        return;
    }
    bytes_ += data.size();
    if (hash_) {
        hash_->add(data);
    }
    if (onBytes_) {
        onBytes_(bytes_);
    }
    if (file_ && std::fwrite(data.data(), 1, data.size(), file_.get()) != data.size()) {
        refuse(WriteError("cannot write " + path_ + ": " + std::strerror(errno)));
    }
}

/// connectionLost() follows, and tells it.
void BodySink::refuse(Failure why) {
    refused_ = std::move(why);
    transport_->abortConnection();
}

void BodySink::connectionLost(const Failure& reason) {
    if (!done_.pending()) {
        return;
    }
    if (refused_) {
        done_.errback(*refused_);
    } else if (file_ && std::fflush(file_.get()) != 0) {
        done_.errback(WriteError("cannot write " + path_ + ": " + std::strerror(errno)));
    } else if (reason.check<ResponseDone>() != nullptr ||
               reason.check<PotentialDataLoss>() != nullptr) {
        done_.callback();
    } else {
        done_.errback(reason);
    }
}

}  // namespace tools
