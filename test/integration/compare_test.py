"""The five fetchers on the embedded internet: one output, and what each costs."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM = sys.argv.pop(1)
STRATEGIES = ["sequential", "threads", "deferreds", "coroutines", "processes"]
OUTPUT = "".join(f"http://{site}.com/ OK\n" for site in ["twitter", "google", "yahoo", "facebook"])


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class Compare(unittest.TestCase):
    def test_the_five_give_the_same_output(self):
        """Each row has its figures; what waits for one site after the other takes longest, and only
        threads and processes have more than a few threads."""
        with tempfile.TemporaryDirectory() as folder:
            svg = pathlib.Path(folder, "chart.svg")
            result = run("--delay", "100", "--svg", str(svg))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            table, output = result.stdout.split("\nThe output of each:\n")
            self.assertEqual(output, OUTPUT)
            rows = {row[0]: [float(number) for number in row[1:]]
                    for row in map(str.split, table.splitlines()[1:])}
            self.assertEqual(list(rows), STRATEGIES)
            for name, (wall, cpu, memory, threads) in rows.items():
                self.assertGreaterEqual(wall, 200, name)  # a redirect, then the page
                self.assertGreater(memory, 0, name)
                self.assertGreaterEqual(threads, 1, name)
            self.assertGreaterEqual(rows["sequential"][0], 4 * 200)
            for name in ["threads", "processes"]:
                self.assertGreaterEqual(rows[name][3], 5, name)
            text = svg.read_text(encoding="utf-8")
            xml.etree.ElementTree.fromstring(text)
            for name in STRATEGIES:
                self.assertIn(f">{name}</text>", text)

    def test_another_output_is_an_error(self):
        """A fetcher that says something else, or fails, is named."""
        for script, said in [("echo other", "the output of threads is another one"), ("echo oops >&2", "oops")]:
            with tempfile.TemporaryDirectory() as folder:
                for name in STRATEGIES:
                    target = pathlib.Path(folder, f"fetch_{name}")
                    target.write_text(f"#!/bin/sh\n{script if name == 'threads' else 'echo same'}\n")
                    os.chmod(target, 0o755)
                result = run("--programs", folder)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(said, result.stderr)

    def test_bad_arguments(self):
        """A bad argument gets one line that says what would be right, and exit status 2."""
        for arguments in [["--delay"], ["--delay", "soon"], ["--svg"], ["other"]]:
            result = run(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertTrue(re.fullmatch(r"compare: cannot read '.*'; use .*\n", result.stderr), result.stderr)


if __name__ == "__main__":
    unittest.main()
