// Form: fields and files, in memory and on the disk, and what is refused.
#include <marline/protocols/http/form.hpp>

#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <string>
#include <system_error>

#include "server_wire.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

constexpr const char* kType = "multipart/form-data; boundary=\"the B\"";

std::string field(const std::string& name, const std::string& value) {
    return "--the B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value +
           "\r\n";
}

std::string file(const std::string& disposition, const std::string& more,
                 const std::string& content) {
    return "--the B\r\nContent-Disposition: form-data; " + disposition + "\r\n" + more + "\r\n" +
           content + "\r\n";
}

const std::string kEnd = "--the B--\r\n";

Ref<Form> read(const std::string& body, FormLimits limits = {}) {
    auto form = makeRef<Form>(kType, std::move(limits));
    form->write(body);
    form->finish();
    return form;
}

/// The code that refuses the body.
int refusal(const std::string& body, FormLimits limits = {}) {
    try {
        read(body, std::move(limits));
    } catch (const HttpError& error) {
        return error.code();
    }
    return 200;
}

class FormTest : public test::ServerTest {};

// RFC 7578: fields and files, with what is said of them.
TEST_F(FormTest, readsFieldsAndFiles) {
    const Ref<Form> form =
        read("preamble\r\n" + field("a", "1\r\n2") + field("a", "") +
             file("name=f; filename=\"C:\\dir\\a \\\"b\\\".txt\"",
                  "Content-Type: x/y\r\nX-More: z\r\n", "\r\n--the\r\n--the \r\n") +
             file("name=\"g\"; filename=\"\"", "", "") + kEnd + "epilogue");
    EXPECT_EQ(form->fields().getAll("a"), (std::vector<std::string_view>{"1\r\n2", ""}));
    ASSERT_EQ(form->files().size(), 2U);
    const FormFile& first = *form->file("f");
    EXPECT_EQ(first.filename(), "a \"b\".txt");
    EXPECT_EQ(first.contentType(), "x/y");
    EXPECT_EQ(first.headers().get("x-more"), "z");
    EXPECT_EQ(first.content(), "\r\n--the\r\n--the \r\n");
    EXPECT_EQ(first.size(), 17U);
    EXPECT_FALSE(first.onDisk());
    EXPECT_EQ(form->file("g")->contentType(), "text/plain");
    EXPECT_EQ(form->file("g")->size(), 0U);
    EXPECT_EQ(form->file("h"), nullptr);
}

// However the body is cut, it is the same form.
TEST_F(FormTest, readsBodiesInPieces) {
    const std::string body =
        field("a", "\r\n--the") + file("name=f; filename=x", "", "\r\r\n\r\n-") + kEnd;
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        auto form = makeRef<Form>(kType, FormLimits());
        form->write(std::string_view(body).substr(0, cut));
        form->write(std::string_view(body).substr(cut));
        form->finish();
        ASSERT_EQ(form->fields().get("a"), "\r\n--the") << cut;
        ASSERT_EQ(form->file("f")->content(), "\r\r\n\r\n-") << cut;
    }
    auto form = makeRef<Form>(kType, FormLimits());
    for (const char byte : body) {
        form->write({&byte, 1});
    }
    form->finish();
    EXPECT_EQ(form->file("f")->content(), "\r\r\n\r\n-");
}

// Without folders, whatever the client tells.
TEST_F(FormTest, filenamesHaveNoFolders) {
    for (const auto& [sent, kept] : {std::pair{"../../etc/passwd", "passwd"},
                                     {"C:\\a\\b.c", "b.c"},
                                     {"/", ""},
                                     {"plain", "plain"}}) {
        const Ref<Form> form =
            read(file("name=f; filename=\"" + std::string(sent) + "\"", "", "") + kEnd);
        EXPECT_EQ(form->files().at(0).filename(), kept) << sent;
    }
}

// What is no form of parts is a 400.
TEST_F(FormTest, refusesMalformedBodies) {
    for (const std::string& bad :
         {std::string(), std::string("text"), field("a", "1"), "--the Bx\r\n" + kEnd,
          "--the B\r\n\r\nno head\r\n" + kEnd,
          "--the B\r\nContent-Disposition: form-data\r\n\r\n\r\n" + kEnd,
          "--the B\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n" + kEnd,
          "--the B\r\nno colon\r\n\r\n\r\n" + kEnd, "--the B\r\nbad name: x\r\n\r\n\r\n" + kEnd}) {
        EXPECT_EQ(refusal(bad), 400) << bad;
    }
    std::string manyFields = "--the B\r\n";
    for (int i = 0; i < 17; ++i) {
        manyFields += "X: y\r\n";
    }
    EXPECT_EQ(refusal(manyFields + "\r\n\r\n" + kEnd), 400) << "a part has 16 fields at most";
}

