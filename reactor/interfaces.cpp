#include <marline/reactor/interfaces.hpp>

#include <stdexcept>

#include <marline/reactor/unix.hpp>

namespace marline {

Ref<IProtocol> ITransport::switchProtocol(Ref<IProtocol>) {
    throw std::logic_error("this transport cannot change its protocol");
}

void IProtocol::transportChanged(ITransport&) {
    throw std::logic_error(
        "this protocol cannot change its transport: it must override transportChanged()");
}

IFileDescriptorReceiver* IProtocol::fileDescriptorReceiver() noexcept {
    return dynamic_cast<IFileDescriptorReceiver*>(this);
}

}  // namespace marline
