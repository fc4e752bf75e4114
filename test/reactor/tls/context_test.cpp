// What a TlsContext is made of: files, texts, PKCS#12; and what it says when they are no good.
#include <marline/reactor/tls_context.hpp>

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>

#include "tls_bed.hpp"
#include "tls_files.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using marline::test::TempFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

BioPtr bioOf(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
X509Ptr certificateOf(const std::string& pem) {
    return X509Ptr(PEM_read_bio_X509(bioOf(pem).get(), nullptr, nullptr, nullptr));
}
KeyPtr keyOf(const std::string& pem) {
    return KeyPtr(PEM_read_bio_PrivateKey(bioOf(pem).get(), nullptr, nullptr, nullptr));
}
std::string contentOf(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string encrypted(const std::string& keyPem, const std::string& passphrase) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), keyOf(keyPem).get(), EVP_aes_256_cbc(),
                                            passphrase.data(), static_cast<int>(passphrase.size()),
                                            nullptr, nullptr),
              1);
    return contentOf(bio.get());
}

/// A PKCS#12 with `pair`, or only a part of it, and a further certificate.
std::string pkcs12Of(const PemPair& pair, const std::string& passphrase,
                     const std::string& caPem = {}) {
    const X509Ptr leaf = certificateOf(pair.certificate);
    const KeyPtr key = pair.key.empty() ? nullptr : keyOf(pair.key);
    STACK_OF(X509)* chain = sk_X509_new_null();
    const X509Ptr ca = caPem.empty() ? nullptr : certificateOf(caPem);
    if (ca) {
        sk_X509_push(chain, ca.get());
    }
    PKCS12* made =
        PKCS12_create(passphrase.c_str(), "test", key.get(), leaf.get(), chain, 0, 0, 0, 0, 0);
    const BioPtr bio(BIO_new(BIO_s_mem()));
    i2d_PKCS12_bio(bio.get(), made);
    PKCS12_free(made);
    sk_X509_free(chain);
    return contentOf(bio.get());
}

/// Whether a client that trusts the tests' authority gets through to `server`.
std::string outcomeWith(const TlsContext& server) {
    TlsBed bed(clientContext(), server);
    bed.run();
    return bed.stands() ? "stands" : bed.refusal();
}

/// The fingerprint of the certificate that `server` shows.
std::string shownBy(const TlsContext& server) {
    TlsBed bed(TlsContext::client().insecure(), server);
    bed.run();
    return bed.stands() ? bed.clientTls().getPeerCertificate()->fingerprint : bed.refusal();
}

// Chain and key come from memory, from files, or from one file.
TEST(TlsContextTest, readsTextsAndFiles) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", serverPair().key);
    const std::string both = folder.write("both.pem", serverPair().key + serverPair().certificate);
    EXPECT_EQ(outcomeWith(serverContext()), "stands");
    EXPECT_EQ(outcomeWith(TlsContext::serverFromFiles(chain, key)), "stands");
    EXPECT_EQ(outcomeWith(TlsContext::serverFromFiles(both, both)), "stands");
}

// An encrypted key is read with its passphrase; without it nobody is asked on the terminal.
TEST(TlsContextTest, readsEncryptedKeys) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", encrypted(serverPair().key, "open sesame"));
    EXPECT_EQ(outcomeWith(TlsContext::serverFromFiles(chain, key, "open sesame")), "stands");
    for (const char* wrong : {"", "open barley"}) {
        EXPECT_THAT(thrownBy<TlsError>([&] { TlsContext::serverFromFiles(chain, key, wrong); }),
                    AllOf(HasSubstr("cannot decrypt"), HasSubstr(key), HasSubstr("passphrase")));
    }
}

// The certificates that follow the leaf are sent, so that a client finds its way to the CA.
TEST(TlsContextTest, sendsItsChain) {
    const CertificateAuthority between = authority().intermediate("intermediate CA");
    const PemPair pair = between.issue({.names = {kHost}});
    EXPECT_EQ(
        outcomeWith(TlsContext::server(pair.certificate + between.certificatePem(), pair.key)),
        "stands");
    EXPECT_THAT(outcomeWith(TlsContext::server(pair.certificate, pair.key)),
                AllOf(HasSubstr("CN=server.test"), HasSubstr("which is CN=intermediate CA"),
                      HasSubstr("trustFile()")));
}

