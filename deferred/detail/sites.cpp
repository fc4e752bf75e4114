#include <marline/deferred/detail/sites.hpp>

namespace marline::detail {
namespace {

/// The function of a site, readable. Of a coroutine GCC gives the name it has for the body, such as
/// `void fetch(fetch(Uri)::_Z5fetch3Uri.Frame*)`: what stands before the `::_Z` is the function.
std::string functionName(const std::source_location& site) {
    std::string name = site.function_name();
    const std::size_t end = name.rfind("::_Z");
    if (!name.ends_with(".Frame*)") || end == std::string::npos) {
        return name;
    }
    std::size_t begin = name.size() - 1;
    for (int depth = 1; depth > 0 && begin > 0;) {
        --begin;
        depth += name[begin] == ')' ? 1 : name[begin] == '(' ? -1 : 0;
    }
    return name.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::string fileAndLine(const std::source_location& site) {
    return std::string(site.file_name()) + ":" + std::to_string(site.line());
}

std::string describeSite(const std::source_location& site) {
    return fileAndLine(site) + " (" + functionName(site) + ")";
}

}  // namespace marline::detail
