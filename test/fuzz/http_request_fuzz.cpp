// Fuzzes RequestParser: no input may crash it, hang it, or be read differently when it is cut
// differently.
#include <test/fuzz/split_check.hpp>

namespace http = marline::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::FuzzInput input(data, size);
    const http::WireLimits limits = input.takeLimits();
    marline::testing::checkEverySplit(input, [&](const http::testing::Reads& reads) {
        return http::testing::requestTranscript(reads, limits);
    });
    return 0;
}
