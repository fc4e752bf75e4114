// Fuzzes multipart forms: the same fields and files, or the same refusal, from whatever reads.
#include <string>
#include <vector>

#include <marline/protocols/http/args.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/http_error.hpp>

#include <test/fuzz/cuts.hpp>

namespace {

using namespace marline;

std::string transcript(const std::vector<std::string_view>& reads, const std::string& type,
                       const http::FormLimits& limits) {
    const auto form = makeRef<http::Form>(type, limits);
    try {
        for (const std::string_view read : reads) {
            const std::string exact(read);
            form->write(exact);
        }
        form->finish();
    } catch (const http::HttpError& error) {
        return "refused " + std::to_string(error.code());
    }
    std::string text;
    for (const auto& [name, value] : form->fields()) {
        text.append(name).append("=").append(value).append(";");
    }
    for (const http::FormFile& file : form->files()) {
        text.append(file.name()).append("=").append(file.filename()).append(file.contentType());
        text.append(file.onDisk() ? " disk " : " ").append(file.content()).append(";");
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    testing::Chooser input(data, size);
    const unsigned limit = input.takeByte();
    const unsigned seed = input.takeByte();
    http::FormLimits limits;
    if (limit % 2 == 1) {
        limits.file = limits.partHead = limits.fieldBytes = limit;
        limits.fields = limit / 16;
        limits.fileInMemory = limit / 2;
    }
    const std::string type =
        "multipart/form-data; boundary=" + std::string(limit % 4 == 0, 'x') + "b";
    testing::expectTheSameFromEveryCut(input.rest(), seed,
                                       [&](const std::vector<std::string_view>& reads) {
                                           return transcript(reads, type, limits);
                                       });
    return 0;
}
