// What a File that has its files in memory allocates for a request: nothing. A program of its own,
// for the heap.
#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/http/file.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <gtest/gtest.h>

#include <string>

#include "test/support/heap.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http {
namespace {

/// How many allocations a request costs on a connection that has seen it a few times.
long allocations(const Ref<Resource>& root, const std::string& request) {
    testing::Clock clock;
    testing::StringTransport transport;
    const auto site = makeRef<Site>(clock, root);
    const Ref<IProtocol> protocol = site->buildProtocol(transport.getPeer());
    protocol->makeConnection(transport);
    const auto ask = [&] {
        protocol->dataReceived(asBytes(request));
        EXPECT_TRUE(transport.value().starts_with("HTTP/1.1 200 ")) << transport.value();
        transport.clear();
    };
    ask();
    ask();
    ask();
    {
        const marline::test::heap::Refusing none(0);
        ask();
        ask();
    }
    const long asked = marline::test::heap::asked();
    protocol->connectionLost(ConnectionDone());
    return asked;
}

class FileAllocations : public ::testing::Test {
protected:
    Ref<File> file(bool kept, bool precompressed = false) const {
        FileOptions options;
        options.cacheBytes = kept ? options.cacheBytes : 0;
        options.cacheAfter = {};
        options.precompressed = precompressed;
        return makeRef<File>(folder.path(), std::move(options));
    }

    const std::string plain = "GET /page.html HTTP/1.1\r\nHost: t\r\n\r\n";
    const std::string gzip = "GET /page.html HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n";
    const marline::test::TempFolder folder;
};

// A file, its sibling, or what it is encoded to, from memory; without that it does allocate.
TEST_F(FileAllocations, noneForWhatIsKept) {
    folder.write("page.html", std::string(12'000, 'x'));
    EXPECT_EQ(allocations(file(true), plain), 0);
    EXPECT_EQ(allocations(makeRef<EncodingResourceWrapper>(file(true)), gzip), 0);
    EXPECT_GT(allocations(makeRef<EncodingResourceWrapper>(file(false)), gzip), 0);
    folder.write("page.html.gz", std::string(3'000, 'y'));
    EXPECT_EQ(allocations(file(true, true), gzip), 0);
}

}  // namespace
}  // namespace marline::http
