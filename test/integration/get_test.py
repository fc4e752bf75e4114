"""`marline get` and `marline fetch` from outside: good answers, and one clear line for bad ones."""
import gzip
import hashlib
import json
import os
import pty
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM, SERVER = sys.argv.pop(1), sys.argv.pop(1)


def marline(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class Server:
    """Accepts one connection after the other, which `serve` answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                with connection:
                    self.serve(connection)
            except OSError:
                pass  # a client that leaves, refuses the certificate, or is refused

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The thread must not accept for whoever gets the number of this descriptor next.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class RawServer(Server):
    """Answers each connection with the same bytes."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        super().__init__()

    def serve(self, connection):
        self.requests.append(connection.recv(65536))
        connection.sendall(self.answer)


class TunnelProxy(Server):
    """Connects by CONNECT, to ports of this machine only; over TLS when it has a `context`."""

    def __init__(self, context=None):
        self.context = context
        self.asked = []
        super().__init__()

    def serve(self, connection):
        if self.context:
            with self.context.wrap_socket(connection, server_side=True) as secure:
                self.tunnel(secure)
        else:
            self.tunnel(connection)

    def tunnel(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            if not byte:
                return
            head += byte
        self.asked.append(head.split(b"\r\n")[0].decode())
        with socket.create_connection(("127.0.0.1", int(head.split()[1].rsplit(b":")[-1]))) as origin:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                waiting = getattr(client, "pending", int)() > 0
                for side in [client] if waiting else select.select([client, origin], [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (origin if side is client else client).sendall(data)


def certificate(folder, name):
    """Makes a self-signed certificate, and gives the paths of it and its key."""
    chain, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", f"/O=Here/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2",
         "-keyout", key, "-out", chain],
        check=True, capture_output=True)
    return chain, key


class TlsServer(Server):
    """Answers each connection over TLS, as `localhost`; `alpn` are the protocols it speaks, and
    `clients` is the certificate that it wants to see."""

    def __init__(self, folder, answer, alpn=(), clients=None):
        self.chain, key = certificate(folder, "localhost")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.chain, key)
        if alpn:
            self.context.set_alpn_protocols(alpn)
        if clients:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)
        self.seen = []
        self.answer = answer
        super().__init__()
        self.url = f"https://localhost:{self.port}/"

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as secure:
            self.seen.append(secure.getpeercert())
            secure.recv(65536)
            secure.sendall(self.answer)


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

    def test_a_file_is_put(self):
        with RawServer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as server, tempfile.NamedTemporaryFile() as file:
            file.write(b"content")
            file.flush()
            self.assertEqual(marline("get", "-T", file.name, server.url).returncode, 0)
            self.assertTrue(server.requests[-1].startswith(b"PUT / HTTP/1.1\r\n"), server.requests)
            self.assertTrue(server.requests[-1].endswith(b"\r\n\r\ncontent"), server.requests)
            self.refused(2, "/no/such/file", "get", "-T", "/no/such/file", server.url)

    def test_verbose_tells_what_is_sent_and_what_comes(self):
        result = marline("get", "-v", "--http1.1", "-u", "me:secret", self.url)
        self.assertEqual((result.returncode, result.stdout), (0, "well\n"))
        lines = result.stderr.splitlines()
        self.assertIn("* connected to " + self.url.split("/")[2], lines)
        self.assertIn("> GET / HTTP/1.1", lines)
        self.assertIn("> Host: " + self.url.split("/")[2], lines)
        self.assertIn("> Authorization: (not shown)", lines)
        self.assertIn("< HTTP/1.1 200 OK", lines)
        self.assertIn("< Content-Type: text/plain", lines)

    def test_verbose_tells_of_tls(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        for alpn, agreed in ((["http/1.1"], "accepted http/1.1"), ([], "did not agree on a protocol")):
            with tempfile.TemporaryDirectory() as folder, TlsServer(folder, ok, alpn) as server:
                result = marline("get", "-v", "--cacert", server.chain, server.url)
            self.assertEqual((result.returncode, result.stdout), (0, "ok"), result)
            lines = result.stderr.splitlines()
            begin = next(i for i, line in enumerate(lines) if line.startswith("* SSL connection"))
            self.assertRegex(lines[begin], r"^\* SSL connection using TLSv1\.[23] / [A-Z0-9_-]+$")
            self.assertEqual(lines[begin + 1], "* ALPN: server " + agreed)
            self.assertEqual(lines[begin + 2], "* Server certificate:")
            self.assertRegex(lines[begin + 3], r"^\*  subject: .*CN ?= ?localhost")
            self.assertRegex(lines[begin + 4], r"^\*  start date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")
            self.assertRegex(lines[begin + 5], r"^\*  expire date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")
            self.assertEqual(lines[begin + 6], "*  subjectAltName: localhost")
            self.assertRegex(lines[begin + 7], r"^\*  issuer: .*O ?= ?Here")
            self.assertLess(begin, lines.index("< HTTP/1.1 200 OK"))

    def test_verbose_tells_of_tls_inside_of_tunnels(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with tempfile.TemporaryDirectory() as folder, TlsServer(folder, ok, ["http/1.1"]) as server:
            for context, scheme in ((None, "http"), (server.context, "https")):
                with TunnelProxy(context) as proxy:
                    result = marline("get", "-v", "--cacert", server.chain, "--proxy",
                                     f"{scheme}://localhost:{proxy.port}", server.url)
                self.assertEqual((result.returncode, result.stdout), (0, "ok"), result)
                self.assertEqual(proxy.asked, [f"CONNECT localhost:{server.port} HTTP/1.1"])
                lines = [line.split(" using ")[0] for line in result.stderr.splitlines()]
                through = lines.index(f"* the proxy has connected to localhost:{server.port}")
                told = ["* SSL connection", "* ALPN: server accepted http/1.1", "* Server certificate:"]
                self.assertEqual(lines[through + 1:through + 4], told)
                self.assertLess(through, lines.index("< HTTP/1.1 200 OK"))
                self.assertIn(f"* connected to 127.0.0.1:{proxy.port}", lines[:through])
                self.assertEqual([line in lines[:through] for line in told], 3 * [scheme == "https"])
                self.assertEqual(lines.count("* SSL connection"), 2 if context else 1)
                self.assertEqual(len([line for line in lines if line.startswith("* connected")]), 1)

    def test_json_times_tls_inside_of_tunnels(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with tempfile.TemporaryDirectory() as folder, TlsServer(folder, ok) as server, TunnelProxy() as proxy:
            report = json.loads(marline("get", "--json", "--cacert", server.chain, "--proxy", proxy.url,
                                        server.url).stdout)
        self.assertGreater(report["timings"]["tls"], 0)
        self.assertGreater(report["timings"]["connect"], 0)

    def test_servers_are_verified(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with tempfile.TemporaryDirectory() as folder, TlsServer(folder, ok) as server:
            self.refused(60, "certificate", "get", server.url)
            self.refused(60, "", "get", "--cacert", server.chain, "--resolve", f"x.test:{server.port}:127.0.0.1",
                         f"https://x.test:{server.port}/")
            for option in ("-k", "--insecure"):
                result = marline("get", option, server.url)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "ok", ""))

    def test_clients_show_a_certificate(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with tempfile.TemporaryDirectory() as folder:
            chain, key = certificate(folder, "client")
            both = folder + "/both.pem"
            with open(both, "w") as out, open(chain) as first, open(key) as second:
                out.write(first.read() + second.read())
            with TlsServer(folder, ok, clients=chain) as server:
                for shown in (["--cert", chain, "--key", key], ["--cert", both]):
                    result = marline("get", "--cacert", server.chain, *shown, server.url)
                    self.assertEqual((result.returncode, result.stdout), (0, "ok"), result)
                    self.assertIn((("commonName", "client"),), server.seen[-1]["subject"])
                self.assertNotEqual(marline("get", "--cacert", server.chain, server.url).returncode, 0)
                self.refused(2, "/no/such/file", "get", "--cert", "/no/such/file", server.url)

    def test_a_compressed_body_is_written_decoded(self):
        coded = gzip.compress(b"plain")
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(coded)}\r\n\r\n"
        with RawServer(head.encode() + coded) as server, tempfile.NamedTemporaryFile() as file:
            result = marline("get", "--compressed", server.url)
            self.assertEqual((result.returncode, result.stdout), (0, "plain"))
            self.assertIn(b"\r\nAccept-Encoding: ", server.requests[-1])
            self.assertEqual(marline("get", "-o", file.name, server.url).returncode, 0)
            self.assertEqual(file.read(), coded)
            self.assertNotIn(b"\r\nAccept-Encoding: ", server.requests[-1])
        with RawServer(head.encode() + b"x" * len(coded)) as server:
            self.refused(61, "decode", "get", "--compressed", server.url)

    def test_connecting_has_a_time(self):
        # A queue of one that is full: what comes then is not answered.
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        with listener:
            for _ in range(8):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(listener.getsockname())
            self.refused(28, "127.0.0.1", "get", "--connect-timeout", "0.3",
                         f"http://127.0.0.1:{listener.getsockname()[1]}/")
        for each in waiting:
            each.close()

    def test_names_of_method_and_fields(self):
        with RawServer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as server:
            for names in (["-X", "-H"], ["--request", "--header"]):
                self.assertEqual(marline("get", names[0], "DELETE", names[1], "X: y", names[1], "Host: h", server.url).returncode, 0)
                self.assertTrue(server.requests[-1].startswith(b"DELETE / HTTP/1.1\r\n"))
                self.assertIn(b"\r\nX: y\r\n", server.requests[-1])
                self.assertIn(b"\r\nHost: h\r\n", server.requests[-1])

    def test_cookies_are_kept_as_json_too(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: seen=1; SameSite=Lax\r\n\r\n"
        with RawServer(ok) as server, tempfile.TemporaryDirectory() as folder:
            jar = folder + "/jar.json"
            self.assertEqual(marline("get", "-c", jar, server.url).returncode, 0)
            with open(jar) as file:
                self.assertEqual(json.load(file)["cookies"][0]["sameSite"], "lax")
            self.assertEqual(marline("get", "-b", jar, server.url).returncode, 0)
            self.assertIn(b"\r\nCookie: seen=1\r\n", server.requests[-1])
            with open(jar, "w") as file:
                file.write('{"cookies": [{}]}')
            self.refused(2, "cookie 1 of the JSON", "get", "-b", jar, server.url)

    def test_known_hosts_are_asked_by_https(self):
        port = self.url.rstrip("/").rsplit(":", 1)[1]
        with tempfile.TemporaryDirectory() as folder:
            hosts = folder + "/hsts"
            arguments = ("get", "--hsts", hosts, "--resolve", f"site.test:{port}:127.0.0.1", f"http://site.test:{port}/")
            self.assertEqual(marline(*arguments).returncode, 0)
            with open(hosts, "a") as file:
                file.write('site.test "unlimited"\n')
            self.refused(60, "TLS handshake", *arguments)
            with open(hosts, "w") as file:
                file.write("nonsense\n")
            self.refused(2, "line 1 of the HSTS hosts", *arguments)

    def test_a_bad_url_empties_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            jar, hosts = folder + "/jar.json", folder + "/hsts"
            with open(jar, "w") as file:
                file.write('{"cookies": []}')
            with open(hosts, "w") as file:
                file.write('site.test "unlimited"\n')
            result = marline("get", "--hsts", hosts, "-b", jar, "-c", jar, "http://example.org:99999/")
            self.assertNotEqual(result.returncode, 0, result)
            with open(jar) as file:
                self.assertEqual(file.read(), '{"cookies": []}')
            with open(hosts) as file:
                self.assertIn("site.test", file.read())

    def test_what_cannot_be_saved_is_told_behind_the_answer(self):
        result = marline("get", "-c", "/nowhere/jar", self.url)
        self.assertEqual(result.returncode, 23, result)
        self.assertIn("/nowhere/jar", result.stderr)

    def test_a_proxy_is_asked_instead(self):
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with RawServer(ok) as proxy:
            result = marline("get", "--proxy", "me:x@" + proxy.url[7:-1], "http://nowhere.invalid/a")
            self.assertEqual((result.returncode, result.stdout), (0, "ok"))
            self.assertTrue(proxy.requests[-1].startswith(b"GET http://nowhere.invalid/a HTTP/1.1\r\n"))
            self.assertIn(b"\r\nProxy-Authorization: Basic bWU6eA==\r\n", proxy.requests[-1])
            direct = marline("get", "--proxy", proxy.url, "--noproxy", "127.0.0.0/8", self.url)
            self.assertEqual((direct.stdout, len(proxy.requests)), ("well\n", 1))
        self.refused(2, "--proxy", "get", "--proxy", "ftp://x", self.url)

    def test_a_terminal_sees_the_progress(self):
        primary, terminal = pty.openpty()
        with tempfile.NamedTemporaryFile() as file:
            result = subprocess.run([PROGRAM, "get", "-o", file.name, self.url], stderr=terminal, timeout=60)
            os.close(terminal)
            seen = os.read(primary, 4096).decode()
            os.close(primary)
        self.assertEqual(result.returncode, 0)
        self.assertIn("100 % [==============================] 5 B of 5 B, ", seen)

    def test_a_terminal_sees_how_far_it_was(self):
        begun = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        primary, terminal = pty.openpty()
        with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.NamedTemporaryFile() as file:

            def flood():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    try:
                        connection.sendall(begun)
                        while True:  # it comes while the time runs out, and never ends
                            connection.sendall(b"x")
                    except OSError:
                        return

            threading.Thread(target=flood, daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            result = subprocess.run([PROGRAM, "get", "-m", "0.3", "-o", file.name, url], stderr=terminal, timeout=60)
            os.close(terminal)
            seen = b""
            try:
                while part := os.read(primary, 65536):
                    seen += part
            except OSError:
                pass  # the terminal is closed
            os.close(primary)
        self.assertEqual(result.returncode, 28, seen)
        self.assertIn(" of 953.7 MiB, ", seen.decode())
        self.assertIn("--max-time", seen.decode())

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
        self.assertEqual(list(report["timings"]), ["resolve", "connect", "tls", "firstByte", "total"])
        self.assertGreater(report["timings"]["total"], 0)
        self.assertGreater(report["timings"]["connect"], 0)
        self.assertEqual(report["timings"]["tls"], 0)
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

    def test_a_post_is_redirected_as_asked_for(self):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {self.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with RawServer(moved) as server:
            for option in ("-L", "--location", "--browser"):
                result = marline("get", option, "-d", "a=b", server.url)
                self.assertEqual((result.returncode, result.stdout), (0, "well\n"), option)
            self.refused(47, "302", "get", "--strict-redirects", "-d", "a=b", server.url)
            self.assertEqual(marline("get", "--strict-redirects", server.url).stdout, "well\n")

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

    def test_fetch_reads_files_and_stdin(self):
        many = f"# a comment\n\n  {self.url}\r\n" + (self.url + "\n") * 299
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(many)
            file.flush()
            result = marline("fetch", "--concurrency", "7", "--input", file.name, self.url)
        self.assertEqual((result.returncode, result.stdout), (0, (self.url + " OK\n") * 301))
        self.assertRegex(
            result.stderr,
            r"^301 requests, 0 bad, 1505 bytes in [\d.]+ s, [\d.]+ requests/s; ms: "
            r"min [\d.]+, 50% [\d.]+, 90% [\d.]+, 99% [\d.]+, max [\d.]+\n$")
        result = subprocess.run([PROGRAM, "fetch", "-s", "--input", "-"], input=many, capture_output=True, text=True)
        self.assertEqual((result.stdout.count("OK"), result.stderr), (300, ""))

    def test_fetch_writes_lines_of_json(self):
        result = marline("fetch", "--json", "--concurrency", "1", self.url, "http://127.0.0.1:1/", "http://a b/")
        self.assertEqual(result.returncode, 1)
        well, refused, bad = map(json.loads, result.stdout.splitlines())
        self.assertEqual((well["ok"], well["status"], well["bodyBytes"], well["error"]), (True, 200, 5, None))
        self.assertEqual((refused["ok"], refused["status"], refused["error"]["phase"]), (False, None, "connect"))
        self.assertEqual((bad["url"], bad["error"]["phase"]), ("http://a b/", "url"))

    def test_fetch_survives_thousands_of_bad_urls(self):
        result = subprocess.run([PROGRAM, "fetch", "--input", "-"], input="http:///\n" * 20000, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout.count("Bad: ")), (1, 20000))

    def test_fetch_fails_when_a_line_cannot_be_written(self):
        for urls in ([self.url], [self.url] * 3):
            with open("/dev/full", "w") as full:
                result = subprocess.run([PROGRAM, "fetch", *urls], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(result.returncode, 70, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn("not all of the", result.stderr)

    def test_fetch_needs_urls(self):
        self.refused(2, "no URL", "fetch")
        self.refused(2, "cannot read /no/such/file", "fetch", "--input", "/no/such/file")


if __name__ == "__main__":
    unittest.main()
