// MimeTypes: the media type of a file, by its name.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::http {

/// Media types by extension (Twisted: `contentTypes`). Begins with those of the web's own files.
class MARLINE_API MimeTypes {
public:
    MimeTypes();

    /// The type of a file with that name; empty when nobody knows. Extensions match in either case.
    std::string_view typeOf(std::string_view filename) const;
    /// Sets the type of an extension, given without its dot.
    void set(std::string_view extension, std::string type);
    /// Adds what a file like /etc/mime.types says (Twisted: `loadMimeTypes`), without changing
    /// what is known. Throws std::system_error when it cannot be read.
    void load(const std::string& path);

private:
    std::map<std::string, std::string, std::less<>> types_;
};

}  // namespace marline::http
