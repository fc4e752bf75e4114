// Media types by name.
#include <marline/protocols/http/mime_types.hpp>

#include <gtest/gtest.h>

#include <system_error>

#include "test/support/temp_folder.hpp"

namespace marline::http {
namespace {

// Z-15: the type is that of the extension, in either case.
TEST(MimeTypesTest, knowsTheWebsTypes) {
    const MimeTypes types;
    EXPECT_EQ(types.typeOf("index.html"), "text/html");
    EXPECT_EQ(types.typeOf("a.tar.GZ"), "application/gzip");
    EXPECT_EQ(types.typeOf("app.mjs"), "text/javascript");
    EXPECT_EQ(types.typeOf("module.wasm"), "application/wasm");
    EXPECT_EQ(types.typeOf("README"), "");
    EXPECT_EQ(types.typeOf("a.unheardof"), "");
    EXPECT_EQ(types.typeOf(""), "");
    EXPECT_EQ(types.typeOf("a."), "");
}

// Types may be set, and loaded; what is known stays.
TEST(MimeTypesTest, learnsTypes) {
    MimeTypes types;
    types.set("MRL", "application/x-marline");
    types.set("html", "application/x-html");
    EXPECT_EQ(types.typeOf("a.mrl"), "application/x-marline");
    const marline::test::TempFolder folder;
    types.load(folder.write("mime.types",
                            "# comment\n\ntext/x-new  new NEWER # more\n"
                            "text/x-alone\ntext/other html\n"));
    EXPECT_EQ(types.typeOf("a.new"), "text/x-new");
    EXPECT_EQ(types.typeOf("a.newer"), "text/x-new");
    EXPECT_EQ(types.typeOf("a.html"), "application/x-html");
    EXPECT_THROW(types.load(folder / "none"), std::system_error);
}

}  // namespace
}  // namespace marline::http
