"""One laptop cloud: starts it, deploys the assembly, provides clients and addresses."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Self

from local import processes
from local.deploy import Cdk
from local.images import Images
from local.kept import KeptFolder
from local.scratch import Scratch
from local.server import Server
from local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.api_gateway.issuer import Issuer


class Cloud:
    """A laptop cloud in this process; a context manager that leaves no process running.

    It replaces this process's environment, so a process can have one cloud in its life. Tests start ``python
    -m local --info FILE`` instead and read the file.

    Parameters
    ----------
    assembly : Path
        The synthesised CDK app.
    say : callable
        Receives each line of progress.
    **chosen
        Further fields of ``Settings``: account, region, port, api_port, keep, images, cold_starts.

    Raises
    ------
    FileNotFoundError
        When `assembly` has no ``manifest.json``.
    KeptError
        When the folder `keep` cannot be used.
    """

    def __init__(self, assembly: Path, say: Callable[[str], None] = print, **chosen: Any) -> None:
        if not (assembly / "manifest.json").exists():
            raise FileNotFoundError(
                f"{assembly} is not a synthesised CDK app: it has no manifest.json; run cdk synth first"
            )
        keep = chosen.get("keep")
        self._kept = KeptFolder(keep) if keep else None
        self._scratch = Scratch()
        self.settings = Settings(assembly=assembly.resolve(), scratch=self._scratch.path, **chosen)
        self._say = say
        self.stacks: dict[str, dict[str, str]] = {}
        self._server: Server | None = None
        self._account: Any = None

    def start(self) -> Self:
        """Serve the AWS APIs, with nothing deployed yet; stop everything again when that fails."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        images = Images(self.settings)
        self._server = Server(self.settings)
        from local.account import Account  # noqa: PLC0415 - MiniStack reads the environment on import

        self._account = Account(self.settings, images, self.endpoint_url, self._server.issuer)
        self._server.start()
        self._account.resume()
        self._images = images
        if self._account.durable:
            self._server.begin(self._account.durable.write_motion())

    def deploy(self) -> float:
        """Bootstrap the account, deploy every stack and return the duration in seconds."""
        began = time.monotonic()
        if self._account.durable:
            self._account.durable.begin_deployment()
        cdk = Cdk(self.settings, self.endpoint_url, self._say)
        cdk.bootstrap()
        count = self._images.publish(self.client("ecr"))
        self._say(f"{count} container image(s) published: each is a directory of {self.settings.assembly}")
        self.stacks = cdk.deploy()
        self._server_started.publish_api(self._api_id())
        if self._account.durable:
            self._server_started.begin(self._account.durable.write_everything()).result()
        return time.monotonic() - began

    @property
    def endpoint_url(self) -> str:
        """URL of the AWS APIs."""
        return self._server_started.endpoint

    @property
    def api_url(self) -> str:
        """URL of the deployed HTTP API."""
        return f"http://127.0.0.1:{self._server_started.api_port}"

    @property
    def issuer(self) -> Issuer:
        """Issuer of the tokens for the deployed HTTP API."""
        return self._server_started.issuer

    @property
    def outputs(self) -> dict[str, str]:
        """Outputs of all stacks by key, without the exports of one stack to another."""
        found = [item for outputs in self.stacks.values() for item in outputs.items()]
        return {key: value for key, value in sorted(found) if not key.startswith("ExportsOutput")}

    @property
    def stage(self) -> str:
        """Name of the deployed stage, from ``relearn-<stage>-<part>``; "" before the deployment."""
        names = [name for name in self.stacks if name.count("-") > 1]
        return names[0].partition("-")[2].rpartition("-")[0] if names else ""

    def client(self, service: str) -> Any:
        """Return a boto3 client that acts as the account's administrator."""
        return self._account.client(service)

    def stop(self) -> None:
        """Stop everything, remove the scratch folder and release the kept folder."""
        logging.disable()  # requests that are cut off now would log meaningless errors
        if self._account:
            self._account.close()
        if self._server:
            self._server.stop()
        processes.kill_all()
        if self._account:
            self._account.end_workers()
        self._scratch.remove()
        if self._kept:
            if self._server:
                self._kept.stopped()
            self._kept.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _server_started(self) -> Server:
        if self._server is None:
            raise RuntimeError("the laptop cloud is not started")
        return self._server

    def _api_id(self) -> str:
        """Return the id of the deployed HTTP API; "" when the app has none."""
        apis = self.client("apigatewayv2").get_apis()["Items"]
        return apis[0]["ApiId"] if apis else ""
