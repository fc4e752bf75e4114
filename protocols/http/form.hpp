// Form: the fields and files of a form that was sent as multipart/form-data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/http/args.hpp>
#include <marline/protocols/http/body_sink.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::http {

class Request;

/// How much of a form is taken. Crossing one is a 413 that names it, unless said otherwise.
struct FormLimits {
    std::uint64_t body = std::uint64_t{1} << 30;       ///< Bytes in all.
    std::uint64_t file = std::uint64_t{1} << 30;       ///< Bytes of one file.
    std::size_t fields = 1000;                         ///< Fields and files, or values of a query.
    std::size_t fieldBytes = std::size_t{1} << 20;     ///< Bytes of all fields together.
    std::size_t partHead = std::size_t{8} << 10;       ///< Bytes of one part's head; else 431.
    std::size_t fileInMemory = std::size_t{64} << 10;  ///< A file beyond this goes to the disk.
    std::string folder = {};  ///< Where to; empty: the system's folder for temporary files.
};

/// A file of a form, in memory or in an unnamed temporary file, which goes with it.
class MARLINE_API FormFile {
public:
    /// The field's name.
    const std::string& name() const noexcept { return name_; }
    /// What the client calls the file, without the folders that some tell. Never a path to use as
    /// it is: it may still be anything, also `..`.
    const std::string& filename() const noexcept { return filename_; }
    /// As the client says; `text/plain` when it says nothing.
    const std::string& contentType() const noexcept { return contentType_; }
    const Headers& headers() const noexcept { return headers_; }
    std::uint64_t size() const noexcept { return size_; }
    /// True when it lies in a temporary file.
    bool onDisk() const noexcept { return static_cast<bool>(fd_); }
    /// The whole content. Throws std::system_error when it cannot be read.
    std::string content() const;
    /// Copies the content to a new file, or throws std::system_error, also when there is one
    /// already. Blocks while the disk works.
    void saveAs(const std::string& path) const;

private:
    friend class Form;

    std::string name_;
    std::string filename_;
    std::string contentType_;
    Headers headers_;
    std::string memory_;
    UniqueFd fd_;
    std::uint64_t size_ = 0;
};

/// The fields and files of a form. As a BodySink it puts large files on the disk while they come:
///
///     Ref<http::BodySink> bodySink(http::Request& request) override {
///         return http::Form::sinkFor(request, {.file = 100 << 20});
///     }
///     http::Rendered renderPost(http::Request& request) override {
///         for (const http::FormFile& file : request.form().files()) …
///     }
///
/// Without that, Request::form() reads it from Request::content(), up to SiteOptions::maxBody.
class MARLINE_API Form final : public BodySink {
public:
    /// A form that is to read a body of this Content-Type. Throws HttpError(415) when that is not
    /// multipart/form-data, and HttpError(400) without a boundary.
    Form(std::string_view contentType, FormLimits limits);
    /// The sink for the request's body if that is such a form, else an empty Ref, so that the body
    /// goes to Request::content().
    static Ref<BodySink> sinkFor(Request& request, FormLimits limits = {});
    /// True for `multipart/form-data`, whatever its parameters.
    static bool isForm(std::string_view contentType) noexcept;

    /// In the order they came.
    const Args& fields() const noexcept { return fields_; }
    const std::vector<FormFile>& files() const noexcept { return files_; }
    /// The first file of that field; null without one.
    const FormFile* file(std::string_view name) const noexcept;

    std::uint64_t maxBody() const noexcept override { return limits_.body; }
    void write(std::string_view piece) override;
    void finish() override;

private:
    class Parts;

    ~Form() override;

    FormLimits limits_;
    Args fields_;
    std::vector<FormFile> files_;
    std::unique_ptr<Parts> parts_;
};

}  // namespace marline::http
