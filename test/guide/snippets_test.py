#!/usr/bin/env python3
"""snippets.py on small trees."""
import pathlib
import tempfile
import unittest

import snippets

PAGE = "# Page\n\n```cpp\nint a;\nif (a) {\n    b();\n}\n\nc();\n```\n\n```sh\nls\n```\n"


def wrong(test):
    """What is wrong in a tree with PAGE as its guide and this test."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for folder in ("docs/howto", "test/guide"):
            (root / folder).mkdir(parents=True)
        (root / "docs/howto/a-page.md").write_text(PAGE, encoding="utf-8")
        if test:
            (root / "test/guide/a_page_test.cpp").write_text(test, encoding="utf-8")
        return snippets.check(root)


class SnippetsTest(unittest.TestCase):
    def test_paragraphs_may_stand_apart_and_be_indented(self):
        self.assertEqual(wrong("c();\n{\n    int a;\n    if (a) {\n        b();\n    }\n}\n"), [])

    def test_another_text_is_found_with_its_place(self):
        for test in ("int a;\nif (a) {\n    x();\n}\nc();\n", "    int a;\nif (a) {\n    b();\n}\nc();\n"):
            with self.subTest(test=test):
                self.assertEqual(wrong(test), ["docs/howto/a-page.md:3: not in test/guide/a_page_test.cpp: int a;"])

    def test_a_page_without_a_test_is_found(self):
        self.assertEqual(len(wrong(None)), 2)


if __name__ == "__main__":
    unittest.main()
