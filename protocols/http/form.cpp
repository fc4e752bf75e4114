#include <marline/protocols/http/form.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <marline/protocols/http/detail/multipart_parser.hpp>
#include <marline/protocols/http/detail/temporary_file.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

constexpr std::string_view kMultipart = "multipart/form-data";
constexpr std::size_t kCopied = 64 * 1024;

[[noreturn]] void tooLarge(const char* what) {
    throw HttpError(kContentTooLarge, std::string("the form has more than ") + what);
}

std::string_view withoutFolders(std::string_view filename) noexcept {
    const std::size_t slash = filename.find_last_of("/\\");
    return slash == std::string_view::npos ? filename : filename.substr(slash + 1);
}

std::string boundaryOf(std::string_view contentType) {
    if (!Form::isForm(contentType)) {
        throw HttpError(kUnsupportedMediaType, "the body is not multipart/form-data");
    }
    return detail::parameterOf(contentType, "boundary");
}

}  // namespace

std::string FormFile::content() const {
    if (!onDisk()) {
        return memory_;
    }
    std::string text(static_cast<std::size_t>(size_), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        done += detail::readAt(fd_.get(), text.data() + done, text.size() - done, done);
    }
    return text;
}

void FormFile::saveAs(const std::string& path) const {
    const UniqueFd to(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!to) {
        throw std::system_error(errno, std::system_category(), "save a form's file as " + path);
    }
    if (!onDisk()) {
        detail::writeAll(to.get(), memory_);
        return;
    }
    std::string piece(kCopied, '\0');
    for (std::uint64_t done = 0; done < size_;) {
        const std::size_t got = detail::readAt(fd_.get(), piece.data(), piece.size(), done);
        detail::writeAll(to.get(), std::string_view(piece).substr(0, got));
        done += got;
    }
}

/// Takes the parts as they come, and puts each where it belongs.
class Form::Parts final : public detail::MultipartParts {
public:
    Parts(Form& form, std::string_view boundary)
        : form_(form), parser_(boundary, form.limits_.partHead, *this) {}

    detail::MultipartParser& parser() noexcept { return parser_; }

    void partBegins(Headers fields) override {
        const std::string disposition(fields.get("Content-Disposition").value_or(""));
        current_ = {};
        current_.name_ = detail::parameterOf(disposition, "name");
        isFile_ = disposition.find("filename") != std::string::npos;
        if (!disposition.starts_with("form-data") || current_.name_.empty()) {
            throw HttpError(kBadRequest, "a part of the form has no name");
        }
        if (form_.fields_.size() + form_.files_.size() >= form_.limits_.fields) {
            tooLarge("FormLimits::fields");
        }
        current_.filename_ = withoutFolders(detail::parameterOf(disposition, "filename"));
        current_.contentType_ = fields.get("Content-Type").value_or("text/plain");
        current_.headers_ = std::move(fields);
    }

    void partData(std::string_view piece) override {
        const FormLimits& limits = form_.limits_;
        current_.size_ += piece.size();
        if (!isFile_) {
            fieldBytes_ += piece.size();
            if (fieldBytes_ > limits.fieldBytes) {
                tooLarge("FormLimits::fieldBytes");
            }
        } else if (current_.size_ > limits.file) {
            tooLarge("FormLimits::file");
        } else if (!current_.fd_ && current_.size_ > limits.fileInMemory) {
            current_.fd_ = detail::temporaryFile(limits.folder);
            detail::writeAll(current_.fd_.get(), std::exchange(current_.memory_, {}));
        }
        if (current_.fd_) {
            detail::writeAll(current_.fd_.get(), piece);
        } else {
            current_.memory_ += piece;
        }
    }

    void partEnds() override {
        if (isFile_) {
            form_.files_.push_back(std::move(current_));
        } else {
            form_.fields_.add(std::move(current_.name_), std::move(current_.memory_));
        }
    }

private:
    Form& form_;
    detail::MultipartParser parser_;
    FormFile current_;
    std::size_t fieldBytes_ = 0;
    bool isFile_ = false;
};

Form::Form(std::string_view contentType, FormLimits limits)
    : limits_(std::move(limits)), parts_(std::make_unique<Parts>(*this, boundaryOf(contentType))) {}

Form::~Form() = default;

Ref<BodySink> Form::sinkFor(Request& request, FormLimits limits) {
    const std::string_view contentType = request.getHeader("Content-Type").value_or("");
    return isForm(contentType) ? Ref<BodySink>(makeRef<Form>(contentType, std::move(limits)))
                               : Ref<BodySink>();
}

bool Form::isForm(std::string_view contentType) noexcept {
    return sameFieldName(contentType.substr(0, contentType.find_first_of("; \t")), kMultipart);
}

const FormFile* Form::file(std::string_view name) const noexcept {
    const auto at = std::find_if(files_.begin(), files_.end(),
                                 [name](const FormFile& each) { return each.name() == name; });
    return at == files_.end() ? nullptr : &*at;
}

void Form::write(std::string_view piece) { parts_->parser().write(piece); }

void Form::finish() { parts_->parser().finish(); }

}  // namespace marline::http