// PKCS#12 brings certificate, key and chain together.
TEST(TlsContextTest, readsPkcs12) {
    const TempFolder folder;
    const CertificateAuthority between = authority().intermediate("intermediate CA");
    const PemPair pair = between.issue({.names = {kHost}});
    const std::string content = pkcs12Of(pair, "pass", between.certificatePem());
    const std::string file = folder.write("server.p12", content);
    EXPECT_EQ(outcomeWith(TlsContext::serverFromPkcs12File(file, "pass")), "stands");
    EXPECT_EQ(outcomeWith(serverContext().certificatePkcs12(content, "pass")), "stands");
}

// What is wrong with a PKCS#12 is said, and which one it is.
TEST(TlsContextTest, namesABadPkcs12) {
    const TempFolder folder;
    const auto refusal = [&](const std::string& name, const char* passphrase) {
        return thrownBy<TlsError>(
            [&] { TlsContext::serverFromPkcs12File(folder / name, passphrase); });
    };
    folder.write("good.p12", pkcs12Of(serverPair(), "pass"));
    folder.write("no-key.p12", pkcs12Of({serverPair().certificate, ""}, "pass"));
    folder.write("text.p12", "nonsense");
    EXPECT_THAT(refusal("good.p12", "wrong"), AllOf(HasSubstr("good.p12"), HasSubstr("mac")));
    EXPECT_THAT(refusal("no-key.p12", "pass"), HasSubstr("no-key.p12 has no "));
    EXPECT_THAT(refusal("text.p12", "pass"), HasSubstr("no PKCS#12 in " + folder / "text.p12"));
    EXPECT_THAT(refusal("none.p12", "pass"), HasSubstr("No such file"));
}

// S-23: a key that does not belong to the certificate is refused; the error names both files.
TEST(TlsContextTest, namesAKeyThatDoesNotMatch) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", authority().issue({.names = {kHost}}).key);
    EXPECT_THAT(thrownBy<TlsError>([&] { TlsContext::serverFromFiles(chain, key); }),
                AllOf(HasSubstr(key), HasSubstr("does not belong"), HasSubstr("CN=server.test"),
                      HasSubstr(chain), HasSubstr("mismatch")));
}

// S-23: what cannot be read is named, with the reason: no file, a folder, another content.
TEST(TlsContextTest, namesWhatItCannotRead) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string text = folder.write("text.pem", "nonsense");
    const auto refusal = [&](const std::string& chainFile, const std::string& keyFile) {
        return thrownBy<TlsError>([&] { TlsContext::serverFromFiles(chainFile, keyFile); });
    };
    const std::string none = folder / "none.pem";
    EXPECT_THAT(refusal(chain, none), AllOf(HasSubstr(none), HasSubstr("No such file")));
    EXPECT_THAT(refusal(folder / "", chain), HasSubstr("Is a directory"));
    EXPECT_THAT(refusal(text, chain), HasSubstr("no certificate in " + text));
    EXPECT_THAT(refusal(chain, text), HasSubstr("no private key in " + text));
    EXPECT_THAT(refusal(chain, chain), HasSubstr("no private key in " + chain));
}

// A chain with something broken behind the leaf is refused, and not cut short.
TEST(TlsContextTest, refusesAChainThatIsBrokenFurtherOn) {
    const std::string broken =
        serverPair().certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    EXPECT_THAT(thrownBy<TlsError>([&] { TlsContext::server(broken, serverPair().key); }),
                HasSubstr("no further certificate in the given chain"));
    EXPECT_THAT(thrownBy<TlsError>([&] { TlsContext::client().trustPem(broken); }),
                HasSubstr("no further CA certificate"));
}

// What throws leaves the context as it was.
TEST(TlsContextTest, staysAsItWasWhenACallFails) {
    TlsContext context = serverContext();
    const std::string before = shownBy(context);
    const PemPair other = authority().issue({.names = {kHost}});
    EXPECT_THROW(context.certificatePem(other.certificate, serverPair().key), TlsError);
    EXPECT_THROW(context.certificatePem("nonsense", other.key), TlsError);
    EXPECT_EQ(shownBy(context), before);
    context.reload();
    EXPECT_EQ(shownBy(context), before);
}

