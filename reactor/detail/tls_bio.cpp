#include <marline/reactor/detail/tls_bio.hpp>

#include <memory>
#include <new>

#include <marline/reactor/detail/tls_layer.hpp>

namespace marline::detail {
namespace {

TlsLayer& layerOf(BIO* bio) { return *static_cast<TlsLayer*>(BIO_get_data(bio)); }

int readBio(BIO* bio, char* to, std::size_t most, std::size_t* got) {
    BIO_clear_retry_flags(bio);
    *got = layerOf(bio).takeInput(to, most);
    if (*got == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    return 1;
}

int writeBio(BIO* bio, const char* data, std::size_t size, std::size_t* wrote) {
    BIO_clear_retry_flags(bio);
    layerOf(bio).gatherRecord(std::as_bytes(std::span(data, size)));
    *wrote = size;
    return 1;
}

long controlBio(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> made = [] {
        BIO_METHOD* bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "marline");
        if (bio == nullptr) {
            throw std::bad_alloc();
        }
        BIO_meth_set_read_ex(bio, &readBio);
        BIO_meth_set_write_ex(bio, &writeBio);
        BIO_meth_set_ctrl(bio, &controlBio);
        return std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>>(bio);
    }();
    return made.get();
}

}  // namespace

BIO* makeLayerBio(TlsLayer& layer) {
    BIO* bio = BIO_new(method());
    if (bio == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(bio, &layer);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace marline::detail
