// Which files leave by sendfile(2), and what becomes of them when that call fails or falls short.
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls.hpp>

#include "sent_files.hpp"
#include "test/support/system_call_fault.hpp"

namespace marline::http {
namespace {

using test::pattern;
using testing::SystemCall;
using testing::SystemCallFault;

constexpr int kNever = 1'000'000;
constexpr std::size_t kLarge = 1'200'003;

class SentFilesFaultTest : public test::SentFiles {
protected:
    SentFilesFaultTest() {
        folder.write("large.txt", large);
        folder.write("small.txt", "small");
    }

    /// How often sendfile() is called for the answer to `request`, whose body must be `body`.
    int calls(const std::string& request, std::string_view body) {
        const SystemCallFault counter(SystemCall::Sendfile, {.nth = kNever});
        send(request);
        expectBody(body);
        return counter.calls();
    }

    const std::string large = pattern(kLarge);
};

// A file of some size is sent by the kernel; one that is small leaves in one write with its head.
TEST_F(SentFilesFaultTest, largeFilesAreSentByTheKernel) {
    serve();
    EXPECT_GE(calls(get("/large.txt"), large), 2);
    EXPECT_EQ(calls(get("/small.txt"), "small"), 0);
    EXPECT_EQ(calls(get("/large.txt", "Range: bytes=9-99\r\n"), large.substr(9, 91)), 0);
    EXPECT_GE(calls(get("/large.txt", "Range: bytes=9-999999\r\n"), large.substr(9, 999'991)), 1);
}

// A file that is encoded on its way is read: the kernel knows nothing of gzip.
TEST_F(SentFilesFaultTest, encodedFilesAreRead) {
    serve(makeRef<EncodingResourceWrapper>(makeRef<File>(folder.path())));
    {
        const SystemCallFault counter(SystemCall::Sendfile, {.nth = kNever});
        send(get("/large.txt", "Accept-Encoding: gzip\r\n"));
        runUntil([this] { return client->received.ends_with("\r\n0\r\n\r\n"); });
        EXPECT_NE(client->received.find("Content-Encoding: gzip\r\n"), std::string::npos);
        EXPECT_EQ(counter.calls(), 0);
    }
    client->received.clear();
    EXPECT_GE(calls(get("/large.txt"), large), 1) << "for whom nothing is encoded";
}

/// Something between the transport and the site that looks at all bytes.
struct WrappedFactory final : WrappingFactory {
    using WrappingFactory::WrappingFactory;
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override {
        return makeRef<ProtocolWrapper>(std::move(inner));
    }
};

class WrappedSentFilesTest : public SentFilesFaultTest {
    void listen(const Ref<IProtocolFactory>& server) override {
        SentFiles::listen(makeRef<WrappedFactory>(server));
    }
};

// A wrapper sees every byte of a file.
TEST_F(WrappedSentFilesTest, filesAreReadForWrappers) {
    serve();
    EXPECT_EQ(calls(get("/large.txt"), large), 0);
}

class SecureSentFilesTest : public SentFilesFaultTest {
    void listen(const Ref<IProtocolFactory>& server) override {
        const auto pair = authority.issue({.names = {"site.test"}});
        reactor.listenUnix(
            sockets / "s",
            tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, server));
        wrapClientTls(reactor, TlsContext::client().trustPem(authority.certificatePem()),
                      "site.test", makeRef<UnixClientEndpoint>(reactor, sockets / "s"))
            ->connect(marline::test::recorderFactory(client));
    }

    testing::CertificateAuthority authority;
};

// Over TLS files are read, to be encrypted.
TEST_F(SecureSentFilesTest, filesAreReadForTls) {
    serve();
    EXPECT_EQ(calls(get("/large.txt"), large), 0);
}

// Whatever happens to any of its calls, the file gets there whole: one that is interrupted or would
// block is made again, one that sends a byte goes on behind it, and what it cannot send is read.
TEST_F(SentFilesFaultTest, everyFaultIsSurvived) {
    serve();
    for (const int error : {0, EINTR, EAGAIN, EINVAL, EIO}) {
        bool struck = true;
        for (int nth = 1; struck; ++nth) {
            SCOPED_TRACE("no. " + std::to_string(nth) + ", error " + std::to_string(error));
            const SystemCallFault fault(SystemCall::Sendfile, {.nth = nth, .error = error});
            send(get("/large.txt"));
            expectBody(large);
            struck = fault.struck();
            ASSERT_FALSE(HasFailure());
        }
    }
}

// A kernel that takes a byte at a time makes it slow, not wrong.
TEST_F(SentFilesFaultTest, itIsSentByteByByte) {
    serve();
    const SystemCallFault fault(SystemCall::Sendfile, {.most = 1, .again = 100'000});
    send(get("/large.txt", "Range: bytes=3-99999\r\n"));
    expectBody(std::string_view(large).substr(3, 99'997));
    EXPECT_GE(fault.calls(), 99'997);
}

// The same while others are answered: it does not keep the loop to itself.
TEST_F(SentFilesFaultTest, slowSendingLetsOthersHaveTheirTurn) {
    serve();
    auto other = std::make_shared<marline::test::Record>();
    reactor.connectUnix(sockets / "s", marline::test::recorderFactory(other));
    runUntil([&] { return other->transport != nullptr; });
    const SystemCallFault fault(SystemCall::Sendfile, {.most = 1, .again = 100'000});
    send(get("/large.txt", "Range: bytes=0-99999\r\n"));
    other->transport->write(get("/small.txt"));
    runUntil([&] { return other->received.ends_with("\r\n\r\nsmall"); });
    EXPECT_LT(fault.calls(), 1000);
    expectBody(std::string_view(large).substr(0, 100'000));
}

}  // namespace
}  // namespace marline::http
