// Downloads a file with the whole agent and saveTo(): `http_download --url URL --out FILE`. Prints
// one JSON line: bytes, seconds of wall and CPU, and the most memory it had. `beside.py` runs it
// beside curl.
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <marline/marline.hpp>

#include "arguments.hpp"
#include "process.hpp"

using namespace marline;

int main(int argc, char** argv) {
    const std::string url = bench::argument(argc, argv, "--url", "http://127.0.0.1:8080/1g");
    const std::string out = bench::argument(argc, argv, "--out", "/dev/null");
    const auto began = std::chrono::steady_clock::now();
    std::uint64_t bytes = 0;
    const int status = react([&](Reactor& reactor) {
        const RedirectAgent agent{Agent{reactor}};
        return agent.request("GET", url)
            .addCallback([&](const Response& response) {
                if (response.code() != 200) {
                    throw std::runtime_error("status " + std::to_string(response.code()));
                }
                return saveTo(response, out);
            })
            .addCallback([&](std::uint64_t saved) { bytes = saved; });
    });
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
    if (status == 0) {
        std::printf("{\"bytes\":%" PRIu64 ",\"wall_s\":%.3f,\"cpu_s\":%.3f,\"peak_MiB\":%.1f}\n",
                    bytes, wall.count(), bench::cpuSeconds(), bench::peakMiB());
    }
    return status;
}
