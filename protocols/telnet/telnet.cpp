#include <marline/protocols/telnet/telnet.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::telnet {
namespace {

constexpr char kIac = '\xff';

std::byte byteOf(Command command) { return static_cast<std::byte>(command); }

bool isEnabled(const std::map<Option, detail::OptionSide>& sides, Option option) noexcept {
    const auto found = sides.find(option);
    return found != sides.end() && found->second.enabled();
}

}  // namespace

Deferred<> Telnet::willOption(Option option) { return ask(Whose::Local, option, true); }
Deferred<> Telnet::wontOption(Option option) { return ask(Whose::Local, option, false); }
Deferred<> Telnet::doOption(Option option) { return ask(Whose::Remote, option, true); }
Deferred<> Telnet::dontOption(Option option) { return ask(Whose::Remote, option, false); }

bool Telnet::localEnabled(Option option) const noexcept { return isEnabled(local_, option); }
bool Telnet::remoteEnabled(Option option) const noexcept { return isEnabled(remote_, option); }

Deferred<> Telnet::ask(Whose whose, Option option, bool enable) {
    if (lost_.has_value()) {
        return fail(*lost_);
    }
    detail::OptionSide::Step step;
    auto& side = (whose == Whose::Local ? local_ : remote_)[option];
    Deferred<> answer = side.ask(option, enable, step);
    if (step.say.has_value()) {
        say(whose, option, *step.say);
    }
    return answer;
}

void Telnet::hear(Whose whose, Option option, bool enabling) {
    auto& side = (whose == Whose::Local ? local_ : remote_)[option];
    detail::OptionSide::Step step = side.hear(enabling);
    if (step.proposed) {
        const bool accepted = enable(whose, option);
        step = side.decide(accepted);
    }
    const bool answers = step.say.has_value();
    carryOut(whose, option, std::move(step));
    if (answers && telnetUnsent() > kMaxUnsent) {
        throw ProtocolError("the telnet peer negotiates without reading the answers, of which " +
                            std::to_string(telnetUnsent()) + " bytes wait (telnet::kMaxUnsent)");
    }
}

void Telnet::carryOut(Whose whose, Option option, detail::OptionSide::Step step) {
    // First the answer: what a callback asks for stands behind it on the wire.
    if (step.say.has_value()) {
        say(whose, option, *step.say);
    }
    if (step.enabled.has_value()) {
        *step.enabled ? static_cast<void>(enable(whose, option)) : disable(whose, option);
    }
    if (step.asked.has_value()) {
        step.refused ? step.asked->errback(OptionRefused(option)) : step.asked->callback();
    }
    if (step.queued.has_value()) {
        step.queued->callback();
    }
}

bool Telnet::enable(Whose whose, Option option) {
    return whose == Whose::Local ? enableLocal(option) : enableRemote(option);
}

void Telnet::disable(Whose whose, Option option) {
    whose == Whose::Local ? disableLocal(option) : disableRemote(option);
}

void Telnet::say(Whose whose, Option option, bool enable) {
    const Command local = enable ? Command::Will : Command::Wont;
    const Command remote = enable ? Command::Do : Command::Dont;
    sendTelnet(std::array{byteOf(Command::Iac), byteOf(whose == Whose::Local ? local : remote),
                          static_cast<std::byte>(option)});
}

void Telnet::requestNegotiation(Option option, std::span<const std::byte> data) {
    std::string out{kIac, static_cast<char>(Command::Sb)};
    const auto append = [&out](char each) { out.append(each == kIac ? 2 : 1, each); };
    append(static_cast<char>(option));
    std::ranges::for_each(asText(data), append);
    out += {kIac, static_cast<char>(Command::Se)};
    sendTelnet(asBytes(out));
}

void Telnet::sendCommand(Command command) {
    const bool alone =
        command == Command::EndOfRecord || (command >= Command::Nop && command <= Command::GoAhead);
    if (!alone) {
        throw std::invalid_argument(
            "Telnet::sendCommand: command " + std::to_string(static_cast<unsigned>(command)) +
            " is none of its own; use willOption() and kin, or requestNegotiation()");
    }
    sendTelnet(std::array{byteOf(Command::Iac), byteOf(command)});
}

std::span<const std::byte> Telnet::encoded(std::span<const std::byte> data) {
    const std::string_view text = asText(data);
    const std::string_view special = localEnabled(Option::Binary) ? "\xff" : "\xff\r\n";
    if (text.find_first_of(special) == std::string_view::npos) {
        return data;
    }
    encoded_.clear();
    for (const char each : text) {
        if (special.find(each) == std::string_view::npos) {
            encoded_ += each;
        } else if (each == kIac) {
            encoded_.append(2, kIac);
        } else {
            encoded_ += '\r';
            encoded_ += each == '\n' ? '\n' : '\0';
        }
    }
    return asBytes(encoded_);
}

