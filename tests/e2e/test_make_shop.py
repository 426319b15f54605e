"""`make shop`: one command brings the cloud, both models and the shop up, and Ctrl-C ends all of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.clouds import APP, ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]
PATIENCE_SECONDS = 600.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_the_shop_comes_up_with_its_models_and_ends_when_told(tmp_path: Path) -> None:
    port, info = free_port(), tmp_path / "local.json"
    command = [sys.executable, "examples/shop/laptop.py", "--app", str(APP), "--port", str(port)]
    command += ["--aws-port", "0", "--api-port", "0", "--info", str(info), "--keep", str(tmp_path / "kept")]
    shop = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    late = threading.Timer(PATIENCE_SECONDS, shop.send_signal, [signal.SIGINT])
    late.start()
    try:
        assert shop.stdout
        said: list[str] = []
        for line in shop.stdout:
            said.append(line)
            if "both models serve" in line:
                break
        else:
            pytest.fail("".join(said))
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/product/tea-01", timeout=30).read().decode()
        assert "You may also like" in page
        cloud = json.loads(info.read_text())["pid"]
        shop.send_signal(signal.SIGINT)
        rest = shop.stdout.read()
        assert shop.wait() == 0, rest
        assert rest.rstrip().endswith("stopping")
    finally:
        late.cancel()
        shop.send_signal(signal.SIGINT)
        shop.wait(timeout=90)
    assert not info.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(cloud, 0)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
