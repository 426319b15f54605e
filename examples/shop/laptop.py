"""``make shop``: run the laptop cloud, train its models, and run the shop that uses them, until Ctrl-C.

The shop's history is the seed data of both models, so their version 1 has learnt from it. An export every few
minutes uploads what is done in the shop, and new versions follow.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from progress import Progress
from services import Services, ShopError

ROOT = Path(__file__).resolve().parents[2]
SEEDS = {
    "tickets": ROOT / "training/models/tickets/seed.csv",
    "events": ROOT / "training/models/products/seed/events.csv",
}
PATIENCE_SECONDS, LOOK_SECONDS = 900.0, 1.0


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make shop ARGS=...", description=__doc__)
    add = parser.add_argument
    add("--app", type=Path, required=True, metavar="CDK_OUT", help="the synthesised CDK app")
    add("--port", type=int, default=8000, help="loopback port of the shop (default %(default)s)")
    add(
        "--aws-port", type=int, default=4566, help="of the AWS APIs; 0 takes a free one (default %(default)s)"
    )
    add(
        "--api-port",
        type=int,
        default=4567,
        help="of Relearn's API; 0 takes a free one (default %(default)s)",
    )
    add("--export-minutes", type=float, default=2.0, help="between two exports (default %(default)s)")
    add("--once", action="store_true", help="end when both models serve, 0 if all went well")
    add(
        "--tickets",
        type=Path,
        default=SEEDS["tickets"],
        help="history of tickets (default: the model's seed)",
    )
    add("--events", type=Path, default=SEEDS["events"], help="history of events (default: the model's seed)")
    add("--keep", type=Path, metavar="DIR", help="keep database, cloud and logs here (default: keep nothing)")
    add("--info", type=Path, default=ROOT / ".relearn/local.json", help="where the cloud describes itself")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the shop with its models; return the exit code."""
    chosen = arguments(given)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-")))
        folder.mkdir(parents=True, exist_ok=True)
        services = stack.enter_context(Services(folder.resolve(), chosen.info.resolve()))
        try:
            return _run(chosen, services)
        except (ShopError, OSError) as error:
            _say(f"it does not go on: {error}")
            return 1
        except KeyboardInterrupt:
            _say("stopping")
            return 1 if chosen.once else 0


def _run(chosen: argparse.Namespace, services: Services) -> int:
    if _lives(chosen.info):
        raise ShopError(
            f"{chosen.info} is there: a laptop cloud runs already; stop it, or give another --info"
        )
    chosen.info.unlink(missing_ok=True)
    _say("filling the shop's database")
    if services.new_database():
        services.flask("import-history", "--tickets", str(chosen.tickets), "--events", str(chosen.events))
        services.flask("export", "--known")
    services.start_cloud(chosen.app.resolve(), chosen.aws_port, chosen.api_port)
    url = services.start_shop(chosen.port)
    _say(f"the shop is at {url}  (sign in as v0001 for a customer with a history, as agent for the desk)")
    _say("the laptop cloud comes up and trains; until then pages work without models")
    progress = Progress(services, _say)
    _until_served(progress, services)
    _export(services)
    _say(f"both models serve; the shop exports every {chosen.export_minutes:g} minutes; Ctrl-C stops it")
    if chosen.once:
        return 0
    _keep_on(chosen.export_minutes * 60, progress, services)
    return 0


def _lives(info: Path) -> bool:
    """Return whether the laptop cloud that a file describes runs; a cloud that was killed leaves its file."""
    try:
        os.kill(int(json.loads(info.read_text())["pid"]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _until_served(progress: Progress, services: Services) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not progress.look():
        services.check()
        if time.monotonic() > deadline:
            raise ShopError(f"waited {PATIENCE_SECONDS:.0f} s for the models in vain")
        time.sleep(LOOK_SECONDS)


def _keep_on(every: float, progress: Progress, services: Services) -> None:
    due = time.monotonic() + every
    while True:
        time.sleep(LOOK_SECONDS)
        services.check()
        progress.look()
        if time.monotonic() >= due:
            _export(services)
            due = time.monotonic() + every


def _export(services: Services) -> None:
    try:
        for line in services.flask("export").splitlines():
            _say(f"exported {line}")
    except ShopError as error:
        _say(f"the export will be tried again: {error}")


def _say(text: str) -> None:
    """Print a line with the time; show control characters as escapes."""
    text = "".join(one if one.isprintable() or one == "\u3000" else repr(one)[1:-1] for one in text)
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
