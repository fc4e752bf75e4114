// The HTTP server with curl at the other end.
#include <marline/protocols/http/digest_auth.hpp>
#include <marline/protocols/http/site.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <test/interop/peer_program.hpp>

namespace marline::http {
namespace {

class HttpServerInteropTest : public testing::InteropTest {
protected:
    void SetUp() override {
        curl_ = find("curl");
        if (curl_.empty()) {
            GTEST_SKIP() << "curl is not installed";
        }
    }
    void TearDown() override {
        if (port_) {
            port_->stopListening();
        }
        port_.reset();
        InteropTest::TearDown();
    }
    /// Serves `root` on a free port.
    void serve(Ref<Resource> root) {
        port_ = reactor().listenTcp(0, makeRef<Site>(reactor(), std::move(root)),
                                    {.interface = "127.0.0.1"});
    }
    /// What curl prints when it is run with `args` on the server.
    std::string curl(std::vector<std::string> args, const std::string& path = "/") {
        args.insert(args.begin(), {"--silent", "--show-error", "--noproxy", "*"});
        args.push_back("http://" + port_->getHost().toString() + path);
        return runToEnd(curl_, args);
    }

private:
    std::string curl_;
    Ref<IListeningPort> port_;
};

/// Guards a page that says who asked for what, with `algorithm` alone.
Ref<Resource> guarded(DigestAlgorithm algorithm) {
    return makeRef<DigestAuth>(
        makeRef<FunctionResource>(
            [](Request& request) -> Rendered { return request.getUser() + request.content(); }),
        "the staff",
        [](std::string_view user, DigestAlgorithm offered) {
            return std::optional(digestSecret(offered, user, "the staff", "open: sesame"));
        },
        DigestOptions{.algorithms = {algorithm}});
}

// RFC 7616: curl's answers pass by both algorithms, also with a body, and with a query.
TEST_F(HttpServerInteropTest, curlPassesDigestAuth) {
    for (const auto algorithm : {DigestAlgorithm::Sha256, DigestAlgorithm::Md5}) {
        serve(guarded(algorithm));
        EXPECT_EQ(curl({"--digest", "--user", "Ali \"Baba\":open: sesame"}, "/a%20b?c=d"),
                  "Ali \"Baba\"");
        EXPECT_EQ(curl({"--digest", "--user", "me:open: sesame", "--data", " posts"}), "me posts");
        EXPECT_EQ(curl({"--digest", "--user", "me:wrong", "--output", "/dev/null", "--write-out",
                        "%{http_code}"}),
                  "401");
    }
}

}  // namespace
}  // namespace marline::http
