// The talk's fetcher: requests every URL at once and says which are well. Exit status 1 if any is
// not. With arguments it requests those instead.
#include <iostream>
#include <string>
#include <vector>

#include <marline/marline.hpp>

using namespace marline;

std::vector<std::string> urls = {"http://twitter.com/", "http://google.com/", "http://yahoo.com/",
                                 "http://facebook.com/"};

void printResponse(const Response& resp, const std::string& url) {
    std::cout << url << (resp.code() == 200 ? " OK\n" : " Bad\n");
}

Failure printFailure(const Failure& why, const std::string& url) {
    std::cout << url << " Bad: " << why.message() << '\n';
    return SystemExit(1);
}

Deferred<> fetchAll(Reactor& reactor) {
    RedirectAgent agent{Agent{reactor}};
    std::vector<Deferred<>> dl;
    for (const auto& url : urls)
        dl.push_back(agent.request("GET", url)
                         .addCallback(printResponse, url)
                         .addErrback(printFailure, url));
    return DeferredList(dl, {.consumeErrors = true}).addCallback(firstFailure<void>);
}

int main(int argc, char** argv) {
    if (argc > 1)
        urls.assign(argv + 1, argv + argc);
    return react(fetchAll);
}
