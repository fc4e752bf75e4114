#include <marline/protocols/http/detail/field_line.hpp>

namespace marline::http::detail {

ParseReason badNameReason(const char* line, const char* nameEnd) noexcept {
    if (nameEnd == line) {
        switch (*line) {
        case ':': return ParseReason::EmptyFieldName;
        case ' ':
        case '\t': return ParseReason::ObsoleteFold;
        case '\n': return ParseReason::BareLf;
        default: return ParseReason::BadFieldName;
        }
    }
    switch (*nameEnd) {
    case ' ':
    case '\t': return ParseReason::SpaceBeforeColon;
    case '\r': return ParseReason::MissingColon;
    case '\n': return ParseReason::BareLf;
    default: return ParseReason::BadFieldName;
    }
}

}  // namespace marline::http::detail
