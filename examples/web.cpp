// A small web service: routes, live events, an orderly end. `web` alone tries itself,
// `web ENDPOINT` serves until SIGINT or SIGTERM (`web tcp:8080`, then curl -N localhost:8080/live).
#include <chrono>
#include <iostream>
#include <map>
#include <string>

#include <marline/deferred/coroutine.hpp>
#include <marline/marline.hpp>
#include <marline/protocols/http/event_stream.hpp>
#include <marline/protocols/http/routes.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/endpoint_strings.hpp>

using namespace marline;
using namespace std::chrono_literals;

namespace {

/// What has been noted, who is told of it, and the routes to both.
struct Notes {
    explicit Notes(Reactor& reactor) : site(makeRef<http::Site>(reactor, routes)) {
        routes->get("/", [](http::Request&) { return "POST /notes/NAME, GET it, GET /live\n"; });
        routes->post("/notes/{name}", [this](http::Request& request) {
            const std::string name(request.pathParameter("name"));
            notes[name] = request.content();
            live->publish({.data = name, .event = "note"});
            return "noted\n";
        });
        routes->get("/notes/{name}", [this](http::Request& request) -> http::Rendered {
            const auto found = notes.find(std::string(request.pathParameter("name")));
            if (found == notes.end()) {
                return http::HttpError(404, "no such note");
            }
            return found->second;
        });
        routes->get("/live", [this](http::Request& request) -> http::Rendered {
            live->subscribe(request);
            return http::NotDoneYet{};
        });
    }

    std::map<std::string, std::string> notes;
    Ref<http::EventTopic> live = makeRef<http::EventTopic>();
    Ref<http::Routes> routes = makeRef<http::Routes>();
    Ref<http::Site> site;
};

/// Notes something, and reads it again.
Deferred<> tryItself(Reactor& reactor, std::string url) {
    Client client{reactor};
    RequestOptions note;
    note.body = makeRef<StringBody>("tea at five");
    std::cout << co_await (co_await client.post(url, note)).text();
    std::cout << co_await (co_await client.get(url)).text() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    Notes notes(reactor);
    auto place = serverFromString(reactor, argc > 1 ? argv[1] : "tcp:0:interface=127.0.0.1");
    place->listen(notes.site)
        .addCallbacks(
            [&](const Ref<IListeningPort>& port) {
                reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&notes, port] {
                    notes.live->close();
                    return notes.site->shutdown(5s, {port}).addCallback([](const auto&) {});
                });
                if (argc == 1) {
                    tryItself(reactor, "http://" + port->getHost().toString() + "/notes/today")
                        .addBoth([&](Result<> result) {
                            reactor.stop();
                            return result;
                        });
                }
            },
            [](const Failure& why) { std::cerr << why.message() << '\n'; });
    reactor.run();
}
