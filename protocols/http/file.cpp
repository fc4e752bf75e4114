#include <marline/protocols/http/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include <marline/protocols/http/detail/accept.hpp>
#include <marline/protocols/http/detail/beneath.hpp>
#include <marline/protocols/http/detail/directory_page.hpp>
#include <marline/protocols/http/detail/file_cache.hpp>
#include <marline/protocols/http/detail/served_file.hpp>
#include <marline/protocols/http/pages.hpp>
#include <marline/protocols/http/site.hpp>
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

/// A file that was compressed before the other one changed is not of that.
bool isOlder(const detail::FileVersion& sibling, const detail::FileVersion& version) noexcept {
    return sibling.changed < version.changed;
}

/// The coding of the sibling that the client wants most, among those for which `look` is true.
template <class Look>
std::string_view firstSibling(const Request& request, Look look) {
    const std::string_view accepted = request.getHeader("Accept-Encoding").value_or("");
    std::array<std::string_view, kPrecompressed.size()> left;
    std::transform(kPrecompressed.begin(), kPrecompressed.end(), left.begin(),
                   [](const Precompressed& each) { return each.coding; });
    for (;;) {
        const std::string_view best = detail::preferred(accepted, left);
        if (best.empty()) {
            return best;
        }
        const auto at =
            static_cast<std::size_t>(std::find(left.begin(), left.end(), best) - left.begin());
        if (look(kPrecompressed[at])) {
            return best;
        }
        left[at] = {};
    }
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
    FileCacheCounts counts() const noexcept {
        FileCacheCounts counts = counts_;
        counts.files = cache_.files();
        counts.bytes = cache_.bytes();
        return counts;
    }

private:
    ~Below() override = default;

    Rendered serve(Request& request, std::span<const std::string> segments, std::string& path);
    UniqueFd open(const std::string& path) const;
    int lookAt(const std::string& path, struct stat& info) const noexcept;
    std::optional<Rendered> serveKept(Request& request, std::string& path);
    std::optional<Rendered> serveKeptIndex(Request& request, std::string& path);
    bool findKept(const Request& request, const detail::FileCache::Entry& entry, std::string& path,
                  detail::FileHead& head, detail::OpenFile& file) const;
    Rendered serveFolder(Request& request, detail::OpenFile folder, std::string& path);
    Rendered serveRegular(Request& request, detail::OpenFile file, std::string& path);
    detail::FileHead headOf(std::string_view type) const;
    std::string typeOf(std::string_view path) const;

    std::string path_;
    FileOptions options_;
    UniqueFd root_;  // of a folder
    detail::FileCache cache_;
    FileCacheCounts counts_;
};

