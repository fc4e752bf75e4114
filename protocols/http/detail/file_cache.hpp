// Internal: not installed. Small files, and what they are encoded to, in memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/detail/file_version.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http::detail {

/// Bytes that are kept, and that who sends them keeps as long.
class KeptBytes final : public RefCounted {
public:
    explicit KeptBytes(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view view() const noexcept { return bytes_; }

private:
    ~KeptBytes() override = default;

    std::string bytes_;
};

/// One way to send a file's content.
struct FileForm {
    std::string coding;   // empty: as it is
    int effort = 0;       // of the encoder; 0 when it was read from a file
    FileVersion version;  // of the file that was read
    Ref<KeptBytes> bytes;
};

/// The forms of files by their paths, of which those go that were not asked for the longest when
/// they are too many bytes. Knows nothing of the disk: who asks says which version is there.
class FileCache {
public:
    /// A file, and its forms.
    struct Entry {
        std::string path;
        FileVersion version;
        std::string type;
        std::vector<FileForm> forms;
        std::size_t cost = 0;

        /// Null when there is none.
        const FileForm* find(std::string_view coding, int effort) const noexcept;
    };

    /// Keeps at most `maxBytes`, of files that did not change for `settled` when they were read.
    FileCache(std::size_t maxBytes, Duration settled) : maxBytes_(maxBytes), settled_(settled) {}

    /// Whether a file with that version, read at `now`, which is since the epoch, may be kept: one
    /// that changed a moment ago may change again, and its version be the same.
    bool mayKeep(const FileVersion& version, std::chrono::nanoseconds now) const noexcept;
    /// What is kept of the file, and is the first now; null when nothing is. Valid until the next
    /// keep() or drop().
    const Entry* find(std::string_view path);
    /// Keeps a form of the file with that path, type and version, unless it is more than all may
    /// be. Forgets those of other versions.
    void keep(std::string_view path, const FileVersion& version, std::string_view type,
              FileForm form);
    /// Forgets the file, if it is known.
    void drop(std::string_view path);

    std::size_t bytes() const noexcept { return bytes_; }
    std::size_t files() const noexcept { return entries_.size(); }

    /// What an entry costs beside the bytes of its forms and twice its path.
    static constexpr std::size_t kEntryCost = 512;

private:
    using Entries = std::list<Entry>;

    void erase(Entries::iterator entry);

    Entries entries_;  // the one that was asked for last is the first
    std::unordered_map<std::string_view, Entries::iterator> byPath_;
    std::size_t bytes_ = 0;
    std::size_t maxBytes_;
    Duration settled_;
};

}  // namespace marline::http::detail
