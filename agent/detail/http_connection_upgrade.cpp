// How an HttpConnection becomes another protocol's.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/protocols/detail/text.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

/// Whether `chosen` is what `offer` stands for, both `NAME` or `NAME/VERSION` (RFC 9110 §7.8): the
/// name in either case, and the version unless the offer left it open.
bool offers(std::string_view offer, std::string_view chosen) noexcept {
    const std::size_t name = std::min(offer.find('/'), offer.size());
    if (name == offer.size()) {
        return sameWord(offer, chosen.substr(0, chosen.find('/')));
    }
    return sameWord(offer.substr(0, name), chosen.substr(0, name)) &&
           offer.substr(name) == chosen.substr(name);
}

/// What is wrong with a 101 to a request that offered `offered`; empty when it may stand. A server
/// may choose, and name several, one upon the other, but nothing that was not offered.
std::string wrongSwitch(const http::ResponseHead& head, const std::string& offered) {
    const http::Headers asked{{"Upgrade", offered}};
    const http::Headers answered(head.fields);
    const std::vector<std::string_view> offer = listedIn(asked, "Upgrade");
    const std::vector<std::string_view> chosen = listedIn(answered, "Upgrade");
    const auto isOffered = [&offer](std::string_view protocol) {
        return std::any_of(offer.begin(), offer.end(),
                           [protocol](std::string_view one) { return offers(one, protocol); });
    };
    const std::string request = ", and the request offered '" + printable(offered) + "'";
    if (chosen.empty() || head.upgrade.empty()) {
        return "101 Switching Protocols says not to which: no Upgrade field that Connection names" +
               request;
    }
    if (!std::all_of(chosen.begin(), chosen.end(), isOffered)) {
        return "101 Switching Protocols to '" + printable(listOf(answered, "Upgrade")) + "'" +
               request;
    }
    return {};
}

}  // namespace

/// A 101 to a request that offered it: what comes now is not HTTP, and waits for who reads it.
void HttpConnection::upgraded(std::span<const std::byte>& input) {
    dropTimer();
    // The server must take the whole request first (RFC 9110 §7.8).
    const std::string wrong = phase_ != Sending::Done
                                  ? "101 Switching Protocols before the request was sent"
                                  : wrongSwitch(parser_.head(), exchange_->traits.offeredUpgrade);
    if (!wrong.empty()) {
        responseFailed("bad response from " + peer(), {Failure::make<Error>(wrong)});
        return;
    }
    state_ = State::Upgraded;
    keepAlive_ = false;
    held_.assign(asText(std::exchange(input, {})));
    transport_->pauseProducing();
    DeferredSource<Response> answer = std::move(*answer_);
    answer_.reset();
    answer.callback(makeResponse(parser_.head(), Ref<HttpConnection>(this)));
}

void HttpConnection::handOver(Ref<IProtocol> protocol, ITransport& gone) {
    const Ref<HttpConnection> alive(this);
    state_ = State::Closed;
    response_ = nullptr;
    exchange_.reset();
    const std::string held = std::exchange(held_, {});
    if (IConnectionOwner* owner = std::exchange(owner_, nullptr)) {
        owner->connectionClosed(*this);
    }
    ITransport* const connection = std::exchange(transport_, nullptr);
    const Ref<IProtocol> self =
        connection != nullptr ? connection->switchProtocol(protocol) : Ref<IProtocol>();
    protocol->makeConnection(connection != nullptr ? *connection : gone);
    if (!held.empty() && (connection == nullptr || !connection->disconnecting())) {
        protocol->dataReceived(asBytes(held));
    }
    if (connection != nullptr) {
        connection->resumeProducing();
    } else {
        protocol->connectionLost(*lost_);
    }
}

}  // namespace marline::detail
