#include <marline/protocols/http/site.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <marline/protocols/http/detail/http_channel.hpp>

namespace marline::http {

Ref<IProtocol> Site::buildProtocol(const Address&) {
    return makeRef<HttpChannel>(Ref<Site>(this));
}

Ref<Resource> Site::getResourceFor(Request& request) const {
    Ref<Resource> resource = root_;
    const std::vector<std::string>& segments = request.segments();
    const bool root = segments.size() == 1 && segments[0].empty();
    if (root) {
        return resource;
    }
    for (const std::string& segment : segments) {
        if (!resource || resource->isLeaf()) {
            break;
        }
        resource = resource->getChild(segment, request);
    }
    return resource;
}

std::string_view Site::date() {
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.seconds()).count();
    if (now != dateSecond_) {
        dateSecond_ = now;
        constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const std::time_t wall = std::time(nullptr);
        std::tm utc{};
        gmtime_r(&wall, &utc);
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                      kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                      utc.tm_hour, utc.tm_min, utc.tm_sec);
        date_ = text.data();
    }
    return date_;
}

}  // namespace marline::http
