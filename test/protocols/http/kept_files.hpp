// KeptFilesTest: a folder that changes, served by a File that keeps files in memory and by one that
// does not.
#pragma once

#include <marline/protocols/http/file.hpp>

#include <gtest/gtest.h>

#include <string>

#include <fcntl.h>
#include <sys/stat.h>

#include "server_wire.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http::test {

class KeptFilesTest : public ServerTest {
protected:
    /// Options under which also the newest file is kept.
    static FileOptions atOnce() {
        FileOptions options;
        options.cacheAfter = {};
        return options;
    }

    /// Asks on a connection of its own, and takes all of the answer.
    static std::string ask(const Ref<Resource>& root, const std::string& line,
                           const std::string& fields = "") {
        return test::wholeAnswer(root, line, fields);
    }
    static std::string get(const Ref<Resource>& root, const std::string& path,
                           const std::string& fields = "") {
        return ask(root, "GET " + path, fields);
    }
    static std::string bodyOf(const std::string& answer) {
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }
    static std::string codeOf(const std::string& answer) { return answer.substr(9, 3); }
    static bool has(const std::string& answer, const std::string& line) {
        return answer.find("\r\n" + line + "\r\n") != std::string::npos;
    }

    /// Returns once the clock of that folder's file system has gone on, so that what is changed
    /// from now on is seen to have changed. It goes on every few milliseconds.
    static void tick(const marline::test::TempFolder& in) {
        const auto now = [&in] {
            struct stat info{};
            EXPECT_EQ(::stat(in.write("now", "").c_str(), &info), 0);
            return info.st_ctim;
        };
        const timespec before = now();
        timespec after = before;
        while (after.tv_sec == before.tv_sec && after.tv_nsec == before.tv_nsec) {
            after = now();
        }
    }
    /// Writes a file whose content changed at that second.
    void write(const std::string& name, const std::string& text, time_t second) {
        folder.write(name, text);
        setTime(name, second);
    }
    void setTime(const std::string& name, time_t second) {
        const timespec times[2] = {{second, 0}, {second, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (folder / name).c_str(), times, 0), 0);
    }

    marline::test::TempFolder folder;
};

}  // namespace marline::http::test