// reload() uses what the files hold now; connections that stand keep what they have.
TEST(TlsContextTest, reloadsItsFiles) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", serverPair().key);
    TlsContext context = TlsContext::serverFromFiles(chain, key).alpn({"h2"});
    TlsBed before(clientContext(), context);
    before.run();
    const PemPair next = authority().issue({.names = {kHost}});
    folder.write("chain.pem", next.certificate);
    folder.write("key.pem", next.key);
    EXPECT_EQ(shownBy(context), TlsCertificate::fromPem(serverPair().certificate).fingerprint);
    context.reload();
    EXPECT_EQ(shownBy(context), TlsCertificate::fromPem(next.certificate).fingerprint);
    before.client().transport->write("still standing");
    before.pipe.run();
    EXPECT_EQ(before.server().received, "still standing");
    TlsBed after(clientContext().alpn({"h2"}), context);
    after.run();
    EXPECT_EQ(after.serverTls().negotiatedProtocol(), "h2") << "reload() lost a setting";
}

// reload() changes nothing when one of the files is no good, and names it.
TEST(TlsContextTest, reloadChecksBeforeItSwaps) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", serverPair().key);
    const std::string ca = folder.write("ca.pem", authority().certificatePem());
    TlsContext context = TlsContext::serverFromFiles(chain, key).trustFile(ca);
    context.clientCertificates(ClientCertificates::Optional);
    const std::string before = shownBy(context);
    folder.write("chain.pem", authority().issue({.names = {kHost}}).certificate);
    EXPECT_THAT(thrownBy<TlsError>([&] { context.reload(); }),
                AllOf(HasSubstr(key), HasSubstr("does not belong")));
    EXPECT_EQ(shownBy(context), before);
    folder.write("chain.pem", serverPair().certificate);
    folder.write("ca.pem", "");
    EXPECT_THAT(thrownBy<TlsError>([&] { context.reload(); }), HasSubstr(ca));
    EXPECT_EQ(shownBy(context), before);
}

// reload() of a server takes the contexts of its names along, all or none.
TEST(TlsContextTest, reloadsTheContextsOfItsNames) {
    const TempFolder folder;
    const std::string chain = folder.write("chain.pem", serverPair().certificate);
    const std::string key = folder.write("key.pem", serverPair().key);
    TlsContext named = TlsContext::serverFromFiles(chain, key);
    TlsContext context = serverContext().serverName(kHost, named);
    const PemPair next = authority().issue({.names = {kHost}});
    folder.write("chain.pem", next.certificate);
    EXPECT_THROW(context.reload(), TlsError);
    EXPECT_EQ(shownBy(context), TlsCertificate::fromPem(serverPair().certificate).fingerprint);
    folder.write("key.pem", next.key);
    context.reload();
    EXPECT_EQ(shownBy(context), TlsCertificate::fromPem(next.certificate).fingerprint);
}

// The key log has the secrets of every connection, and is its owner's only.
TEST(TlsContextTest, logsKeys) {
    const TempFolder folder;
    TlsContext context = serverContext().keylogFile(folder / "keys.log");
    EXPECT_EQ(outcomeWith(context), "stands");
    EXPECT_THAT(folder.read("keys.log"), HasSubstr("SERVER_TRAFFIC_SECRET_0 "));
    struct stat status{};
    ASSERT_EQ(stat((folder / "keys.log").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const std::size_t size = folder.read("keys.log").size();
    EXPECT_EQ(outcomeWith(context), "stands");
    EXPECT_EQ(folder.read("keys.log").size(), 2 * size);
    const std::string nowhere = folder / "no/keys.log";
    EXPECT_THAT(thrownBy<TlsError>([&] { context.keylogFile(nowhere); }),
                AllOf(HasSubstr(nowhere), HasSubstr("No such file")));
}

// Certificates say what they are.
TEST(TlsContextTest, describesCertificates) {
    const PemPair pair = authority().issue({.names = {"a.test", "127.0.0.1", "::1"}});
    const TlsCertificate certificate = TlsCertificate::fromPem(pair.certificate);
    EXPECT_EQ(certificate.subject, "CN=a.test");
    EXPECT_EQ(certificate.issuer, "CN=marline test CA");
    EXPECT_EQ(certificate.names, (std::vector<std::string>{"a.test", "127.0.0.1", "::1"}));
    EXPECT_LT(certificate.notBefore, std::chrono::system_clock::now());
    EXPECT_GT(certificate.notAfter, std::chrono::system_clock::now());
    EXPECT_EQ(certificate.fingerprint.size(), 64U);
    EXPECT_EQ(certificate.pem, pair.certificate);
    EXPECT_TRUE(certificate == TlsCertificate::fromPem(certificate.pem));
    EXPECT_FALSE(certificate == TlsCertificate::fromPem(serverPair().certificate));
    EXPECT_THROW(TlsCertificate::fromPem("nonsense"), TlsError);
}

}  // namespace
