// Args: the values of queries and forms.
#include <marline/protocols/http/args.hpp>

#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class ArgsTest : public test::ServerTest {
protected:
    /// `a=1&b=2 3`: what the request's args are, decoded.
    static Rendered show(Request& request) {
        std::string text;
        for (const auto& [name, value] : request.args()) {
            text += "<" + name + "=" + value + ">";
        }
        EXPECT_EQ(&request.args(), &request.args()) << "read once";
        return text;
    }

    static std::string bodyOf(const std::string& answer) {
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }

    static std::string get(const std::string& target, SiteOptions options = {}) {
        ServerWire wire(show, std::move(options));
        return wire.exchange("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    }

    static std::string post(const std::string& target, const std::string& body,
                            const std::string& type = "application/x-www-form-urlencoded",
                            const std::string& method = "POST", SiteOptions options = {}) {
        ServerWire wire(show, std::move(options));
        return wire.exchange(
            method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Type: " + type +
            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
};

// the values of a query, in order, with all those of one name.
TEST_F(ArgsTest, readsTheQuery) {
    EXPECT_EQ(bodyOf(get("/?a=1&b=2&a=3")), "<a=1><b=2><a=3>");
    EXPECT_EQ(bodyOf(get("/")), "");
}

// blank values are kept, what has no `=` is dropped, and only the first `?` separates.
TEST_F(ArgsTest, splitsPairs) {
    EXPECT_EQ(bodyOf(get("/?a=&b&&=c&d=?e?f")), "<a=><=c><d=?e?f>");
    EXPECT_EQ(bodyOf(get("/?a=1=2")), "<a=1=2>");
}

// a semicolon is part of the value (unlike Twisted): two parsers would read it differently.
TEST_F(ArgsTest, doesNotSplitAtSemicolons) { EXPECT_EQ(bodyOf(get("/?a=1;b=2")), "<a=1;b=2>"); }

// Percent-encoding and plus signs are decoded, in names too; what is no encoding stays.
TEST_F(ArgsTest, decodes) {
    EXPECT_EQ(bodyOf(get("/?a%20b=c+d%2Be%26%3D&x=%zz%4")), "<a b=c d+e&=><x=%zz%4>");
}

// the fields of a POST take the place of the query's values of the same names.
TEST_F(ArgsTest, formFieldsReplaceTheQuerys) {
    EXPECT_EQ(bodyOf(post("/?a=1&b=2&a=3", "a=4&a=5&c=6+7")), "<b=2><a=4><a=5><c=6 7>");
    EXPECT_EQ(bodyOf(post("/", "a=1", "Application/X-WWW-Form-Urlencoded; charset=utf-8")),
              "<a=1>");
}

// other types and methods bring no fields.
TEST_F(ArgsTest, readsFormsOnly) {
    EXPECT_EQ(bodyOf(post("/?q=1", "a=1", "text/plain")), "<q=1>");
    EXPECT_EQ(bodyOf(post("/?q=1", "a=1", "application/x-www-form-urlencoded", "PUT")), "<q=1>");
}

// multipart fields are args as well.
TEST_F(ArgsTest, readsMultipartFields) {
    const std::string body =
        "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"f\"; "
        "filename=\"x\"\r\n\r\nfile\r\n--B--\r\n";
    EXPECT_EQ(bodyOf(post("/?a=0&b=3", body, "multipart/form-data; boundary=B")), "<b=3><a=1 2>");
}

// broken multipart is a 400 that says so.
TEST_F(ArgsTest, brokenMultipartIsRefused) {
    const std::string answer = post("/", "--B\r\n", "multipart/form-data; boundary=B");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("the multipart body is malformed: it has no end\n")) << answer;
    EXPECT_EQ(errors(), "");
}

// FormLimits::fields bounds query and form, alone and together.
TEST_F(ArgsTest, haveABound) {
    SiteOptions options;
    options.form.fields = 2;
    const auto fits = [](const std::string& answer) { return answer.starts_with("HTTP/1.1 200 "); };
    EXPECT_TRUE(fits(get("/?a=1&b=2", options)));
    EXPECT_FALSE(fits(get("/?a=1&b=2&c=3", options)));
    constexpr const char* kType = "application/x-www-form-urlencoded";
    EXPECT_TRUE(fits(post("/?a=1", "b=2", kType, "POST", options)));
    EXPECT_FALSE(fits(post("/?a=1", "b=2&c=3", kType, "POST", options)));
    EXPECT_FALSE(fits(post("/", "a=1&b=2&c=3", kType, "POST", options)));
    EXPECT_TRUE(get("/?a=1&b=2&c=3", options)
                    .ends_with("413 Content Too Large: there are more values than "
                               "FormLimits::fields allows\n"));
}

// What Args holds is found by name.
TEST_F(ArgsTest, areFoundByName) {
    Args args;
    args.add("a", "1");
    args.add("b", "2");
    args.add("a", "3");
    EXPECT_EQ(args.get("a"), "1");
    EXPECT_EQ(args.getAll("a"), (std::vector<std::string_view>{"1", "3"}));
    EXPECT_TRUE(args.has("b"));
    EXPECT_FALSE(args.has("c"));
    EXPECT_EQ(args.size(), 3U);
    args.remove("a");
    EXPECT_EQ(args.size(), 1U);
    args.clear();
    EXPECT_TRUE(args.empty());
}

}  // namespace
}  // namespace marline::http
