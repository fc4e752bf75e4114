#!/usr/bin/env python3
"""The house rules that the compiler does not check.

    lint.py SOURCE_TREE INSTALLED COMPILE_COMMANDS

INSTALLED is a file with the modules' HEADERS, one path a line, relative to the tree;
COMPILE_COMMANDS is the compile_commands.json of a build of everything. Prints
`path:line: rule: what is wrong` for every breach and exits 1 if there is one.
"""
import json
import pathlib
import re
import sys

MODULES = ["deferred", "reactor", "protocols", "agent"]  # each may include those before it
FOLDERS = MODULES + ["tools", "examples", "bench", "test"]
# Not by every build that the lint looks at: some are for fuzzing, for users, or need Boost.
BUILT_APART = ("test/fuzz/", "test/consumer/project/", "bench/deferred_bench.cpp")
POSIX = re.compile(r"(sys|netinet|arpa|net|linux)/|(fcntl|netdb|poll|pthread|signal|unistd)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w.>])sleep\s*\(")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
IDLE_TEST = re.compile(r"\bDISABLED_|\bGTEST_SKIP\(\)\s*;|\b(EXPECT|ASSERT)_TRUE\(true\)|\bSUCCEED\(\)")
SILENT_CATCH = re.compile(r"catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}")


class File:
    """One C++ file of the tree."""

    def __init__(self, root, path):
        self.path = path
        self.folder = path.split("/")[0]
        self.lines = (root / path).read_text(encoding="utf-8").splitlines()
        self.header = path.endswith(".hpp")
        self.product = self.folder in MODULES
        # (line number, '<' or '"', what is included)
        self.includes = [
            (number, *match.groups())
            for number, line in enumerate(self.lines, 1)
            if (match := INCLUDE.match(line))
        ]

    def code(self):
        """(line number, line) without comments and the insides of strings."""
        for number, line in enumerate(self.lines, 1):
            line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
            yield number, re.sub(r"//.*", "", line)


class Tree:
    """The files of the house, and what CMake says about them."""

    def __init__(self, root, installed, compiled):
        self.root = pathlib.Path(root)
        self.installed = set(installed)
        self.compiled = set(compiled)
        self.files = [
            File(self.root, path.relative_to(self.root).as_posix())
            for folder in FOLDERS
            for path in sorted((self.root / folder).rglob("*.?pp"))
            if "compile_fail" not in path.parts
        ]
        allowed = self.root / "test/house/allowed_sizes.txt"
        self.allowed = allowed.read_text(encoding="utf-8").splitlines() if allowed.exists() else []


def upward_include(tree):
    """No include leaves its folder with ../"""
    for file in tree.files:
        for line, _, name in file.includes:
            if "../" in name:
                yield file.path, line, f"{name} leaves its folder; include <marline/FOLDER/x.hpp>"


def quoted_include(tree):
    """Modules include with angle brackets; others may quote what stands beside the file, or what
    tests and benches share, by its path in the tree."""
    for file in tree.files:
        for line, bracket, name in file.includes:
            if "../" in name:
                continue  # upward_include says it
            beside = (tree.root / file.path).parent / name
            shared = name.startswith(("test/", "bench/")) and (tree.root / name).exists()
            if name.split("/")[0] in MODULES and not beside.exists():
                yield file.path, line, f"{name} needs its marline/ in front, and angle brackets"
            elif bracket == '"' and file.product:
                yield file.path, line, f'"{name}" is quoted; include <marline/{file.folder}/…>'
            elif bracket == '"' and not beside.exists() and not shared:
                yield file.path, line, f'"{name}" stands neither beside this file nor in test or bench'


def wrong_way(tree):
    """A folder includes only what stands to its left."""
    for file in tree.files:
        if not file.product:
            continue
        allowed = MODULES[: MODULES.index(file.folder) + 1]
        for line, _, name in file.includes:
            parts = name.split("/")
            if name == "marline/marline.hpp" or (parts[0] == "marline" and parts[1] not in allowed):
                yield file.path, line, f"{file.folder} may not include {name}, which is to its right"


def foreign_include(tree):
    """Installed headers and all of deferred need the standard library only, but for the fixtures of the
    test kit; the loop is reactor's."""
    for file in tree.files:
        for line, _, name in file.includes:
            standard = re.fullmatch(r"[a-z_]+|cxxabi\.h|execinfo\.h|marline/.*", name)
            if file.path == "reactor/testing/gtest.hpp" and name == "gtest/gtest.h":
                continue
            if file.path in tree.installed and not (standard or POSIX.match(name)):
                yield file.path, line, f"an installed header may not include {name}"
            elif file.folder == "deferred" and not standard:
                yield file.path, line, f"deferred knows the standard library and the C library only, not {name}"
            elif file.folder in ("protocols", "agent") and re.match(r"event2/|ares|sys/socket", name):
                yield file.path, line, f"{name} is reactor's; {file.folder} sees its contracts only"


