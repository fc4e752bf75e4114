#include <marline/protocols/smtp/smtp_factory.hpp>

#include <stdexcept>
#include <utility>

#include <marline/protocols/smtp/detail/smtp_server.hpp>

namespace marline::smtp {

SmtpFactory::SmtpFactory(IReactorTime& clock, Ref<IMessageDelivery> delivery, SmtpOptions options)
    : clock_(clock) {
    if (!delivery || options.host.empty()) {
        throw std::invalid_argument("SmtpFactory: the delivery or SmtpOptions::host is missing");
    }
    if (options.requireTls && !options.tls) {
        throw std::invalid_argument("SmtpFactory: SmtpOptions::requireTls without tls");
    }
    if (options.requireAuth && !options.checkCredentials) {
        throw std::invalid_argument(
            "SmtpFactory: SmtpOptions::requireAuth without checkCredentials");
    }
    service_ = makeRef<detail::SmtpService>(std::move(delivery), std::move(options));
}

SmtpFactory::~SmtpFactory() = default;

Ref<IProtocol> SmtpFactory::buildProtocol(const Address&) {
    return makeRef<detail::SmtpServer>(clock_, service_);
}

}  // namespace marline::smtp
