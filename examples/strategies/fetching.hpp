// What the five fetchers have in common: which sites, and what is said of one.
#pragma once

#include <string>
#include <vector>

#include <marline/marline.hpp>

#include <examples/internet/port_map.hpp>

namespace strategies {

inline std::vector<std::string> urls = {"http://twitter.com/", "http://google.com/",
                                        "http://yahoo.com/", "http://facebook.com/"};

/// The line about one site.
inline std::string verdict(const std::string& url, const marline::Result<marline::Response>& got) {
    if (!got.ok()) {
        return url + " Bad: " + got.failure().message() + '\n';
    }
    return url + (got.value().code() == 200 ? " OK\n" : " Bad\n");
}

/// Asks one site, and gives the line about it.
inline marline::Deferred<std::string> fetch(marline::Reactor& reactor, const std::string& url) {
    return marline::RedirectAgent{marline::Agent{reactor}}
        .request("GET", url)
        .addBoth(
            [url](const marline::Result<marline::Response>& got) { return verdict(url, got); });
}

/// The same for code that waits, as urllib2.urlopen() does: a reactor of its own, in any thread.
inline std::string fetchAndWait(const std::string& url) {
    marline::Reactor reactor;
    internet::join(reactor);
    std::string line;
    reactor.callWhenRunning([&] {
        fetch(reactor, url).addCallback([&](const std::string& said) {
            line = said;
            reactor.stop();
        });
    });
    reactor.run();
    return line;
}

}  // namespace strategies
