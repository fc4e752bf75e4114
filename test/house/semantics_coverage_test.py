#!/usr/bin/env python3
"""test/semantics_coverage on small trees: what it finds, and that it is quiet when all is well."""
import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest

SCRIPT = str(pathlib.Path(__file__).parent.parent / "semantics_coverage")
LOADER = importlib.machinery.SourceFileLoader("semantics_coverage", SCRIPT)
coverage = importlib.util.module_from_spec(importlib.util.spec_from_loader("semantics_coverage", LOADER))
LOADER.exec_module(coverage)

LIST = """# a comment
later DC-2 it is being built
later T it is being built
area D 2 Firing
D-1 first
D-2 second
area DC 2 Chaining
DC-1 waits
area T 9 Timers
"""


def wrong(listed=LIST, exceptions="", **tests):
    """What is wrong in a tree with these files."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "test/deferred").mkdir(parents=True)
        (root / "test/semantics.txt").write_text(listed, encoding="utf-8")
        (root / "test/semantics_exceptions.txt").write_text(exceptions, encoding="utf-8")
        for path, text in tests.items():
            (root / f"test/deferred/{path}.cpp").write_text(text, encoding="utf-8")
        return coverage.check(root)[0]


class SemanticsCoverageTest(unittest.TestCase):
    def test_all_is_well(self):
        self.assertEqual(wrong(a="// D-1, DC-1: so.\n", b="int x;  // D-2: T-9 too, not UTF-8\n"), [])

    def test_what_no_comment_cites_is_listed(self):
        found = wrong(a='// D-1 only\nconst char* text = "D-2, DC-1";\n')
        self.assertEqual(found, ["D-2 has no test: second", "DC-1 has no test: waits"])

    def test_an_exception_needs_a_reason_and_a_need(self):
        cited = "// D-1, DC-1\n"
        self.assertEqual(wrong(a=cited, exceptions="D-2 not in C++\n"), [])
        for exceptions, why in {
            "D-2\n": "no reason",
            "D-2 so\nD-1 so\n": "needs no excuse",
            "D-2 so\nT-1 so\n": "is not demanded",
        }.items():
            with self.subTest(exceptions=exceptions):
                found = wrong(a=cited, exceptions=exceptions)
                self.assertEqual(len(found), 1)
                self.assertIn(why, found[0])

    def test_numbers_that_do_not_exist_are_found(self):
        cited = "// D-1, D-2, DC-1\n"
        self.assertEqual(wrong(a=cited + "// D-3\n"), ["test/deferred/a.cpp:2: there is no D-3"])
        for line, why in {
            "later D-7 so\n": "there is no D-7",
            "later D-1\n": "neither",
            "D-9 beyond\n": "beyond its area",
            "D-1 twice\n": "neither",
            "DC-2 one two three four five six seven eight nine ten eleven\n": "neither",
        }.items():
            with self.subTest(line=line):
                found = wrong(listed=LIST + line, a=cited)
                self.assertEqual(len(found), 1)
                self.assertIn(why, found[0])

    def test_a_demanded_behaviour_needs_a_title(self):
        found = wrong(listed=LIST.replace("DC-1 waits\n", ""), a="// D-1, D-2, DC-1\n")
        self.assertEqual(found, ["semantics.txt: DC-1 has no title"])


if __name__ == "__main__":
    unittest.main()
