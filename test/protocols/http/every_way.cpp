#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

namespace marline::http::testing {

Transcript transcribeEveryWay(std::string_view bytes,
                              const std::function<Transcript(const Reads&)>& transcribeReads) {
    const Transcript whole = transcribeReads({bytes});
    Reads single;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        single.push_back(bytes.substr(at, 1));
    EXPECT_EQ(whole.problem, "");
    const Transcript bytewise = transcribeReads(single);
    EXPECT_EQ(whole.summary, bytewise.summary) << "byte by byte";
    EXPECT_TRUE(whole == bytewise) << whole.details << "byte by byte\n" << bytewise.details;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        const Transcript halves = transcribeReads({bytes.substr(0, cut), bytes.substr(cut)});
        EXPECT_EQ(whole.summary, halves.summary) << "cut at " << cut;
        EXPECT_TRUE(whole == halves) << whole.details << "cut at " << cut << "\n" << halves.details;
    }
    return whole;
}

Transcript parseRequests(std::string_view bytes, const WireLimits& limits) {
    return transcribeEveryWay(bytes,
                              [&](const Reads& reads) { return requestTranscript(reads, limits); });
}

Transcript parseResponses(std::string_view bytes, const Asked& asked, const WireLimits& limits) {
    return transcribeEveryWay(
        bytes, [&](const Reads& reads) { return responseTranscript(reads, asked, limits); });
}

}  // namespace marline::http::testing