void Telnet::telnetReceived(std::span<const std::byte> data) {
    if (std::exchange(receiving_, true)) {
        throw std::logic_error("Telnet::telnetReceived: called from inside of what it calls");
    }
    try {
        receive(asText(data));
    } catch (...) {
        receiving_ = false;
        throw;
    }
    receiving_ = false;
}

void Telnet::receive(std::string_view rest) {
    while (!rest.empty() && !telnetStopped()) {
        if (state_ == State::Data) {
            const std::string_view special = remoteEnabled(Option::Binary) ? "\xff" : "\xff\r";
            const std::string_view plain = rest.substr(0, rest.find_first_of(special));
            rest.remove_prefix(plain.size());
            if (rest.empty() && data_.empty()) {
                applicationDataReceived(asBytes(plain));
                return;
            }
            data_ += plain;
        }
        if (!rest.empty()) {
            const auto byte = static_cast<std::uint8_t>(rest.front());
            rest.remove_prefix(1);
            take(byte);
        }
    }
    giveData();
}

void Telnet::take(std::uint8_t byte) {
    switch (state_) {
    case State::Data:
        state_ = byte == static_cast<std::uint8_t>(Command::Iac) ? State::Escaped : State::Newline;
        return;
    case State::Newline: return takeNewline(byte);
    case State::Escaped: return takeEscaped(byte);
    case State::Command: return takeCommand(byte);
    case State::Subnegotiation: return takeSubnegotiation(byte);
    case State::SubnegotiationEscaped: return takeSubnegotiationEscaped(byte);
    }
}

void Telnet::takeNewline(std::uint8_t byte) {
    if (byte == '\n') {
        data_ += '\n';
        state_ = State::Data;
        return;
    }
    data_ += '\r';
    if (byte == '\r') {
        return;
    }
    state_ = byte == static_cast<std::uint8_t>(Command::Iac) ? State::Escaped : State::Data;
    if (state_ == State::Data && byte != 0) {
        data_ += static_cast<char>(byte);
    }
}

void Telnet::takeEscaped(std::uint8_t byte) {
    state_ = State::Data;
    switch (const auto command = static_cast<Command>(byte)) {
    case Command::Iac: data_ += kIac; return;
    case Command::Sb:
        subnegotiation_.clear();
        state_ = State::Subnegotiation;
        return;
    case Command::Will:
    case Command::Wont:
    case Command::Do:
    case Command::Dont:
        command_ = command;
        state_ = State::Command;
        return;
    default:
        // RFC 854 has nothing for what it does not know; an SE here ends nothing.
        if (command == Command::EndOfRecord || command > Command::Se) {
            giveData();
            if (!telnetStopped()) {
                commandReceived(command);
            }
        }
    }
}

void Telnet::takeCommand(std::uint8_t byte) {
    state_ = State::Data;
    giveData();
    if (!telnetStopped()) {
        const bool local = command_ == Command::Do || command_ == Command::Dont;
        const bool enabling = command_ == Command::Do || command_ == Command::Will;
        hear(local ? Whose::Local : Whose::Remote, static_cast<Option>(byte), enabling);
    }
}

void Telnet::takeSubnegotiation(std::uint8_t byte) {
    if (byte == static_cast<std::uint8_t>(Command::Iac)) {
        state_ = State::SubnegotiationEscaped;
    } else {
        keepSubnegotiated(byte);
    }
}

void Telnet::takeSubnegotiationEscaped(std::uint8_t byte) {
    if (byte == static_cast<std::uint8_t>(Command::Iac)) {
        state_ = State::Subnegotiation;
        keepSubnegotiated(byte);
        return;
    }
    if (byte != static_cast<std::uint8_t>(Command::Se)) {
        takeEscaped(byte);  // what was begun has no end: the next command is what counts
        return;
    }
    state_ = State::Data;
    giveData();
    if (!subnegotiation_.empty() && !telnetStopped()) {
        const std::span<const std::byte> data = asBytes(subnegotiation_);
        subnegotiationReceived(static_cast<Option>(data.front()), data.subspan(1));
    }
}

void Telnet::keepSubnegotiated(std::uint8_t byte) {
    if (subnegotiation_.size() > maxSubnegotiation_) {
        giveData();  // what came before came, whatever the reads were
        throw ProtocolError("the telnet peer sent a subnegotiation of more than " +
                            std::to_string(maxSubnegotiation_) +
                            " bytes (Telnet::setMaxSubnegotiation)");
    }
    subnegotiation_ += static_cast<char>(byte);
}

void Telnet::giveData() {
    if (!data_.empty() && !telnetStopped()) {
        applicationDataReceived(asBytes(data_));
    }
    data_.clear();
}

void Telnet::telnetLost(const Failure& reason) {
    lost_ = reason;
    for (Sides* sides : {&local_, &remote_}) {
        for (auto& [option, side] : *sides) {
            side.lose(reason);
        }
    }
}

}  // namespace marline::telnet
