// What the guide's snippets print.
#pragma once

#include <iostream>
#include <sstream>
#include <string>

namespace marline::test {

/// While it lives, what is written to std::cout is kept here.
class Printed {
public:
    Printed() : before_(std::cout.rdbuf(kept_.rdbuf())) {}
    Printed(const Printed&) = delete;
    Printed& operator=(const Printed&) = delete;
    ~Printed() { std::cout.rdbuf(before_); }

    std::string text() const { return kept_.str(); }

private:
    std::ostringstream kept_;
    std::streambuf* before_;
};

}  // namespace marline::test
