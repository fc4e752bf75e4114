#include <marline/protocols/frame_receiver.hpp>

#include <utility>

namespace marline {

void FrameReceiver::dataReceived(std::span<const std::byte> data) {
    if (parsing_ || !kept_.empty()) {
        addUnparsed(data);
    } else {
        view_ = asText(data);
        borrowed_ = true;
    }
    parse();
}

void FrameReceiver::pauseProducing() {
    paused_ = true;
    if (transport() != nullptr) {
        transport()->pauseProducing();
    }
}

void FrameReceiver::resumeProducing() {
    paused_ = false;
    if (transport() != nullptr && !heldBack_) {
        transport()->resumeProducing();
    }
    parse();
}

void FrameReceiver::holdFrames(std::size_t bytes) {
    held_ = bytes;
    if (!parsing_) {
        holdBack();
    }
}

void FrameReceiver::releaseFrames() {
    held_.reset();
    if (std::exchange(heldBack_, false) && !paused_ && transport() != nullptr) {
        transport()->resumeProducing();
    }
    parse();
}

void FrameReceiver::holdBack() {
    if (held_ && !heldBack_ && view_.size() > *held_ && transport() != nullptr) {
        heldBack_ = true;
        transport()->pauseProducing();
    }
}

void FrameReceiver::stopProducing() {
    paused_ = true;
    if (transport() != nullptr) {
        transport()->loseConnection();
    }
}

std::string FrameReceiver::takeUnparsed() {
    std::string all(view_);
    all += added_;
    view_ = {};
    added_.clear();
    searched_ = 0;
    // Whoever is in a callback still looks at the memory of kept_.
    if (!parsing_) {
        kept_.clear();
    }
    return all;
}

void FrameReceiver::skip(std::size_t bytes) noexcept {
    view_.remove_prefix(bytes);
    searched_ = 0;
}

void FrameReceiver::addUnparsed(std::span<const std::byte> data) {
    if (parsing_) {
        added_ += asText(data);
        return;
    }
    kept_ += asText(data);
    view_ = kept_;
}

void FrameReceiver::parse() {
    if (parsing_) {
        return;
    }
    const Ref<FrameReceiver> self(this);  // a callback may hand the connection to another protocol
    parsing_ = true;
    try {
        parseFrames();
    } catch (...) {
        // The transport closes the connection with it; nothing is parsed any more.
        borrowed_ = parsing_ = false;
        view_ = {};
        kept_.clear();
        added_.clear();
        throw;
    }
    parsing_ = false;
    keepRest();
    holdBack();
}

void FrameReceiver::parseFrames() {
    while (mayGoOn()) {
        const bool gaveOne = parseFrame();
        if (!added_.empty()) {
            keepRest();
        } else if (!gaveOne) {
            return;
        }
    }
}

/// Moves what is unparsed, and what came meanwhile, to the front of kept_. No callback is running.
void FrameReceiver::keepRest() {
    if (borrowed_) {
        kept_.assign(view_);
        borrowed_ = false;
    } else {
        kept_.erase(0, view_.empty() ? kept_.size() : kept_.size() - view_.size());
    }
    kept_ += added_;
    added_.clear();
    view_ = kept_;
}

bool FrameReceiver::mayGoOn() const noexcept {
    return !paused_ && !held_ && (transport() == nullptr || !transport()->disconnecting());
}

}  // namespace marline
