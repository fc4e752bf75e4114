// One thing at a time: each site is asked when the one before has answered. Simple, and most of
// the time is spent waiting. With arguments it asks those instead.
#include <iostream>

#include "fetching.hpp"

using namespace strategies;

int main(int argc, char** argv) {
    if (argc > 1)
        urls.assign(argv + 1, argv + argc);
    for (const auto& url : urls)
        std::cout << fetchAndWait(url);
}