// Blanks may stand behind a boundary, as RFC 2046 allows, but not without end.
TEST_F(FormTest, passesOverBlanksBehindABoundary) {
    const std::string head = "Content-Disposition: form-data; name=a\r\n\r\n1\r\n";
    EXPECT_EQ(read("--the B \t\r\n" + head + kEnd)->fields().get("a"), "1");
    EXPECT_EQ(refusal("--the B" + std::string(10000, ' ')), 400);
    const auto form =
        makeRef<Form>("multipart/form-data; boundary=\"the B\"", FormLimits{.partHead = 1});
    EXPECT_NO_THROW(form->write("--the B\t\r")) << "one blank, and half of the line's end";
    EXPECT_THROW(makeRef<Form>("multipart/form-data; boundary=b", FormLimits{.partHead = 1})
                     ->write("--b \t\r\n"),
                 HttpError);
}

// A form needs its type and a boundary that can be one.
TEST_F(FormTest, needsABoundary) {
    const auto refused = [](const std::string& type) {
        try {
            makeRef<Form>(type, FormLimits());
        } catch (const HttpError& error) {
            return error.code();
        }
        return 200;
    };
    EXPECT_EQ(refused("text/plain"), 415);
    EXPECT_EQ(refused("multipart/form-data"), 400);
    EXPECT_EQ(refused("multipart/form-data; boundary="), 400);
    EXPECT_EQ(refused("multipart/form-data; boundary=" + std::string(71, 'x')), 400);
    EXPECT_EQ(refused("multipart/form-data; boundary=" + std::string(70, 'x')), 200);
    EXPECT_EQ(refused("Multipart/Form-Data; a=b; flag; Boundary=x; c"), 200);
}

// Each limit takes what is at it, refuses what is beyond, and is named.
TEST_F(FormTest, hasLimits) {
    const std::string one = file("name=f; filename=x", "", "12345") + kEnd;
    EXPECT_EQ(refusal(one, {.file = 5}), 200);
    EXPECT_EQ(refusal(one, {.file = 4}), 413);
    const std::string two = field("a", "12") + field("b", "345") + kEnd;
    EXPECT_EQ(refusal(two, {.fieldBytes = 5}), 200);
    EXPECT_EQ(refusal(two, {.fieldBytes = 4}), 413);
    EXPECT_EQ(refusal(two, {.fields = 2}), 200);
    EXPECT_EQ(refusal(two, {.fields = 1}), 413);
    EXPECT_EQ(refusal(field("a", "") + kEnd, {.partHead = 40}), 200);
    EXPECT_EQ(refusal(field("a", "") + kEnd, {.partHead = 39}), 431);
    EXPECT_EQ(refusal("--the B\r\n" + std::string(50, 'x'), {.partHead = 39}), 431);
    try {
        read(one, {.file = 4});
        ADD_FAILURE();
    } catch (const HttpError& error) {
        EXPECT_STREQ(error.what(), "the form has more than FormLimits::file");
    }
}

