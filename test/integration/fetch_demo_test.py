"""The talk's fetcher on its embedded internet: all well, and each site broken in each way."""
import re
import subprocess
import sys
import time
import unittest

PROGRAM = sys.argv.pop(1)
SITES = ["twitter.com", "google.com", "yahoo.com", "facebook.com"]


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class FetchDemo(unittest.TestCase):
    def check_lines(self, result, broken=None, reason=None):
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 5, result)
        pages, summary = lines[:4], lines[4]
        for site in SITES:
            if site == broken:
                self.assertTrue(any(re.fullmatch(rf"http://{site}/ Bad: .*{reason}.*", line) for line in pages), result)
            else:
                self.assertIn(f"http://{site}/ OK", pages)
        times = re.fullmatch(r"4 sites in ([0-9.]+) s; one after the other: ([0-9.]+) s", summary)
        self.assertIsNotNone(times, summary)
        return float(times[1]), float(times[2])

    def test_four_sites_at_once(self):
        """Four OK lines, exit status 0, and less time than one after the other would take."""
        result = run()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        wall, added = self.check_lines(result)
        self.assertLess(wall, added / 2)

    def test_one_broken_site(self):
        """Exactly the broken site's line is Bad, with the reason, and the exit status is 1."""
        for how, reason in [
            ("refused", "refused"),
            ("reset", "reset"),
            ("tls", "hostname mismatch"),
            ("redirect-loop", "redirectLimit"),
        ]:
            for site in SITES:
                with self.subTest(how=how, site=site):
                    result = run("--break", f"{site}={how}")
                    self.assertEqual((result.returncode, result.stderr), (1, ""))
                    self.check_lines(result, site, reason)

    def test_a_silent_site_is_given_up_in_time(self):
        """A server that does not say a word is given up after the handshake time-out, 10 s."""
        start = time.monotonic()
        result = run("--break=yahoo.com=timeout")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.check_lines(result, "yahoo.com", "handshakeTimeout")
        self.assertLess(time.monotonic() - start, 20)

    def test_bad_arguments(self):
        """A bad argument gets one line that says what would be right, and exit status 2."""
        for arguments in [["--break"], ["--break", "x.org=tls"], ["--break=yahoo.com=fire"], ["--brake", "x"]]:
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)


if __name__ == "__main__":
    unittest.main()
