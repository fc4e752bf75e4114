#include <marline/protocols/smtp/send_mail.hpp>

#include <algorithm>
#include <stdexcept>

#include <marline/protocols/protocol.hpp>
#include <marline/protocols/smtp/detail/command.hpp>
#include <marline/protocols/smtp/detail/smtp_client.hpp>

namespace marline::smtp {

std::size_t SmtpSent::accepted() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(answers, &RecipientAnswer::accepted));
}

Deferred<SmtpSent> sendMail(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                            std::string_view from, const std::vector<std::string>& to,
                            std::string_view message, SendMailOptions options) {
    if (!detail::isHelo(options.helo)) {
        throw std::invalid_argument("sendMail: SendMailOptions::helo is no host name");
    }
    if (options.tls != SmtpTls::None && options.host.empty()) {
        throw std::invalid_argument(
            "sendMail: TLS needs SendMailOptions::host, the name in the server's certificate");
    }
    const auto& who = options.credentials;
    if (who && (who->user + who->password).find('\0') != std::string::npos) {
        throw std::invalid_argument("sendMail: credentials hold no NUL");
    }
    auto client = makeRef<detail::SmtpClient>(clock, detail::makeMailObject(from, to, message),
                                              std::move(options));
    return endpoint.connect(factoryOf([client](const Address&) { return client; }))
        .addCallback([client](const Ref<IProtocol>&) { return client->sent(); });
}

}  // namespace marline::smtp
