// What tests of files with certificates and keys need.
#pragma once

#include <string>

#include <support/temp_folder.hpp>

namespace marline::testing {

/// What `call` throws says, when it is an E; else "no exception".
template <class E, class Call>
std::string thrownBy(Call&& call) {
    try {
        call();
    } catch (const E& error) {
        return error.what();
    }
    return "no exception";
}

}  // namespace marline::testing
