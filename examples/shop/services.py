"""Run the processes of ``make shop``: the laptop cloud, the shop's server and the shop's commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).resolve().parent
_TAIL = 2000
_STOP_SECONDS, _START_SECONDS = 120.0, 60.0


class ShopError(Exception):
    """The shop cannot go on; the message has the reason."""


class Services:
    """Processes of the shop and its cloud; leaving the context stops them all.

    Parameters
    ----------
    folder
        Folder for the database, the cloud's state and the logs.
    info
        File that the cloud describes itself in.
    """

    def __init__(self, folder: Path, info: Path) -> None:
        self.folder, self.info = folder, info
        self._database = folder / "shop.db"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self._database}",
            "RELEARN_LOCAL": str(info),
        }
        self._environment.pop("RELEARN_URL", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        for process in self._running.values():
            process.send_signal(signal.SIGINT)
        for process in self._running.values():
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def new_database(self) -> bool:
        """Create the missing tables; return whether there was no database."""
        new = not self._database.exists()
        self.flask("init-db")
        return new

    def flask(self, *command: str) -> str:
        """Run one of the shop's commands; return its output.

        Raises
        ------
        ShopError
            The command failed; the message has the end of its error output.
        """
        full = [sys.executable, "-m", "flask", "--app", str(HERE / "shop"), *command]
        done = subprocess.run(full, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ShopError(f"flask {command[0]}: {done.stderr.strip()[-_TAIL:]}")
        return done.stdout

    def start_cloud(self, app: Path, port: int, api_port: int) -> None:
        """Start the laptop cloud, which writes its description once it is deployed."""
        command = [sys.executable, "-m", "local", "--app", str(app), "--info", str(self.info)]
        command += ["--port", str(port), "--api-port", str(api_port), "--keep", str(self.folder / "cloud")]
        self._start("cloud", command)

    def start_shop(self, port: int) -> str:
        """Start the shop, wait until it answers, and return its address.

        Raises
        ------
        ShopError
            A process ended, or the shop does not answer within 60 seconds.
        """
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "gunicorn", "shop:create_app()", "--chdir", str(HERE)]
        self._start(
            "shop", [*command, "--bind", f"127.0.0.1:{port}", "--threads", "8", "--no-control-socket"]
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                urllib.request.urlopen(f"{url}/sign-in", timeout=5).close()  # noqa: S310 - our own address
            except OSError:
                time.sleep(0.1)
            else:
                return url
        raise ShopError(f"the shop does not answer at {url}: {self._log('shop')}")

    def check(self) -> None:
        """Check that all processes run.

        Raises
        ------
        ShopError
            A process ended; the message has the end of its log.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ShopError(f"the {name} ended: {self._log(name)}")

    def _start(self, name: str, command: list[str]) -> None:
        # Its own session: Ctrl-C reaches this program only, which then stops the processes one after another.
        file = self.folder / f"{name}.log"
        file.touch(0o600)  # the cloud prints its keys there
        with file.open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=self._environment,
                cwd=HERE.parents[1],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace").strip()[-_TAIL:]
