// The snippets of docs/howto/stdio.md, and what the page says of them.
#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include "test/support/running.hpp"

using namespace marline;

namespace program {
namespace {

class Upper : public Protocol {
public:
    Deferred<> finished() { return finished_.deferred(); }

    void dataReceived(std::span<const std::byte> data) override {
        std::string text(asText(data));
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
        transport()->write(text);
    }
    void connectionLost(const Failure& reason) override {
        Protocol::connectionLost(reason);
        finished_.callback();
    }

private:
    DeferredSource<> finished_;
};

int main() {
    return react([](Reactor& reactor) {
        auto upper = makeRef<Upper>();
        standardIo(reactor, upper);
        return upper->finished();
    });
}

}  // namespace
}  // namespace program

namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = UniqueFd(ends[0]);
        write = UniqueFd(ends[1]);
    }
    UniqueFd read;
    UniqueFd write;
};

/// While it lives, two pipes stand in for the program's standard input and output.
class StandardPipes {
public:
    StandardPipes() {
        std::cout.flush();
        ::dup2(in.read.get(), STDIN_FILENO);
        ::dup2(out.write.get(), STDOUT_FILENO);
        in.read.reset();
        out.write.reset();
    }
    StandardPipes(const StandardPipes&) = delete;
    StandardPipes& operator=(const StandardPipes&) = delete;
    ~StandardPipes() {
        ::dup2(input_.get(), STDIN_FILENO);
        ::dup2(output_.get(), STDOUT_FILENO);
    }

    Pipe in;
    Pipe out;

private:
    UniqueFd input_{::dup(STDIN_FILENO)};
    UniqueFd output_{::dup(STDOUT_FILENO)};
};

// What is piped in comes out in capitals, and the end of the input ends the program.
TEST(GuideStdio, aFilter) {
    std::string came(100, '\0');
    int status = -1;
    {
        StandardPipes pipes;
        ASSERT_EQ(::write(pipes.in.write.get(), "hello", 5), 5);
        pipes.in.write.reset();
        status = program::main();
        const ssize_t got = ::read(pipes.out.read.get(), came.data(), came.size());
        came.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    EXPECT_EQ(status, 0);
    EXPECT_EQ(came, "HELLO");
}

}  // namespace
