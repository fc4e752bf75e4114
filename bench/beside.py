#!/usr/bin/env python3
"""Measures programs of bench/ beside peers of Debian's, round by round, and prints one JSON object.

    beside.py [--bin build/release/bench] [--rounds 5] [--seconds 2] static
    beside.py [--bin build/release/bench] [--rounds 5] download

static: static_files and nginx serve the same folder to wrk over 64 kept connections; CPU and requests
of the server, for 1 KiB and for 1 MiB. download: http_download and curl fetch 1 GiB from static_files
into a file; CPU of the client, all of its process. Ratios are taken in each round, then the median.
What is measured runs on core $SUT_CPU (0), the other side on $LOAD_CPU (1).
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SUT, LOAD = os.environ.get("SUT_CPU", "0"), os.environ.get("LOAD_CPU", "1")

NGINX = """daemon off; worker_processes 1; pid {dir}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type application/octet-stream; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; root {www}; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(cpu, argv):
    return ["taskset", "-c", cpu, *argv]


class Server:
    """A program that listens on `port`, until it is stopped."""

    def __init__(self, argv, port, cpu):
        self.port = port
        self.process = subprocess.Popen(pinned(cpu, argv), stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        sys.exit(f"beside: {argv[0]} does not listen")

    def cpu_seconds(self):
        pids = [self.process.pid]
        with open(f"/proc/{pids[0]}/task/{pids[0]}/children", encoding="ascii") as children:
            pids += children.read().split()
        ticks = 0
        for pid in pids:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def start_marline(options, folder, cpu):
    port = free_port()
    return Server([f"{options.bin}/static_files", "--port", str(port), "--folder", folder], port, cpu)


def start_nginx(folder, work, cpu):
    port = free_port()
    conf = os.path.join(work, "nginx.conf")
    with open(conf, "w", encoding="ascii") as out:
        out.write(NGINX.format(dir=work, port=port, www=folder))
    return Server(["nginx", "-e", "stderr", "-p", work, "-c", conf], port, cpu)


def wrk(port, name, seconds):
    """How many requests were answered in that time."""
    argv = ["wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "5s", f"http://127.0.0.1:{port}/{name}"]
    said = subprocess.run(pinned(LOAD, argv), check=True, capture_output=True, text=True).stdout
    if "Socket errors" in said or "Non-2xx" in said:
        sys.exit(f"beside: wrk saw errors:\n{said}")
    return int(re.search(r"(\d+) requests in", said).group(1))


def one_load(server, name, seconds):
    before = server.cpu_seconds()
    requests = wrk(server.port, name, seconds)
    return {"cpu_us": (server.cpu_seconds() - before) * 1e6 / requests, "rps": requests / seconds}


def summary(rounds, ours, peer):
    """The medians of a list of {contestant: {metric: value}}."""
    result = {
        who: {key: round(statistics.median(r[who][key] for r in rounds), 3) for key in rounds[0][who]}
        for who in (ours, peer)
    }
    key = next(iter(rounds[0][ours]))
    result["ratio"] = round(statistics.median(r[ours][key] / r[peer][key] for r in rounds), 3)
    return result


def static(options, work):
    folder = os.path.join(work, "www")
    os.mkdir(folder)
    servers = {"marline": start_marline(options, folder, SUT)}
    try:
        servers["nginx"] = start_nginx(folder, work, SUT)
        result = {}
        for name in ("1k", "1m"):
            for server in servers.values():
                wrk(server.port, name, 1)
            rounds = [
                {who: one_load(server, name, options.seconds) for who, server in servers.items()}
                for _ in range(options.rounds)
            ]
            result[name] = summary(rounds, "marline", "nginx")
        return result
    finally:
        for server in servers.values():
            server.stop()


def one_download(argv):
    began = time.monotonic()
    process = subprocess.Popen(pinned(SUT, argv), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"beside: {argv[0]} failed")
    return {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": time.monotonic() - began}


def download(options, work):
    server = start_marline(options, work, LOAD)
    out = os.path.join(work, "saved")
    url = f"http://127.0.0.1:{server.port}/1g"
    programs = {
        "marline": [f"{options.bin}/http_download", "--url", url, "--out", out],
        "curl": ["curl", "-sf", "-o", out, url],
    }
    try:
        rounds = []
        for _ in range(options.rounds):
            rounds.append({})
            for who, argv in programs.items():
                if os.path.exists(out):
                    os.remove(out)
                rounds[-1][who] = one_download(argv)
                if os.path.getsize(out) != 1 << 30:
                    sys.exit(f"beside: {who} has not saved it all")
        return summary(rounds, "marline", "curl")
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("static", "download"))
    parser.add_argument("--bin", default="build/release/bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    for needed in {"static": ("nginx", "wrk"), "download": ("curl",)}[options.what]:
        if shutil.which(needed) is None:
            sys.exit(f"beside: {needed} is not installed")
    work = tempfile.mkdtemp(prefix="marline-beside-")
    os.chmod(work, 0o755)  # nginx's worker may be another user
    try:
        print(json.dumps({"static": static, "download": download}[options.what](options, work)))
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
