// A request as browsers send them.
#pragma once

#include <string_view>

namespace marline::bench {

inline constexpr std::string_view kBrowserRequest =
    "GET /articles/2026/11/light-ropes?utm_source=feed&utm_medium=rss&page=2 HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://www.example.org/articles/2026/11/\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0f3d2c1b9a8e7f6d5c4b3a29181706f5; theme=dark; consent=analytics:0,ads:0; "
    "_id=GA1.2.1234567890.1700000000\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "If-None-Match: \"6553f1c2-1a2b\"\r\n"
    "\r\n";

}  // namespace marline::bench
