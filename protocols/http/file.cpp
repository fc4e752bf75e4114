#include <marline/protocols/http/file.hpp>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>

#include <marline/protocols/http/detail/accept.hpp>
#include <marline/protocols/http/detail/beneath.hpp>
#include <marline/protocols/http/detail/directory_page.hpp>
#include <marline/protocols/http/detail/served_file.hpp>
#include <marline/protocols/http/pages.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

struct Precompressed {
    std::string_view coding;
    std::string_view extension;
};

constexpr std::array<Precompressed, 3> kPrecompressed{
    {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}};

/// What a file that cannot be opened is to a client. Throws what only the server's owner can mend.
HttpError refusalOf(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:
    case ENXIO: return {kNotFound, "there is nothing here"};
    case EACCES:
    case EPERM: return {kForbidden, "this is not for you"};
    default: throw std::system_error(error, std::system_category(), "open a file");
    }
}

const std::shared_ptr<const MimeTypes>& defaultTypes() {
    static const auto types = std::make_shared<const MimeTypes>();
    return types;
}

/// The request's path with a slash at its end, and one only at its beginning: two would be a host.
std::string withSlash(Request& request) {
    std::string_view path = request.path();
    while (path.starts_with("//")) {
        path.remove_prefix(1);
    }
    std::string url = std::string(path) + "/";
    return request.query().empty() ? url : url.append("?").append(request.query());
}

}  // namespace

/// Answers for all that is in the folder.
class File::Below final : public Resource {
public:
    Below(std::string path, FileOptions options);

    bool isLeaf() const noexcept override { return true; }
    Rendered renderGet(Request& request) override {
        return serve(request, request.segments().size() - request.postpath().size() - 1);
    }

    /// Serves what the segments from `from` on lead to.
    Rendered serve(Request& request, std::size_t from);

private:
    ~Below() override = default;

    UniqueFd open(const std::string& path) const;
    Rendered serveFolder(Request& request, detail::OpenFile folder, const std::string& path);
    Rendered serveRegular(Request& request, detail::OpenFile file, const std::string& path);
    std::string_view encodedSibling(Request& request, detail::OpenFile& file,
                                    const std::string& path) const;
    std::string typeOf(std::string_view path) const;

    std::string path_;
    FileOptions options_;
    UniqueFd root_;  // of a folder
};

File::Below::Below(std::string path, FileOptions options)
    : path_(std::move(path)), options_(std::move(options)) {
    root_ = UniqueFd(::open(path_.c_str(), O_PATH | O_CLOEXEC));
    if (!root_) {
        throw std::system_error(errno, std::system_category(), "serve " + path_);
    }
    if (!detail::openFile(UniqueFd(::open(path_.c_str(), O_PATH | O_CLOEXEC))).folder) {
        root_.reset();
    }
    if (!options_.types) {
        options_.types = defaultTypes();
    }
}

UniqueFd File::Below::open(const std::string& path) const {
    if (!root_) {
        return UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    }
    return detail::openBeneath(root_.get(), path.empty() ? "." : path);
}

Rendered File::Below::serve(Request& request, std::size_t from) {
    std::span<const std::string> segments = std::span(request.segments()).subspan(from);
    if (!root_ && !segments.empty() && request.path() != "/") {
        return HttpError(kNotFound, "there is nothing here");
    }
    const bool slash = !segments.empty() && segments.back().empty();
    if (slash) {
        segments = segments.first(segments.size() - 1);
    }
    std::string path;
    if (!detail::joinSegments(segments, options_.hidden, path)) {
        return HttpError(kNotFound, "there is nothing here");
    }
    UniqueFd fd = open(path);
    if (!fd) {
        return refusalOf(errno);
    }
    detail::OpenFile file = detail::openFile(std::move(fd));
    if (file.folder) {
        if (!slash) {
            return redirectTo(withSlash(request), request, kMovedPermanently);
        }
        return serveFolder(request, std::move(file), path);
    }
    if ((slash && root_) || !file.regular) {
        return HttpError(kNotFound, "there is nothing here");
    }
    return serveRegular(request, std::move(file), root_ ? path : path_);
}

Rendered File::Below::serveFolder(Request& request, detail::OpenFile folder,
                                  const std::string& path) {
    for (const std::string& name : options_.indexNames) {
        const std::string index = path.empty() ? name : path + "/" + name;
        UniqueFd fd = open(index);
        if (!fd && errno != ENOENT) {
            return refusalOf(errno);
        }
        if (fd) {
            detail::OpenFile file = detail::openFile(std::move(fd));
            if (file.regular) {
                return serveRegular(request, std::move(file), index);
            }
        }
    }
    if (!options_.listing) {
        return HttpError(kForbidden, "this folder is not listed");
    }
    std::string shown;
    for (const std::string& segment : request.segments()) {
        shown.append("/").append(segment);
    }
    request.setHeader("Content-Type", "text/html; charset=utf-8");
    return detail::directoryPage(std::move(folder.fd), shown, options_.hidden, options_.maxListing);
}

Rendered File::Below::serveRegular(Request& request, detail::OpenFile file,
                                   const std::string& path) {
    detail::FileHead head{.type = typeOf(path),
                          .cacheControl = options_.cacheControl,
                          .varies = options_.precompressed,
                          .maxRanges = options_.maxRanges};
    if (options_.precompressed) {
        head.encoding = encodedSibling(request, file, path);
    }
    return detail::serveFile(request, std::move(file), head);
}

/// Puts the file that is compressed already in its place, if there is one that the client wants.
std::string_view File::Below::encodedSibling(Request& request, detail::OpenFile& file,
                                             const std::string& path) const {
    std::array<std::string_view, kPrecompressed.size()> there;
    std::array<detail::OpenFile, kPrecompressed.size()> files;
    const std::string_view accepted = request.getHeader("Accept-Encoding").value_or("");
    for (std::size_t i = 0; i < kPrecompressed.size(); ++i) {
        const auto& [coding, extension] = kPrecompressed[i];
        if (detail::qualityOf(accepted, coding) == 0) {
            continue;
        }
        if (UniqueFd fd = open(path + std::string(extension))) {
            files[i] = detail::openFile(std::move(fd));
            if (files[i].regular && files[i].changed >= file.changed) {
                there[i] = coding;
            }
        }
    }
    const std::string_view best = detail::preferred(accepted, there);
    for (std::size_t i = 0; i < kPrecompressed.size(); ++i) {
        if (!best.empty() && there[i] == best) {
            file = std::move(files[i]);
        }
    }
    return best;
}

std::string File::Below::typeOf(std::string_view path) const {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    std::string type(options_.types->typeOf(name));
    if (type.empty()) {
        return options_.defaultType;
    }
    if (!options_.charset.empty() && type.starts_with("text/")) {
        type.append("; charset=").append(options_.charset);
    }
    return type;
}

File::File(const std::string& path, FileOptions options)
    : below_(makeRef<Below>(path, std::move(options))) {}

File::~File() = default;

Ref<Resource> File::getChild(std::string_view name, Request& request) {
    Ref<Resource> child = Resource::getChild(name, request);
    return child ? child : Ref<Resource>(below_);
}

Rendered File::renderGet(Request& request) {
    return below_->serve(request, request.segments().size());
}

}  // namespace marline::http
