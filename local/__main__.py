"""Deploy a synthesised CDK app on this machine and serve it until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from local import calling, environment, preflight
from local.cloud import Cloud
from local.console import Console
from local.deploy import DeployError
from local.locks import HeldError, Lock
from local.settings import ColdStarts, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; `given` defaults to ``sys.argv[1:]``."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    add = parser.add_argument
    add("--app", type=Path, required=True, metavar="CDK_OUT", help="the synthesised CDK app")
    add("--port", type=int, default=0, help="loopback port of the AWS APIs; 0 (default) takes a free one")
    add(
        "--api-port",
        type=int,
        default=0,
        help="loopback port of the deployed HTTP API; 0 (default) takes a free one",
    )
    add("--account", default=Settings.account, help="the AWS account it answers as (default %(default)s)")
    add("--region", default=Settings.region, help="the AWS region it answers as (default %(default)s)")
    add("--keep", type=Path, metavar="DIR", help="keep the state here between runs (default: keep nothing)")
    add(
        "--images",
        type=Path,
        metavar="DIR",
        help="folder of images that are named by digest: a folder for each, and its manifest (default: none)",
    )
    add(
        "--cold-starts",
        type=_cold_starts,
        nargs="?",
        const=ColdStarts(),
        metavar="IDLE[,FUNCTION[,ENDPOINT]]",
        help="let functions and serverless endpoints go after IDLE seconds without a request, and take as many more to "
        "start anew (default: they stay; without numbers: 300,2,10)",
    )
    add(
        "--info",
        type=Path,
        default=Path(".relearn/local.json"),
        help="where to write addresses and keys (default %(default)s)",
    )
    add(
        "--attached",
        action="store_true",
        help="stop when standard input ends, as it does when the program that holds its other end is gone",
    )
    return parser.parse_args(given)


def _cold_starts(text: str) -> ColdStarts:
    try:
        return ColdStarts.of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(given: Sequence[str] | None = None) -> int:
    """Run a laptop cloud until it is interrupted and return the exit code.

    Returns
    -------
    int
        0 after a normal stop, 1 when the deployment fails or another cloud uses the info file, 2 when an
        option is refused, 130 when it is interrupted before it is up.
    """
    chosen = arguments(given)
    chosen.info = chosen.info.resolve()
    console = Console()
    if wrong := preflight.refusals(chosen):
        for line in wrong:
            console.failed(line)
        return 2
    chosen.info.parent.mkdir(parents=True, exist_ok=True)
    described = Lock(chosen.info.with_name(f"{chosen.info.name}.lock"))
    try:
        described.take()
    except HeldError as error:
        console.failed(
            f"{chosen.info} describes another laptop cloud, process {error.pid}, that is up: stop that one "
            f"(kill {error.pid}), or give another file with --info"
        )
        return 1
    chosen.info.unlink(missing_ok=True)  # a killed cloud leaves its file
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    if chosen.attached:
        threading.Thread(target=_stop_with_input, daemon=True).start()
    try:
        with Cloud(
            chosen.app, console.detail, account=chosen.account, region=chosen.region, port=chosen.port,
            api_port=chosen.api_port, keep=chosen.keep and chosen.keep.resolve(),
            images=chosen.images and chosen.images.resolve(), cold_starts=chosen.cold_starts,
        ) as cloud:  # fmt: skip
            return _run(chosen, cloud, console)
    except (DeployError, OSError, ValueError) as error:
        console.failed(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        with contextlib.suppress(FileNotFoundError):
            chosen.info.unlink()


def _run(chosen: argparse.Namespace, cloud: Cloud, console: Console) -> int:
    console.step(f"AWS account {chosen.account} answers at {cloud.endpoint_url} ({chosen.region})")
    seconds = cloud.deploy()
    console.done(f"deployed in {seconds:.1f} s")
    for line in addresses(cloud, chosen.info):
        console.plain(line)
    console.step("up; Ctrl-C stops it")
    with contextlib.suppress(KeyboardInterrupt):
        _write_info(chosen.info, cloud)
        threading.Event().wait()
    console.step("stopping")
    return 0


def _stop_with_input() -> None:
    """Interrupt the main thread when standard input ends."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _write_info(file: Path, cloud: Cloud) -> None:
    """Write addresses and keys as JSON to a file that only the owner can read."""
    settings = cloud.settings
    content = {
        "endpoint_url": cloud.endpoint_url,
        "api_url": cloud.api_url,
        "account": settings.account,
        "region": settings.region,
        "access_key_id": settings.access_key,
        "secret_access_key": settings.secret_key,
        "stage": cloud.stage,
        "outputs": cloud.outputs,
        "token_client": cloud.issuer.client,
        "pid": os.getpid(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(file)


def addresses(cloud: Cloud, info: Path) -> list[str]:
    """Return the lines to print once the cloud is up: addresses, outputs and environment variables.

    Two kinds of stack outputs are left out: ``ApiUrl``, which is the address on AWS and not reachable here,
    and JSON values, which programs read from `info`.
    """
    shown = {
        key: value for key, value in cloud.outputs.items() if key != "ApiUrl" and not value.startswith("{")
    }
    keys = {**environment.client(cloud.settings, cloud.endpoint_url), "API_URL": cloud.api_url}
    return [
        "",
        f"  API   {cloud.api_url}   e.g.",
        f"    {calling.curl(cloud, '/v1/models')}",
        *(f"  {key:20} {value}" for key, value in shown.items()),
        f"  {'addresses and keys':20} {info}",
        "",
        "  The AWS CLI and every SDK reach it with:",
        *(f"    export {key}={value}" for key, value in keys.items()),
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
