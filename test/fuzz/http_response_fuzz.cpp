// Fuzzes ResponseParser: no input may crash it, hang it, or be read differently when it is cut
// differently.
#include <test/fuzz/split_check.hpp>

namespace http = marline::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::FuzzInput input(data, size);
    const http::WireLimits limits = input.takeLimits();
    http::testing::Asked asked;
    asked.upgradeOffered = input.takeByte() % 2 == 1;
    asked.methods.clear();
    constexpr const char* kMethods[] = {"GET", "HEAD", "CONNECT", "POST"};
    for (unsigned choice = input.takeByte(); asked.methods.size() < 4; choice /= 4)
        asked.methods.emplace_back(kMethods[choice % 4]);
    marline::testing::checkEverySplit(input, [&](const http::testing::Reads& reads) {
        return http::testing::responseTranscript(reads, asked, limits);
    });
    return 0;
}
