"""The benchmarks that others measure with: what they print, and that they refuse wrong answers."""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

FETCH, DOWNLOAD, STATIC = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)


class Site(http.server.BaseHTTPRequestHandler):
    """`/r` leads to `/`, which has the page."""

    protocol_version = "HTTP/1.1"
    page = b"Hello, world!"
    seen = []

    def do_GET(self):
        self.seen.append((self.path, self.client_address[1]))
        moved = self.path == "/r"
        body = b"moved" if moved else self.page
        self.send_response(301 if moved else 200)
        if moved:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Served(unittest.TestCase):
    def setUp(self):
        Site.page = b"Hello, world!"
        Site.seen = []
        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) for _ in range(4)]
        self.ports = [str(server.server_port) for server in self.servers]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def tearDown(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fetch(self, *arguments):
        return subprocess.run([FETCH, *arguments], capture_output=True, text=True, timeout=60)

    def test_keeps_connections(self):
        """So many fetches over at most so many connections, and the metrics that are read."""
        result = self.fetch("--n", "30", "--conc", "3", "--port", self.ports[0])
        self.assertEqual(result.returncode, 0, result.stderr)
        figures = json.loads(result.stdout)
        self.assertEqual(figures["ops"], 30)
        self.assertLessEqual({"rps", "wall_us", "cpu_us", "rss_MiB", "allocs"}, figures.keys())
        self.assertEqual([path for path, _ in Site.seen], ["/"] * 30)
        self.assertLessEqual(len({port for _, port in Site.seen}), 3)

    def test_follows_redirects(self):
        """Each round asks all sites, follows, and uses no connection twice."""
        result = self.fetch("--mode", "redirect", "--rounds", "3", "--ports", ",".join(self.ports))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["ops"], 3)
        self.assertEqual(sorted(path for path, _ in Site.seen), ["/"] * 12 + ["/r"] * 12)

    def test_refuses_another_page(self):
        """A wrong answer is no measurement."""
        Site.page = b"Hello, World!"
        result = self.fetch("--n", "5", "--conc", "2", "--port", self.ports[0])
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stdout, "")
        self.assertIn("an unexpected page", result.stderr)


class Files(unittest.TestCase):
    def test_download(self):
        """What is downloaded is what is served."""
        with tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen(
                [STATIC, "--port", "0", "--folder", folder], stdout=subprocess.PIPE, text=True
            )
            try:
                url = server.stdout.readline().strip()
                out = os.path.join(folder, "out")
                result = subprocess.run(
                    [DOWNLOAD, "--url", url + "1m", "--out", out],
                    capture_output=True, text=True, timeout=60,
                )
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(json.loads(result.stdout)["bytes"], 1 << 20)
                with open(out, "rb") as got, open(os.path.join(folder, "1m"), "rb") as there:
                    self.assertEqual(got.read(), there.read())
                missing = subprocess.run(
                    [DOWNLOAD, "--url", url + "none", "--out", out],
                    capture_output=True, text=True, timeout=60,
                )
                self.assertEqual((missing.returncode, missing.stdout), (1, ""))
            finally:
                server.terminate()
                self.assertEqual(server.wait(timeout=20), 0)
                server.stdout.close()


unittest.main()
