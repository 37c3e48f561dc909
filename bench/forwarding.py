"""Ingest while events are forwarded to a log server that is dead, slow, or well.

    python bench/forwarding.py [--events 100000] [--rounds 5]

Records a job as bench/ingest.py does, beside the forwarder's own process as a controller starts it.
`dead` is a port at which nobody listens, `slow` a server that takes 200 ms for each request. The
rounds go in turn, since a machine's speed drifts; the figure is the median of each against `off`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.ingest import installation, run

SERVERS = ("off", "dead", "slow", "well")


def serve(pause: float) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(pause)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def turn_on(server: str, ports: dict[str, int]) -> subprocess.Popen[bytes] | None:
    from gantry.resources.log_aggregator import change

    values = {
        "HOST": f"http://127.0.0.1:{ports.get(server, 1)}/", "TYPE": "splunk",
        "ENABLED": server != "off", "LOGGERS": ["job_events"],
    }  # fmt: skip
    change({f"LOG_AGGREGATOR_{name}": value for name, value in values.items()})
    if server == "off":
        return None
    return subprocess.Popen([sys.executable, "-m", "gantry.record.forward"], stdin=subprocess.PIPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    servers = {"slow": serve(0.2), "well": serve(0)}
    ports = {name: server.server_address[1] for name, server in servers.items()}
    found: dict[str, list[float]] = {name: [] for name in SERVERS}
    with installation() as url:
        import uuid

        from gantry.resources.models import Installation, LogStream

        Installation.objects.get_or_create(defaults={"uuid": uuid.uuid4()})
        sent = dict.fromkeys(SERVERS, 0)
        for _ in range(arguments.rounds):
            for name in SERVERS:
                LogStream.objects.all().delete()
                child = turn_on(name, ports)
                while child is not None and not LogStream.objects.exclude(position={}).exists():
                    time.sleep(0.1)
                took = asyncio.run(run(url, arguments.events, 1000))
                found[name].append(arguments.events / took["wall"])
                row = LogStream.objects.first()
                sent[name] += row.sent if row is not None else 0
                if child is not None:
                    child.kill()
                    child.wait()
    off = statistics.median(found["off"])
    print("| log server | events/s, median | of those without | forwarded meanwhile |")
    print("| --- | --- | --- | --- |")
    for name in SERVERS:
        rate = statistics.median(found[name])
        print(f"| {name} | {rate:,.0f} | {rate / off:.1%} | {sent[name]} |", flush=True)


if __name__ == "__main__":
    main()
