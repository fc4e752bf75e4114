#!/usr/bin/env python3
"""Plants one bad file for every rule of lint.py and expects exactly that rule to fire."""
import pathlib
import tempfile
import unittest

import lint

HEADER = "#pragma once\n"

# rule: [(file to plant, its text, line that is reported)]
BAD = {
    "upward_include": [
        ("test/reactor/a_test.cpp", '#include "../b.hpp"\n', 1),
        ("tools/get.cpp", "\n#include <marline/../x.hpp>\n", 2),
    ],
    "quoted_include": [
        ("reactor/a.cpp", '#include "detail/x.hpp"\n', 1),
        ("test/reactor/a_test.cpp", '#include "elsewhere/x.hpp"\n', 1),
        ("test/reactor/a_test.cpp", '#include "test/gone.hpp"\n', 1),
        ("test/reactor/a_test.cpp", '#include "reactor/b.hpp"\n', 1),
        ("test/reactor/a_test.cpp", "#include <reactor/b.hpp>\n", 1),
    ],
    "wrong_way": [
        ("deferred/a.cpp", "#include <marline/reactor/reactor.hpp>\n", 1),
        ("reactor/a.cpp", "#include <marline/protocols/http/headers.hpp>\n", 1),
        ("protocols/a.cpp", "\n  #  include <marline/agent/agent.hpp>\n", 2),
        ("agent/a.cpp", "#include <marline/marline.hpp>\n", 1),
    ],
    "foreign_include": [
        ("reactor/a.hpp", HEADER + "#include <event2/event.h>\n", 2),
        ("reactor/a.hpp", HEADER + "#include <ares.h>\n", 2),
        ("reactor/a.hpp", HEADER + "#include <openssl/ssl.h>\n", 2),
        ("agent/a.hpp", HEADER + "#include <spdlog/spdlog.h>\n", 2),
        ("agent/a.hpp", HEADER + "#include <nlohmann/json.hpp>\n", 2),
        ("agent/a.hpp", HEADER + "#include <fmt/format.h>\n", 2),
        ("reactor/testing/a.hpp", HEADER + "#include <gtest/gtest.h>\n", 2),
        ("reactor/detail/a.hpp", HEADER + "#include <event2/event.h>\n", 2),
        ("deferred/a.cpp", "#include <unistd.h>\n", 1),
        ("protocols/a.cpp", "#include <sys/socket.h>\n", 1),
        ("agent/a.cpp", "#include <event2/event.h>\n", 1),
    ],
    "not_installed": [("reactor/a.hpp", HEADER + "#include <marline/reactor/detail/b.hpp>\n", 2)],
    "not_listed": [
        ("agent/forgotten.hpp", HEADER, 1),
        ("agent/forgotten.cpp", "", 1),
        ("test/agent/forgotten_test.cpp", "", 1),
    ],
    "pragma_once": [("reactor/a.hpp", "// Something.\n", 1)],
    "sleeping": [
        ("test/a_test.cpp", "std::this_thread::sleep_for(1s);\n", 1),
        ("test/a_test.cpp", "    usleep(10);\n", 1),
        ("test/a_test.cpp", "    ::sleep(1);\n", 1),
    ],
    "left_over": [
        ("reactor/a.cpp", "// TODO: later\n", 1),
        ("test/a_test.cpp", "TEST(A, DISABLED_b) {\n", 1),
        ("test/a_test.cpp", "GTEST_SKIP();\n", 1),
        ("reactor/a.cpp", "\n} catch (...) {\n}\n", 2),
    ],
    "file_size": [
        ("reactor/a.hpp", HEADER + "\n" * 250, 251),
        ("reactor/a.cpp", "\n" * 401, 401),
        ("examples/a.cpp", "\n" * 81, 81),
        ("test/house/allowed_sizes.txt", "reactor/gone.cpp 500 It is one table.\n", 1),
        ("test/house/allowed_sizes.txt", "reactor/a.cpp 500\n", 1),
    ],
}

GOOD = {
    "deferred/a.hpp": HEADER + "#include <vector>\n",
    "deferred/detail/a.hpp": HEADER,
    "reactor/b.hpp": HEADER + "#include <sys/socket.h>\n#include <marline/deferred/a.hpp>\n",
    "reactor/b.cpp": "#include <marline/reactor/b.hpp>\n#include <event2/event.h>\n// a sleep(1) in words\n",
    "reactor/detail/loop.hpp": HEADER + "#include <event2/event.h>\n",
    "reactor/testing/gtest.hpp": HEADER + "#include <gtest/gtest.h>\n",
    "agent/c.cpp": 'const char* kText = "usleep(1)";\n} catch (...) {\n    fail();\n}\n',
    "agent/large.cpp": "\n" * 450,
    "examples/d.cpp": "#include <marline/marline.hpp>\n",
    "test/reactor/d_test.cpp": '#include "test/support.hpp"\n',
    "test/e_test.cpp": '#include "support.hpp"\nclock.sleep(1);\nGTEST_SKIP() << "no IPv6 here";\n',
    "test/support.hpp": HEADER,
    "test/fuzz/forgotten_fuzz.cpp": "",
    "test/house/allowed_sizes.txt": "# PATH LINES REASON\nagent/large.cpp 500 One table.\n",
}


def rules_fired(files, unlisted=()):
    """What lint finds in a tree of these files; all public headers and sources are listed."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        listed = [path for path in files if path not in unlisted and "/fuzz/" not in path]
        installed = [path for path in listed if path.endswith(".hpp") and "/loop." not in path]
        compiled = [path for path in listed if path.endswith(".cpp")]
        return [found[:3] for found in lint.breaches(lint.Tree(root, installed, compiled))]


class LintTest(unittest.TestCase):
    def test_a_clean_tree_has_no_breach(self):
        self.assertEqual(rules_fired(GOOD), [])

    def test_every_rule_fires_on_its_bad_file_and_no_other_rule_does(self):
        for rule, cases in BAD.items():
            for path, text, line in cases:
                with self.subTest(rule=rule, path=path, text=text[:60]):
                    files = GOOD | {path: text}
                    files.pop("agent/large.cpp")  # it is excused in a file that some cases replace
                    if path != "test/house/allowed_sizes.txt":
                        files.pop("test/house/allowed_sizes.txt")
                    fired = rules_fired(files, unlisted=[path] if "forgotten" in path else [])
                    self.assertEqual(fired, [(path, line, rule)])

    def test_every_rule_has_a_bad_file(self):
        self.assertEqual(set(BAD), {rule.__name__ for rule in lint.RULES})


if __name__ == "__main__":
    unittest.main()
