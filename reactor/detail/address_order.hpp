// Internal: not installed. Which of a name's addresses to try first.
#pragma once

#include <vector>

#include <marline/reactor/address.hpp>

namespace marline::detail {

/// Puts the best address first, by RFC 6724 §6: those that there is a route to (rule 1), those of
/// higher precedence (rule 6, with the default table of §2.1), and else as they came (rule 10). Its
/// other rules compare with the source's address and matter to tunnels and local nets.
void orderAddresses(std::vector<Address>& addresses);

/// The precedence of the default policy table (§2.1) for a numeric address.
int precedence(const Address& address);

}  // namespace marline::detail
