// A web site for the guide's snippets to fetch from.
#pragma once

#include <string>

#include <marline/marline.hpp>

namespace marline::test {

/// A reactor with a site on it that answers each path with "Hello, PATH".
class HelloSite {
public:
    Reactor reactor;

    /// The URL of a page.
    std::string operator/(const std::string& page) const {
        return "http://127.0.0.1:" + std::to_string(port_->getHost().port) + "/" + page;
    }

private:
    class Hello : public http::Resource {
        bool isLeaf() const noexcept override { return true; }
        http::Rendered renderGet(http::Request& request) override {
            return "Hello, " + request.segments()[0];
        }
    };

    Ref<IListeningPort> port_ = reactor.listenTcp(0, makeRef<http::Site>(reactor, makeRef<Hello>()),
                                                  {.interface = "127.0.0.1"});
};

}  // namespace marline::test
