#include <marline/reactor/endpoint_fields.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace marline {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

EndpointFields::EndpointFields(std::string_view description) : description_(description) {
    std::optional<std::string> name;
    std::string text;
    bool first = true;
    const auto endField = [&] {
        if (first) {
            kind_ = text;
            first = false;
        } else if (!name) {
            unnamed_.push_back(text);
        } else if (std::any_of(named_.begin(), named_.end(),
                               [&](const Named& one) { return one.name == *name; })) {
            refuse("the field " + quoted(*name) + " is given twice");
        } else {
            named_.push_back({*name, text});
        }
        name.reset();
        text.clear();
    };
    for (std::size_t at = 0; at < description.size(); ++at) {
        const char c = description[at];
        if (c == ':') {
            rest_ = first ? at + 1 : rest_;
            endField();
        } else if (c == '=' && !name && !first) {
            name = std::exchange(text, {});
        } else if (c != '\\') {
            text += c;
        } else if (++at < description.size()) {
            text += description[at];
        } else {
            refuse("it ends in a backslash, which has nothing to take the meaning of");
        }
    }
    rest_ = first ? description.size() : rest_;
    endField();
    if (kind_.empty()) {
        refuse("it does not begin with a kind, such as 'tcp:'");
    }
}

std::optional<std::string> EndpointFields::take(std::string_view name) {
    const auto named = std::find_if(named_.begin(), named_.end(),
                                    [&](const Named& one) { return one.name == name; });
    if (named != named_.end()) {
        named->taken = true;
        return named->value;
    }
    if (nextUnnamed_ < unnamed_.size()) {
        return unnamed_[nextUnnamed_++];
    }
    return std::nullopt;
}

std::string EndpointFields::need(std::string_view name) {
    std::optional<std::string> value = take(name);
    if (!value || value->empty()) {
        refuse("the field " + quoted(name) + (value ? " is empty" : " is missing"));
    }
    return std::move(*value);
}

std::uint16_t EndpointFields::needPort(std::string_view name) {
    const std::string text = need(name);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) {
        refuse("the field " + quoted(name) + " is " + quoted(text) +
               ", which is no port from 0 to 65535");
    }
    return port;
}

std::uint32_t EndpointFields::takeNumber(std::string_view name, std::uint32_t otherwise,
                                         std::uint32_t least, std::uint32_t most) {
    const std::optional<std::string> text = take(name);
    if (!text) {
        return otherwise;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size() || number < least ||
        number > most) {
        refuse("the field " + quoted(name) + " is " + quoted(*text) + ", which is no number from " +
               std::to_string(least) + " to " + std::to_string(most));
    }
    return number;
}

Duration EndpointFields::takeSeconds(std::string_view name, Duration otherwise) {
    const std::uint32_t given = takeNumber(name, 0, 1);
    return given == 0 ? otherwise : std::chrono::seconds(given);
}

bool EndpointFields::takeFlag(std::string_view name, bool otherwise) {
    const std::optional<std::string> text = take(name);
    if (!text) {
        return otherwise;
    }
    const bool yes = *text == "yes" || *text == "1";
    if (!yes && *text != "no" && *text != "0") {
        refuse("the field " + quoted(name) + " is " + quoted(*text) + ", not 'yes' or 'no'");
    }
    return yes;
}

std::string EndpointFields::takeRest() {
    nextUnnamed_ = unnamed_.size();
    for (Named& one : named_) {
        one.taken = true;
    }
    return description_.substr(rest_);
}

void EndpointFields::finish() const {
    for (const Named& one : named_) {
        if (!one.taken) {
            refuse("there is no field " + quoted(one.name) + " for " + quoted(kind_) + " here");
        }
    }
    if (nextUnnamed_ < unnamed_.size()) {
        refuse("there is no field for " + quoted(unnamed_[nextUnnamed_]));
    }
}

void EndpointFields::refuse(const std::string& reason) const {
    throw EndpointStringError("the endpoint \"" + description_ + "\" makes no sense: " + reason);
}

std::string quoteStringArgument(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == ':' || c == '=') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

}  // namespace marline