// FormLimits::fileInMemory: a larger file goes to the disk while it comes.
TEST_F(FormTest, putsLargeFilesOnTheDisk) {
    marline::test::TempFolder folder;
    const std::string content = std::string(200'000, 'x') + "end";
    const Ref<Form> form = read(file("name=f; filename=x", "", content) + field("a", "1") + kEnd,
                                {.fileInMemory = 1000, .folder = folder.path()});
    const FormFile& large = *form->file("f");
    EXPECT_TRUE(large.onDisk());
    EXPECT_EQ(large.size(), content.size());
    EXPECT_EQ(large.content(), content);
    EXPECT_TRUE(folder.names().empty()) << "it has no name";
    large.saveAs(folder / "copy");
    EXPECT_EQ(folder.read("copy"), content);
    EXPECT_EQ(form->fields().get("a"), "1");
}

// A file is saved under a name that is free, from memory too.
TEST_F(FormTest, savesFiles) {
    marline::test::TempFolder folder;
    const Ref<Form> form = read(file("name=f; filename=x", "", "small") + kEnd);
    form->files()[0].saveAs(folder / "copy");
    EXPECT_EQ(folder.read("copy"), "small");
    EXPECT_THROW(form->files()[0].saveAs(folder / "copy"), std::system_error);
    EXPECT_THROW(form->files()[0].saveAs(folder / "no/copy"), std::system_error);
}

// A folder that is not there is an error of the server, not of the client.
TEST_F(FormTest, tellsOfDiskErrors) {
    EXPECT_THROW(read(file("name=f; filename=x", "", "12345") + kEnd,
                      {.fileInMemory = 1, .folder = "/nonexistent"}),
                 std::system_error);
}

/// Takes forms as they come, and says what was in them.
class Upload final : public Resource {
public:
    explicit Upload(FormLimits limits) : limits_(std::move(limits)) {}

    Ref<BodySink> bodySink(Request& request) override { return Form::sinkFor(request, limits_); }
    Rendered renderPost(Request& request) override {
        const Form& form = request.form();
        EXPECT_TRUE(request.content().empty() || !request.bodySink());
        return std::to_string(form.files().size()) + " " +
               std::string(request.args().get("a").value_or("-"));
    }

private:
    FormLimits limits_;
};

std::string upload(const std::string& body, const std::string& type = kType) {
    return "POST / HTTP/1.1\r\nHost: t\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A resource may take forms beyond SiteOptions::maxBody, piece by piece.
TEST_F(FormTest, isStreamed) {
    SiteOptions options;
    options.maxBody = 10;
    ServerWire wire(Ref<Resource>(makeRef<Upload>(FormLimits())), options);
    const std::string request =
        upload(file("name=f; filename=x", "", std::string(100'000, 'x')) + field("a", "b") + kEnd);
    for (std::size_t at = 0; at < request.size(); at += 4096) {
        wire.send(std::string_view(request).substr(at, 4096));
    }
    EXPECT_TRUE(wire.take().ends_with("\r\n\r\n1 b"));
    EXPECT_TRUE(wire.exchange(request).ends_with("\r\n\r\n1 b")) << "the connection goes on";
}

// FormLimits::body counts instead of SiteOptions::maxBody: announced, and as it comes.
TEST_F(FormTest, boundsStreamedBodies) {
    const std::string body = field("a", "1") + kEnd;
    ServerWire wire(Ref<Resource>(makeRef<Upload>(FormLimits{.body = body.size()})));
    EXPECT_TRUE(wire.exchange(upload(body)).starts_with("HTTP/1.1 200 "));
    const std::string answer = wire.exchange(upload(body + "x"));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    EXPECT_TRUE(
        answer.ends_with("413 Content Too Large: the body is larger than its resource "
                         "takes\n"))
        << answer;
    EXPECT_TRUE(wire.transport().writeEnded());
    ServerWire chunked(Ref<Resource>(makeRef<Upload>(FormLimits{.body = 4})));
    EXPECT_TRUE(chunked
                    .exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Type: " + std::string(kType) +
                              "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--the\r\n")
                    .starts_with("HTTP/1.1 413 "));
}

// What refuses the body while it comes is the answer, and the connection closes.
TEST_F(FormTest, refusesWhileTheBodyComes) {
    ServerWire wire(Ref<Resource>(makeRef<Upload>(FormLimits())));
    EXPECT_EQ(wire.exchange(upload("--the Bx" + std::string(100, 'x'))),
              "HTTP/1.1 400 Bad Request\r\nContent-Length: 85\r\nDate: D\r\n"
              "Content-Type: text/plain\r\nConnection: close\r\n\r\n"
              "400 Bad Request: the multipart body is malformed: something stands behind a "
              "boundary\n");
    EXPECT_TRUE(wire.transport().writeEnded());
    ServerWire unfinished(Ref<Resource>(makeRef<Upload>(FormLimits())));
    EXPECT_TRUE(unfinished.exchange(upload(field("a", "1"))).starts_with("HTTP/1.1 400 "));
    EXPECT_EQ(errors(), "");
}

// An error of the disk is a 500 that says nothing, and a line in the log.
TEST_F(FormTest, failsWithoutTelling) {
    ServerWire wire(
        Ref<Resource>(makeRef<Upload>(FormLimits{.fileInMemory = 1, .folder = "/nonexistent"})));
    const std::string answer =
        wire.exchange(upload(file("name=f; filename=x", "", std::string(100, 'x')) + kEnd));
    EXPECT_TRUE(answer.ends_with("the server has failed; its log says why\n")) << answer;
    EXPECT_NE(errors().find("/nonexistent"), std::string::npos) << errors();
}

// 100-continue is not said when the resource does not want the body.
TEST_F(FormTest, isAskedBeforeTheClientContinues) {
    class Closed final : public Resource {
        Ref<BodySink> bodySink(Request&) override { throw HttpError(403, "no uploads"); }
    };
    ServerWire wire(Ref<Resource>(makeRef<Closed>()));
    EXPECT_TRUE(wire.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
                              "Expect: 100-continue\r\n\r\n")
                    .starts_with("HTTP/1.1 403 "));
}

// A body that is no form goes to content(), as without a sink; form() is a 415 then.
TEST_F(FormTest, leavesOtherBodiesAlone) {
    ServerWire wire(Ref<Resource>(makeRef<Upload>(FormLimits())));
    EXPECT_TRUE(wire.exchange(upload("a=1", "application/x-www-form-urlencoded"))
                    .starts_with("HTTP/1.1 415 "));
}

// A client that goes in the middle leaves nothing behind.
TEST_F(FormTest, isDroppedWithItsClient) {
    ServerWire wire(Ref<Resource>(makeRef<Upload>(FormLimits())));
    const std::string request = upload(field("a", "1") + kEnd);
    wire.send(std::string_view(request).substr(0, request.size() - 5));
    wire.disconnect();
    EXPECT_EQ(wire.take(), "");
}

}  // namespace
}  // namespace marline::http
