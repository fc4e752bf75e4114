"""`marline get` and `marline fetch` from outside: good answers, and one clear line for bad ones."""
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM, SERVER = sys.argv.pop(1), sys.argv.pop(1)


def marline(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class RawServer:
    """Accepts one connection after the other and answers each with the same bytes."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536))
                connection.sendall(self.answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Get(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER, "--port", "0"], stdout=subprocess.PIPE, text=True)
        cls.url = cls.server.stdout.readline().strip()

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        status = cls.server.wait(timeout=20)
        cls.server.stdout.close()
        assert status == 0, f"the server ended with {status}"

    def refused(self, status, part, *arguments):
        result = marline(*arguments)
        self.assertEqual(result.returncode, status, result)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(part, result.stderr)

    def test_the_body_goes_to_stdout(self):
        result = marline("get", self.url)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "well\n", ""))

    def test_data_is_posted(self):
        result = marline("get", "-d", "a=b", "-d", "c=d", self.url + "echo")
        self.assertEqual((result.returncode, result.stdout), (0, "a=b&c=d"))

    def test_output_goes_to_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            self.assertEqual(marline("get", "-o", file.name, self.url).returncode, 0)
            self.assertEqual(file.read(), b"well\n")

    def test_the_options_of_a_request(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: seen=1\r\n\r\nok"
        with RawServer(ok) as server, tempfile.TemporaryDirectory() as folder:
            file, jar = f"{folder}/file", f"{folder}/jar"
            with open(file, "w") as out:
                out.write("content")
            for arguments, expected in (
                (["-u", "me:secret"], b"\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"),
                (["-u", "me"], b"\r\nAuthorization: Basic bWU6\r\n"),
                (["--bearer", "t"], b"\r\nAuthorization: Bearer t\r\n"),
                (["-b", "a=b"], b"\r\nCookie: a=b\r\n"),
                (["-c", jar], b"GET / HTTP/1.1\r\n"),
                (["-b", jar], b"\r\nCookie: seen=1\r\n"),
                (["-r", "0-1"], b"\r\nRange: bytes=0-1\r\n"),
                (["-I"], b"HEAD / HTTP/1.1\r\n"),
                (["--data-binary", "@" + file], b"\r\n\r\ncontent"),
                (["-F", "f=@" + file + ";type=a/b"], b"filename=\"file\"\r\nContent-Type: a/b\r\n\r\ncontent"),
                (["-F", "f=v"], b"name=\"f\"\r\n\r\nv\r\n"),
                (["-C", "-", "-o", file], b"\r\nRange: bytes=7-\r\n"),
            ):
                result = marline("get", *arguments, server.url)
                self.assertEqual(result.returncode, 0, result)
                self.assertIn(expected, server.requests[-1], arguments)
            with open(file) as saved:
                self.assertEqual(saved.read(), "ok", "a whole response begins the file anew")
            shown = marline("get", "-i", server.url).stdout
            self.assertIn("HTTP/1.1 200 OK\n", shown)
            self.assertTrue(shown.endswith("\n\nok"), shown)
            self.refused(63, "--max-filesize", "get", "--max-filesize", "1", server.url)
            self.refused(2, "cannot read", "get", "-b", folder + "/none", server.url)
            self.refused(2, "-F takes", "get", "-F", "nonsense", server.url)
            self.refused(2, "cannot open", "get", "--data-binary", "@/no/such/file", server.url)
            quiet = marline("get", "-s", "--max-filesize", "1", server.url)
            self.assertEqual((quiet.returncode, quiet.stderr), (63, ""))

    def test_a_download_goes_on(self):
        part = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef"
        with RawServer(part) as server, tempfile.NamedTemporaryFile() as file:
            file.write(b"abc")
            file.flush()
            self.assertEqual(marline("get", "-C", "-", "-o", file.name, server.url).returncode, 0)
            with open(file.name) as saved:
                self.assertEqual(saved.read(), "abcdef")

    def test_resolve_leads_a_name_to_an_address(self):
        port = self.url.rstrip("/").rsplit(":", 1)[1]
        result = marline("get", "--resolve", f"site.test:{port}:127.0.0.1", f"http://site.test:{port}/")
        self.assertEqual((result.returncode, result.stdout), (0, "well\n"))

    def test_json_reports_what_came(self):
        report = json.loads(marline("get", "--json", self.url).stdout)
        self.assertTrue(report["ok"])
        self.assertEqual((report["status"], report["version"], report["bodyBytes"]), (200, "HTTP/1.1", 5))
        self.assertEqual(report["sha256"], hashlib.sha256(b"well\n").hexdigest())
        self.assertIn(["Content-Type", "text/plain"], report["headers"])
        self.assertGreater(report["timings"]["total"], 0)
        self.assertIsNone(report["error"])

    def test_json_reports_what_failed(self):
        result = marline("get", "--json", "http://127.0.0.1:1/")
        error = json.loads(result.stdout)["error"]
        self.assertEqual((result.returncode, error["phase"]), (7, "connect"))
        self.assertIn("refused", error["message"])

    def test_redirects_are_followed_when_asked_for(self):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {self.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with RawServer(moved) as server:
            report = json.loads(marline("get", "-L", "--json", server.url).stdout)
            self.assertEqual((report["status"], report["url"]), (200, self.url))
            self.assertEqual([hop["status"] for hop in report["redirects"]], [302])
            self.assertEqual(json.loads(marline("get", "--json", server.url).stdout)["status"], 302)

    def test_an_endless_redirect_ends(self):
        with RawServer(b"HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n") as server:
            self.refused(47, "redirectLimit allows, 3", "get", "-L", "--max-redirs", "3", server.url)

    def test_garbage_is_refused(self):
        with RawServer(b"what do you want?\r\n\r\n") as server:
            self.refused(8, "bad response", "get", server.url)
            self.refused(60, "TLS handshake", "get", server.url.replace("http:", "https:"))

    def test_a_cut_body_is_an_error(self):
        with RawServer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") as server:
            self.refused(56, "ended inside its body", "get", server.url)

    def test_an_empty_answer_is_an_error(self):
        with RawServer(b"") as server:
            self.refused(52, "no response", "get", server.url)

    def test_bad_urls(self):
        self.refused(3, "bad URI", "get", "http://a b/")
        self.refused(3, "DNS", "get", "http://\u2603.example/")
        self.refused(3, "no host", "get", "http:///x")
        self.refused(1, "neither http nor https", "get", "ftp://example.org/")

    def test_bad_names_and_ports(self):
        self.refused(6, "nowhere.invalid", "get", "http://nowhere.invalid/")
        self.refused(7, "refused", "get", "http://127.0.0.1:1/")

    def test_bad_options(self):
        self.refused(43, "not a token", "get", "-X", "BAD METHOD", self.url)
        self.refused(2, "Name: value", "get", "-H", "nonsense", self.url)
        self.refused(2, "--resolve takes", "get", "--resolve", "nonsense", self.url)
        self.refused(2, "cannot read /no/such/file", "get", "--cacert", "/no/such/file", self.url)
        self.refused(23, "cannot write", "get", "-o", "/no/such/folder/file", self.url)

    def test_fail_makes_an_error_of_a_status(self):
        with RawServer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as server:
            self.refused(22, "404", "get", "--fail", server.url)

    def test_max_time_ends_it(self):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            self.refused(28, "--max-time", "get", "--max-time", "0.2", url)

    def test_fetch_says_which_are_well(self):
        result = marline("fetch", self.url, "http://127.0.0.1:1/")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(sorted(line.split()[1] for line in result.stdout.splitlines()), ["Bad:", "OK"])


if __name__ == "__main__":
    unittest.main()
