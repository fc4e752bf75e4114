"""`marline serve` from outside: files, TLS that reloads, workers, logs, and how it stops."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
LOCAL = "tcp:0:interface=127.0.0.1"


class Served:
    """A running `marline serve`, and where it listens."""

    def __init__(self, *arguments, ports=1):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ports = [self.port() for _ in range(ports)]

    def port(self):
        line = self.process.stdout.readline()
        return int(re.match(r"https?://127\.0\.0\.1:(\d+)/ serves ", line)[1])

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=30)

    def get(self, path, headers={}):
        connection = self.connection()
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        return self.process.stdout.readline()

    def stop(self):
        """Exit status, and what was printed since the start."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def certificate(folder, name):
    """Makes a self-signed certificate, and gives the paths of it and its key."""
    chain, key = str(folder / "chain.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", f"/CN={name}", "-days", "2", "-keyout", key, "-out", chain],
        check=True, capture_output=True)
    return chain, key


class ServeTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        (self.folder / "www").mkdir()
        (self.folder / "www/a.txt").write_text("content")
        self.path = str(self.folder / "www")

    def test_serves_files_and_health(self):
        with Served("--path", self.path, "--listen", LOCAL) as server:
            self.assertEqual(server.get("/a.txt"), (200, b"content"))
            self.assertEqual(server.get("/a.txt", {"Range": "bytes=1-2"}), (206, b"on"))
            self.assertEqual(server.get("/healthz"), (200, b"ok\n"))
            self.assertEqual(server.get("/none")[0], 404)
            self.assertIn(b'href="./a.txt"', server.get("/")[1])
            status, out, err = server.stop()
            self.assertEqual((status, err), (0, ""))

    def test_finishes_what_runs(self):
        (self.folder / "www/large").write_bytes(bytes(64 << 20))
        with Served("--path", self.path, "--listen", LOCAL, "--grace", "30") as server:
            idle, busy = server.connection(), server.connection()
            idle.request("GET", "/healthz")
            idle.getresponse().read()
            busy.request("GET", "/large")
            response = busy.getresponse()
            server.process.terminate()
            self.assertEqual(idle.sock.recv(1), b"", "closed at once")
            idle.close()
            self.assertEqual(len(response.read()), 64 << 20, "sent to its end")
            busy.close()
            out, err = server.process.communicate(timeout=60)
            self.assertEqual((server.process.returncode, err), (0, ""))
            self.assertIn("ended: 1 idle, 1 finished, 0 cut", out)

    def test_cuts_what_takes_too_long(self):
        (self.folder / "www/large").write_bytes(bytes(64 << 20))
        with Served("--path", self.path, "--listen", LOCAL, "--grace", "0.2") as server:
            busy = server.connection()
            busy.request("GET", "/large")
            busy.getresponse()
            status, out, err = server.stop()
            busy.close()
            self.assertEqual((status, err), (0, ""))
            self.assertIn("ended: 0 idle, 0 finished, 1 cut", out)

    def test_reloads_certificates_and_log(self):
        chain, key = certificate(self.folder, "old.example")
        log = self.folder / "log"
        with Served("--path", self.path, "--listen-tls", LOCAL, "--certificate", chain, "--key", key,
                    "--access-log", str(log), "--json") as server:
            def subject():
                context = ssl.create_default_context(cafile=chain)
                context.check_hostname = False
                with socket.create_connection(("127.0.0.1", server.ports[0]), timeout=30) as raw:
                    with context.wrap_socket(raw) as secure:
                        secure.sendall(b"GET /a.txt HTTP/1.0\r\n\r\n")
                        self.assertTrue(secure.recv(100).startswith(b"HTTP/1.1 200 "))
                        return secure.getpeercert()["subject"][0][0][1]

            self.assertEqual(subject(), "old.example")
            certificate(self.folder, "new.example")
            log.rename(self.folder / "log.1")
            self.assertEqual(server.reload(), "reloaded\n")
            self.assertEqual(subject(), "new.example")
            good = pathlib.Path(chain).read_text()
            pathlib.Path(chain).write_text("no certificate")
            server.process.send_signal(signal.SIGHUP)
            self.assertIn("not reloaded: ", server.process.stderr.readline())
            pathlib.Path(chain).write_text(good)
            self.assertEqual(subject(), "new.example", "the old ones stay")
            self.assertEqual(server.stop()[0], 0)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([line["uri"] for line in lines], ["/a.txt", "/a.txt"])
        self.assertEqual(lines[0]["status"], 200)
        self.assertEqual(len((self.folder / "log.1").read_text().splitlines()), 1)

    def free_port(self):
        # Bound and not listened on, so that nobody else is given it meanwhile.
        self.holder = socket.socket()
        self.holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.holder.bind(("127.0.0.1", 0))
        self.addCleanup(self.holder.close)
        return self.holder.getsockname()[1]

    def test_workers_share_a_port(self):
        where = f"tcp:{self.free_port()}:interface=127.0.0.1"
        with Served("--path", self.path, "--listen", where, "--workers", "3", ports=3) as server:
            self.assertEqual(len(set(server.ports)), 1)
            for _ in range(20):
                self.assertEqual(server.get("/a.txt"), (200, b"content"))
            status, out, err = server.stop()
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(out.count("ended: "), 3)

    def test_ends_when_a_worker_fails(self):
        where = f"tcp:{self.free_port()}:interface=127.0.0.1"
        with Served("--path", self.path, "--listen", where, "--workers", "2", ports=2) as server:
            children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True,
                                      text=True, check=True).stdout.split()
            self.assertEqual(len(children), 2)
            os.kill(int(children[0]), signal.SIGKILL)
            out, err = server.process.communicate(timeout=60)
            self.assertEqual(server.process.returncode, 1)
            self.assertIn(f"worker {children[0]} has failed", err)
            self.assertIn("ended: ", out)

    def refused(self, *arguments):
        done = subprocess.run([PROGRAM, "serve", *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    def test_says_what_is_wrong(self):
        status, err = self.refused("--path", str(self.folder / "none"))
        self.assertEqual(status, 2)
        self.assertIn("/none: No such file", err)
        status, err = self.refused("--listen-tls", LOCAL)
        self.assertEqual(status, 2)
        self.assertIn("--listen-tls needs --certificate", err)
        status, err = self.refused("--listen", "unix:/x", "--workers", "2")
        self.assertEqual(status, 2)
        self.assertIn("--workers needs endpoints that begin with tcp:", err)
        status, err = self.refused("--path", self.path, "--listen", "tcp:nonsense")
        self.assertEqual(status, 1)
        self.assertIn("marline serve: tcp:nonsense: ", err)


if __name__ == "__main__":
    unittest.main()
