"""varnish as the edge: one process with edge.vcl in front of an origin, on loopback, for the length of a block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARNISHD = shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin")
VCL = Path(__file__).with_name("edge.vcl")
UP_WITHIN_SECONDS = 20.0


@contextmanager
def edge(origin_port: int, *, stale_while_revalidate: int) -> Iterator[int]:
    """Run varnish before the origin. Gives the port it listens on."""
    assert VARNISHD is not None, "varnish is not installed (apt-get install varnish)"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="buildflags-edge-") as folder:
        vcl = Path(folder, "edge.vcl")
        text = VCL.read_text().replace("ORIGIN_PORT", str(origin_port), 2)
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        vcl.write_text(text.replace("STALE_WHILE_REVALIDATE", str(stale_while_revalidate)) + "\n")
        listens = [
            "-F",
            "-n",
            f"{folder}/run",
            "-a",
            f"127.0.0.1:{port}",
            "-f",
            str(vcl),
            "-s",
            "malloc,64m",
            "-j",
            "none",
        ]
        knobs = [("thread_pools", "1"), ("thread_pool_min", "50"), ("listen_depth", "4096"), ("default_ttl", "0")]
        options = [part for name, value in knobs for part in ("-p", f"{name}={value}")]
        process = subprocess.Popen(
            [VARNISHD, *listens, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            _until_it_listens(process, port)
            yield port
        finally:
            process.terminate()
            process.communicate(timeout=10)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    until = time.monotonic() + UP_WITHIN_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            msg = f"varnish ended: {process.communicate()[0][-800:]}"
            raise RuntimeError(msg)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    msg = f"varnish does not listen after {UP_WITHIN_SECONDS:g} s"
    raise RuntimeError(msg)
