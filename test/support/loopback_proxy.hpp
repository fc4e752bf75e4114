// An HTTP proxy for tests: CONNECT, absolute form, and what it was asked.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::testing {

/// What a LoopbackProxy knows and was asked.
struct ProxyRecord {
    /// Where the names that it knows are; the others get 502.
    std::map<std::string, Address> names;
    /// The heads that came.
    std::vector<std::string> heads;
    /// Connections that came.
    int connections = 0;
};

/// The proxy's connection to an origin, whose bytes go to the client.
class ProxyFarEnd final : public Protocol {
public:
    explicit ProxyFarEnd(ITransport& client) : client_(&client) {}

    void dataReceived(std::span<const std::byte> data) override {
        if (client_ != nullptr) {
            client_->write(data);
        }
    }
    void connectionLost(const Failure& reason) override {
        if (client_ != nullptr) {
            client_->loseConnection();
        }
        Protocol::connectionLost(reason);
    }
    void clientGone() {
        client_ = nullptr;
        transport()->loseConnection();
    }

private:
    ITransport* client_;
};

/// One client of the proxy. What is asked in absolute form goes to the origin as it is, whose
/// connection then stays this client's.
class LoopbackProxy final : public Protocol {
public:
    LoopbackProxy(Reactor& reactor, std::shared_ptr<ProxyRecord> record)
        : reactor_(reactor), record_(std::move(record)) {
        ++record_->connections;
    }

    void dataReceived(std::span<const std::byte> data) override {
        if (tunnel_) {
            far_->transport()->write(data);
            return;
        }
        head_ += asText(data);
        if (head_.ends_with("\r\n\r\n")) {
            asked(std::exchange(head_, {}));
        }
    }
    void connectionLost(const Failure& reason) override {
        if (far_ && far_->transport() != nullptr) {
            far_->clientGone();
        }
        Protocol::connectionLost(reason);
    }

private:
    void asked(const std::string& head) {
        record_->heads.push_back(head);
        const std::string target = head.substr(head.find(' ') + 1);
        const bool tunnel = head.starts_with("CONNECT ");
        std::string host = tunnel ? target : target.substr(target.find("//") + 2);
        host = host.substr(0, host.find_first_of(":/ "));
        const auto known = record_->names.find(host);
        if (known == record_->names.end()) {
            transport()->write("HTTP/1.1 502 Unknown\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        const auto forward = [self = Ref<LoopbackProxy>(this), head, tunnel] {
            self->tunnel_ = tunnel;
            if (tunnel) {
                self->transport()->write("HTTP/1.1 200 Connected\r\n\r\n");
            } else {
                self->far_->transport()->write(head);
            }
        };
        if (far_) {
            forward();
            return;
        }
        far_ = makeRef<ProxyFarEnd>(*transport());
        auto built = factoryOf([far = far_](const Address&) -> Ref<IProtocol> { return far; });
        reactor_.connectTcp(known->second, built).addCallback([forward](const Ref<IProtocol>&) {
            forward();
        });
    }

    Reactor& reactor_;
    std::shared_ptr<ProxyRecord> record_;
    Ref<ProxyFarEnd> far_;
    std::string head_;
    bool tunnel_ = false;
};

}  // namespace marline::testing
