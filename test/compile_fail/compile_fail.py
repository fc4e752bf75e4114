#!/usr/bin/env python3
"""Compiles a wrong program and expects to be told what to write instead.

    compile_fail.py PROGRAM COMPILER [OPTION…]

The program's `// Says:` line must stand in the first five lines of what the compiler says about
it, and with RIGHT defined, which takes the mistake out, it must compile.
"""
import os
import pathlib
import subprocess
import sys

FIRST_LINES = 5
SAYS = "// Says: "


def compile_program(command):
    done = subprocess.run(
        command, env=os.environ | {"LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def main(program, *command):
    lines = pathlib.Path(program).read_text(encoding="utf-8").splitlines()
    sentences = [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS)]
    if not sentences:
        return f"{program} has no line that begins with {SAYS!r}"
    right, output = compile_program([*command, "-DRIGHT", program])
    if not right:
        return f"{program} does not compile without its mistake:\n{output}"
    wrong, output = compile_program([*command, program])
    if wrong:
        return f"{program} compiles"
    first = "\n".join(output.splitlines()[:FIRST_LINES])
    missing = [sentence for sentence in sentences if sentence not in first]
    if missing:
        return f"the first {FIRST_LINES} lines do not say {missing}:\n{output}"
    print(first)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
