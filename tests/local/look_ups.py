"""Which hosts are looked up, in namespaces of this process's own.

``python -m tests.local.look_ups FOLDER``: by ONNX Runtime, without us and with us. ``python -m tests.local.look_ups FOLDER
APP``: by the story of iris on a laptop cloud: deployment, functions, training, serving and commands.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

SESSION = """
import sys, time
{first}
import numpy, onnx, onnxruntime
from onnx import TensorProto, helper
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value("x")], [value("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
session.run(None, {{"x": numpy.ones(1, numpy.float32)}})
print("scored", flush=True)
sys.stdin.read()
"""
"""A process that scores, and stays until its input ends."""
LONGEST = 120.0
"""Seconds that a process may take until it looks something up."""
OFF = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")
"""Variables by which ONNX Runtime keeps quiet."""


class NameServer:
    """Notes the questions of this machine's processes, and answers none.

    Parameters
    ----------
    folder
        Where the configuration of the resolver is written that is mounted over the machine's own.
    """

    def __init__(self, folder: Path) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        config = folder / "resolv.conf"
        config.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", str(config), "/etc/resolv.conf"], check=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        self.asked: set[str] = set()
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            self.asked.add(_name(self._socket.recv(512)))


def _name(question: bytes) -> str:
    labels, at = [], 12  # behind the header of RFC 1035, 4.1.1
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels)


def _scoring(first: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in OFF}
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION.format(first=first)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None or process.stdout.readline() != "scored\n":
        raise SystemExit("the process does not score")
    return process


def _looked_up(server: NameServer, seconds: float) -> tuple[str, float]:
    """Wait until something is looked up, or for so many seconds; say what, and how long it took."""
    began = time.monotonic()
    while not server.asked and time.monotonic() - began < seconds:
        time.sleep(0.1)
    found, took = ", ".join(sorted(server.asked)) or "nothing", time.monotonic() - began
    server.asked.clear()
    return found, took


def main() -> None:
    """Listen to what is asked for."""
    folder, *app = map(Path, sys.argv[1:])
    server = NameServer(folder)
    if app:
        _tell(server, folder, *app)
    else:
        _score(server)


def _tell(server: NameServer, folder: Path, app: Path) -> None:
    """Tell the story of one model to its end."""
    environment = {name: value for name, value in os.environ.items() if name not in OFF}
    story = [
        *(sys.executable, "-m", "demo", "--app", str(app), "--info", str(folder / "info.json")),
        *("--models", "iris", "--port", "0", "--api-port", "0", "--once"),
    ]
    subprocess.run(story, env=environment, stdout=sys.stderr, check=True)
    sys.stdout.write(f"looked up: {', '.join(sorted(server.asked)) or 'nothing'}\n")


def _score(server: NameServer) -> None:
    """Score without the package ``scoring`` until a host is looked up, then with it for twice as long."""
    with _scoring("") as without:
        found, took = _looked_up(server, LONGEST)
        without.kill()
    server.asked.clear()
    with _scoring("import scoring") as ours:
        mine, _ = _looked_up(server, 2 * took)
        ours.kill()
    sys.stdout.write(f"looked up without us: {found}\nlooked up by ours: {mine}\n")


if __name__ == "__main__":
    main()