File::Below::Below(std::string path, FileOptions options)
    : path_(std::move(path)), options_(std::move(options)),
      cache_(options_.maxCachedFile > 0 ? options_.cacheBytes : 0, options_.cacheAfter) {
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

/// Looks at what the path names now, wherever its links lead. Gives 0 or the error.
///
/// That is safe only because nothing is told of it but whether it is the file that was opened
/// before, by the same path and beneath the root.
int File::Below::lookAt(const std::string& path, struct stat& info) const noexcept {
    const int folder = root_ ? root_.get() : AT_FDCWD;
    return ::fstatat(folder, path.c_str(), &info, AT_NO_AUTOMOUNT) == 0 ? 0 : errno;
}

Rendered File::Below::serve(Request& request, std::size_t from) {
    const std::span<const std::string> segments = std::span(request.segments()).subspan(from);
    Site& site = request.site();
    std::string path = site.takeBuffer();
    Rendered rendered = serve(request, segments, path);
    site.giveBuffer(std::move(path));
    return rendered;
}

Rendered File::Below::serve(Request& request, std::span<const std::string> segments,
                            std::string& path) {
    if (!root_ && !segments.empty() && request.path() != "/") {
        return HttpError(kNotFound, "there is nothing here");
    }
    const bool slash = !segments.empty() && segments.back().empty();
    if (slash) {
        segments = segments.first(segments.size() - 1);
    }
    if (!detail::joinSegments(segments, options_.hidden, path)) {
        return HttpError(kNotFound, "there is nothing here");
    }
    if (!root_) {
        path = path_;
    }
    if (auto rendered = slash && root_ ? serveKeptIndex(request, path) : serveKept(request, path)) {
        return *std::move(rendered);
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
    return serveRegular(request, std::move(file), path);
}

/// Answers without opening a file; none when it has to be opened.
std::optional<Rendered> File::Below::serveKept(Request& request, std::string& path) {
    const detail::FileCache::Entry* entry = cache_.find(path);
    if (entry == nullptr || request.getHeader("Range")) {
        return std::nullopt;
    }
    struct stat info{};
    if (lookAt(path, info) != 0 || detail::FileVersion::of(info) != entry->version) {
        cache_.drop(path);
        return std::nullopt;
    }
    detail::FileHead head = headOf(entry->type);
    detail::OpenFile file;
    if (!findKept(request, *entry, path, head, file)) {
        return std::nullopt;
    }
    ++counts_.hits;
    return detail::serveFile(request, std::move(file), head);
}

/// The same for the first index of a folder that is there.
std::optional<Rendered> File::Below::serveKeptIndex(Request& request, std::string& path) {
    if (cache_.files() == 0) {
        return std::nullopt;
    }
    const std::size_t length = path.size();
    for (const std::string& name : options_.indexNames) {
        path.append(length == 0 ? "" : "/").append(name);
        std::optional<Rendered> rendered = serveKept(request, path);
        struct stat info{};
        const bool next = !rendered && lookAt(path, info) == ENOENT;
        path.resize(length);
        if (!next) {
            return rendered;
        }
    }
    return std::nullopt;
}

/// Finds what is to be sent of a file that is still the same; false when it is not kept.
bool File::Below::findKept(const Request& request, const detail::FileCache::Entry& entry,
                           std::string& path, detail::FileHead& head,
                           detail::OpenFile& file) const {
    detail::FileVersion sibling;
    if (options_.precompressed) {
        const std::size_t length = path.size();
        head.encoding = firstSibling(request, [&](const Precompressed& each) {
            struct stat info{};
            const int error = lookAt(path.append(each.extension), info);
            path.resize(length);
            sibling = detail::FileVersion::of(info);
            return error == 0 ? S_ISREG(info.st_mode) && !isOlder(sibling, entry.version)
                              : error != ENOENT;
        });
    }
    if (!head.encoding.empty()) {
        const detail::FileForm* form = entry.find(head.encoding, 0);
        if (form == nullptr || form->version != sibling) {
            return false;
        }
        file.version = sibling;
        file.kept = form->bytes;
        return true;
    }
    file.version = entry.version;
    if (request.method() == "HEAD") {
        return true;
    }
    const auto coding = detail::codingOf(request, head, entry.version.size);
    file.coding = coding ? coding->name : "";
    const detail::FileForm* form = entry.find(file.coding, coding ? coding->effort : 0);
    file.kept = form != nullptr ? form->bytes : Ref<detail::KeptBytes>();
    return form != nullptr;
}

Rendered File::Below::serveFolder(Request& request, detail::OpenFile folder, std::string& path) {
    const std::size_t length = path.size();
    for (const std::string& name : options_.indexNames) {
        path.append(length == 0 ? "" : "/").append(name);
        UniqueFd fd = open(path);
        if (!fd && errno != ENOENT) {
            return refusalOf(errno);
        }
        if (fd) {
            detail::OpenFile file = detail::openFile(std::move(fd));
            if (file.regular) {
                return serveRegular(request, std::move(file), path);
            }
        }
        path.resize(length);
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

Rendered File::Below::serveRegular(Request& request, detail::OpenFile file, std::string& path) {
    ++counts_.misses;
    const detail::FileVersion version = file.version;
    const std::string type = typeOf(path);
    detail::FileHead head = headOf(type);
    if (options_.precompressed) {
        const std::size_t length = path.size();
        head.encoding = firstSibling(request, [&](const Precompressed& each) {
            UniqueFd fd = open(path.append(each.extension));
            path.resize(length);
            detail::OpenFile sibling = fd ? detail::openFile(std::move(fd)) : detail::OpenFile();
            const bool there = sibling.regular && !isOlder(sibling.version, version);
            if (there) {
                file = std::move(sibling);
            }
            return there;
        });
    }
    const detail::FileKeeping keeping{cache_, path, version, options_.maxCachedFile};
    return detail::serveFile(request, std::move(file), head, &keeping);
}

detail::FileHead File::Below::headOf(std::string_view type) const {
    return {.type = type,
            .cacheControl = options_.cacheControl,
            .varies = options_.precompressed,
            .maxRanges = options_.maxRanges};
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

FileCacheCounts File::cacheCounts() const noexcept { return below_->counts(); }

Rendered File::renderGet(Request& request) {
    return below_->serve(request, request.segments().size());
}

}  // namespace marline::http
