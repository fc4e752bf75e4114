// A TLS server with Debian's testssl.sh at the other end.
#include <marline/reactor/tls.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls_context.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/temp_folder.hpp>

namespace marline {
namespace {

class Echo final : public Protocol {
public:
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

class TestsslTest : public testing::InteropTest {
protected:
    void SetUp() override {
        program_ = find("testssl");
        if (program_.empty()) {
            GTEST_SKIP() << "Debian's testssl.sh is not installed";
        }
        const testing::CertificateAuthority authority;
        const testing::PemPair pair = authority.issue(
            {.names = {"localhost", "127.0.0.1"}, .notAfter = std::chrono::hours(24 * 90)});
        authority_ = folder_.write("ca.pem", authority.certificatePem());
        port_ = reactor().listenTcp(0,
                                    tlsServerFactory(TlsContext::server(pair.certificate, pair.key),
                                                     reactor(), makeFactory<Echo>()),
                                    {.interface = "127.0.0.1"});
    }

    /// What it finds, by its own names.
    nlohmann::json findings(std::vector<std::string> checks) {
        const std::string file = folder_ / "findings.json";
        std::vector<std::string> args = {"--quiet",  "--color",    "0",    "--warnings", "batch",
                                         "--nodns",  "none",       "--ip", "127.0.0.1",  "--add-ca",
                                         authority_, "--jsonfile", file};
        args.insert(args.end(), checks.begin(), checks.end());
        args.push_back("localhost:" + std::to_string(port_->getHost().port));
        // An echo is no HTTP: it need not wait long for a page.
        args.insert(args.begin(), {"HEADER_MAXSLEEP=1", program_});
        const Ref<testing::PeerOutput> output = start("/usr/bin/env", args);
        // It makes hundreds of connections.
        for (int i = 0; i < 10 && !output->ended; ++i) {
            bool later = false;
            DelayedCall pause =
                reactor().callLater(std::chrono::seconds(25), [&later] { later = true; });
            runUntil([&] { return output->ended || later; });
            if (pause.active()) {
                pause.cancel();
            }
        }
        EXPECT_TRUE(output->ended) << output->text;
        printed_ = output->text;
        return nlohmann::json::parse(folder_.read("findings.json"), nullptr, false);
    }
    const std::string& printed() const { return printed_; }

private:
    std::string program_;
    test::TempFolder folder_;
    std::string authority_;
    std::string printed_;
    Ref<IListeningPort> port_;
};

// Nothing is found that is worse than a remark, and TLS 1.2 is the least that is spoken. What is
// said of the certificate is the test's own affair.
TEST_F(TestsslTest, findsNothingOfHighSeverity) {
    const nlohmann::json found =
        findings({"--protocols", "--standard", "--server-preference", "--vulnerable"});
    ASSERT_TRUE(found.is_array()) << printed();
    std::size_t checks = 0;
    for (const nlohmann::json& one : found) {
        const std::string id = one.at("id");
        const std::string severity = one.at("severity");
        const std::string finding = one.at("finding");
        ++checks;
        if (!id.starts_with("cert")) {
            EXPECT_TRUE(severity != "HIGH" && severity != "CRITICAL" && severity != "FATAL")
                << id << ": " << severity << ": " << finding;
        }
        if (id == "SSLv2" || id == "SSLv3" || id == "TLS1" || id == "TLS1_1") {
            EXPECT_EQ(finding, "not offered") << id;
        }
        if (id == "TLS1_2" || id == "TLS1_3") {
            EXPECT_TRUE(finding.starts_with("offered")) << id << ": " << finding;
        }
    }
    EXPECT_GT(checks, 30U) << printed();
}

}  // namespace
}  // namespace marline