def not_installed(tree):
    """What an installed header includes is installed as well."""
    for file in tree.files:
        for line, _, name in file.includes:
            if file.path in tree.installed and name.startswith("marline/"):
                if name.removeprefix("marline/") not in tree.installed:
                    yield file.path, line, f"{name} is not installed; name it in HEADERS"


def not_listed(tree):
    """Every public header is installed and every source is compiled: no test is left out."""
    for file in tree.files:
        if file.product and file.header and "/detail/" not in file.path:
            if file.path not in tree.installed:
                yield file.path, 1, "this header is in no HEADERS of a CMakeLists.txt"
        if not file.header and file.path not in tree.compiled:
            if not file.path.startswith(BUILT_APART):
                yield file.path, 1, "this source is in no SOURCES of a CMakeLists.txt"


def pragma_once(tree):
    """Headers say #pragma once."""
    for file in tree.files:
        if file.header and "#pragma once" not in file.lines:
            yield file.path, 1, "this header has no #pragma once"


def sleeping(tree):
    """Nothing sleeps: tests advance a Clock or wait for the event itself."""
    for file in tree.files:
        for line, code in file.code():
            if SLEEP.search(code):
                yield file.path, line, "sleeps; wait for the event, or advance a Clock"


def left_over(tree):
    """No unfinished business, no swallowed exception, no test that cannot fail."""
    for file in tree.files:
        for line, text in enumerate(file.lines, 1):
            if match := LEFT_OVER.search(text):
                yield file.path, line, f"{match[0]}: finish it, or open an issue"
        for line, code in file.code():
            if file.folder == "test" and IDLE_TEST.search(code):
                yield file.path, line, "this does not test anything"
        text = "\n".join(file.lines)
        for match in SILENT_CATCH.finditer(text):
            yield file.path, text.count("\n", 0, match.start()) + 1, "an exception is swallowed"


def budget(path):
    """How many lines a file may have; none for tests and benches."""
    folder = path.split("/")[0]
    if folder == "examples" and path.count("/") == 1:
        return 80
    if folder in MODULES + ["tools", "examples"]:
        return 250 if path.endswith(".hpp") else 400
    return None


def file_size(tree):
    """Files keep to their budget, or to the one that allowed_sizes.txt gives with a reason."""
    sizes = {file.path: len(file.lines) for file in tree.files}
    allowed = {}
    for number, line in enumerate(tree.allowed, 1):
        where = ("test/house/allowed_sizes.txt", number)
        if not line or line.startswith("#"):
            continue
        fields = line.split(maxsplit=2)
        if len(fields) < 3 or not fields[1].isdigit():
            yield *where, "wanted: PATH LINES REASON"
        elif sizes.get(fields[0], 0) <= (budget(fields[0]) or 0):
            yield *where, f"{fields[0]} does not need this any more"
        else:
            allowed[fields[0]] = int(fields[1])
    for path, size in sizes.items():
        limit = allowed.get(path, budget(path))
        if limit is not None and size > limit:
            yield path, size, f"{size} lines, over the budget of {limit}: split it by idea"


RULES = [
    upward_include, quoted_include, wrong_way, foreign_include, not_installed, not_listed,
    pragma_once, sleeping, left_over, file_size,
]


def breaches(tree):
    """Every breach of every rule, as (path, line, rule, what is wrong)."""
    for rule in RULES:
        for path, line, what in rule(tree):
            yield path, line, rule.__name__, what


def main(root, installed, compile_commands):
    root = pathlib.Path(root).resolve()
    headers = pathlib.Path(installed).read_text(encoding="utf-8").split()
    commands = json.loads(pathlib.Path(compile_commands).read_text(encoding="utf-8"))
    sources = [pathlib.Path(command["file"]).resolve() for command in commands]
    compiled = [path.relative_to(root).as_posix() for path in sources if path.is_relative_to(root)]
    tree = Tree(root, headers, compiled)
    found = list(breaches(tree))
    for path, line, rule, what in found:
        print(f"{path}:{line}: {rule}: {what}")
    print(f"{len(tree.files)} files, {len(found)} breaches of {len(RULES)} rules")
    return 1 if found or not tree.files else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
