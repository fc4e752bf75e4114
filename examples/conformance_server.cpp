// Answers 200 to everything, and returns the body of what is sent to /echo:
// `conformance_server --port P`.
#include <cstdlib>
#include <iostream>
#include <string>

#include <marline/marline.hpp>

using namespace marline;

http::Rendered answer(http::Request& request) {
    request.setHeader("Content-Type", "text/plain");
    return request.segments()[0] == "echo" ? request.content() : "well\n";
}

int main(int argc, char** argv) {
    if (argc != 3 || std::string(argv[1]) != "--port") {
        std::cerr << "usage: conformance_server --port P\n";
        return 2;
    }
    Reactor reactor;
    auto site = makeRef<http::Site>(reactor, makeRef<http::FunctionResource>(answer));
    auto port = reactor.listenTcp(static_cast<std::uint16_t>(std::atoi(argv[2])), site,
                                  {.interface = "127.0.0.1"});
    std::cout << "http://" << port->getHost().toString() << "/" << std::endl;
    reactor.run();
}
