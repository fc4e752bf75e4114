#!/usr/bin/env python3
"""Says which snippets of the guide no test compiles.

Usage: snippets.py ROOT. Each C++ snippet in docs/howto/PAGE.md stands in test/guide/PAGE_test.cpp,
paragraph by paragraph, indented as may be.
"""
import pathlib
import re
import sys
import textwrap


def paragraphs(text):
    """The paragraphs of a text, each a tuple of its lines without the indentation they share."""
    for part in re.split(r"\n[ \t]*\n", text):
        lines = textwrap.dedent(part.strip("\n")).splitlines()
        if all(line.startswith("#include") for line in lines):  # others may stand between them
            yield from ((line,) for line in lines)
        elif lines:
            yield tuple(line.rstrip() for line in lines)


def stands_in(paragraph, source):
    """Whether the lines follow each other in the source, all indented by as much."""
    first = re.compile(r"^([ \t]*)" + re.escape(paragraph[0]) + r"[ \t]*$")
    for start, line in enumerate(source):
        found = first.match(line)
        if found:
            wanted = [found.group(1) + rest for rest in paragraph]
            if [x.rstrip() for x in source[start:start + len(wanted)]] == wanted:
                return True
    return False


def check(root):
    """What is wrong in a tree: a list of lines."""
    wrong = []
    for page in sorted((root / "docs/howto").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        test = root / f"test/guide/{page.stem.replace('-', '_')}_test.cpp"
        source = test.read_text(encoding="utf-8").splitlines() if test.exists() else []
        for block in re.finditer(r"^[ ]*```cpp\n(.*?)^[ ]*```", text, re.M | re.S):
            for paragraph in paragraphs(block.group(1)):
                if not stands_in(paragraph, source):
                    line = text[:block.start()].count("\n") + 1
                    wrong.append(f"{page.relative_to(root)}:{line}: not in "
                                 f"{test.relative_to(root)}: {paragraph[0]}")
    return wrong


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "every snippet of the guide is compiled")
    sys.exit(1 if found else 0)
