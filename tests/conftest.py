"""What every test may use, and which tests must run in one process."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import load_profiles

if TYPE_CHECKING:
    from tests.e2e.client import Stage
    from tests.e2e.shopping.shop import Shop
    from tests.e2e.variants import Variants

# Tests start many processes. Where Python is told to write no bytecode, each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests run side by side. OpenMP's and OpenBLAS's threads spin while they wait for each other: on a busy machine a fit takes five
# times as long. Whoever starts a process passes this on.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TOLD = "told"
_SHARED = {
    "tests/infra/": "templates",
    "tests/spark/": "spark",
    "tests/local/": "toy",
    "tests/models/test_conformance.py": "trained",
    "tests/models/test_hosted.py": "trained",
}
_ENDS = {"destroyed", "closed"}
_LOOKS = "tests/browser/"
_FLOWS, _CLOUDS = ("tests/e2e/", _LOOKS), ("stage", "shop", "variants")
_LONG = (
    *("tests/e2e/test_least_privilege.py", "tests/e2e/", "tests/spark/", "tests/local/", "tests/infra/"),
    *("tests/models/", "tests/bench/", "tests/chaos/"),
)
"""What takes long, the longest first."""
load_profiles()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="let the tests in a browser write the pictures of docs/images anew",
    )
    parser.addoption(
        "--target",
        default="local",
        help="where the end-to-end tests run: 'local', or the name of a stage in the account of your credentials",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage while tests are collected, nor later among what they are: all of it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)  # libraries report what is left at the end as leaked


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, when several processes run tests, what shares something that takes long to make.

    What takes longest comes first, so that in the end no process waits for another's. Of those that share a cloud those in a
    browser come after the flows, and what destroys the stage, or closes the shop, comes last.
    """
    items.sort(key=lambda item: (_ends(item), _place(item), item.nodeid.startswith(_LOOKS)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _ends(item: pytest.Item) -> bool:
    return bool(_ENDS & set(getattr(item, "fixturenames", ())))


def _place(item: pytest.Item) -> int:
    """Where in line: the shared clouds, other flows, other groups, single files."""
    group = _group(item)
    if group in _CLOUDS:
        return _CLOUDS.index(group)
    long = (at for at, start in enumerate(_LONG) if item.nodeid.startswith(start))
    return len(_CLOUDS) + next(long, len(_LONG))


def _group(item: pytest.Item) -> str:
    file = item.nodeid.partition("::")[0]
    for folder, group in _SHARED.items():
        if file.startswith(folder):
            return group
    used = getattr(item, "fixturenames", ())
    clouds_used = [name for name in _CLOUDS if name in used] if file.startswith(_FLOWS) else []
    return clouds_used[0] if clouds_used else file


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One deployed stage for all end-to-end tests and for those in a browser."""
    from tests.e2e import clouds  # noqa: PLC0415 - no test of the domain waits for what only flows need

    target: str = request.config.getoption("--target")
    if target != "local":
        yield clouds.deployed_stage(target)
        return
    with clouds.cloud_of(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop with its models for the story and for those who look at its pages in a browser."""
    if request.config.getoption("--target") != "local":
        pytest.skip("the shop runs beside a laptop cloud")
    from tests.e2e.shopping import shop as shopping  # noqa: PLC0415 - as above

    with shopping.running(tmp_path_factory.mktemp("shop")) as open_shop:
        yield open_shop


@pytest.fixture(scope="session")
def variants(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """One stage of other settings and specs than the laptop's own."""
    if request.config.getoption("--target") != "local":
        pytest.skip("the settings and specs of a deployed stage are as they are")
    from tests.e2e import variants as varied  # noqa: PLC0415 - as above

    with varied.running(tmp_path_factory.mktemp("variants")) as stage:
        yield stage


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what a test found out; it is printed after all tests, whichever process ran this one."""
    return partial(record_property, TOLD)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    told = [
        str(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == TOLD
    ]
    if told:
        terminalreporter.section("what the tests found out")
        for text in told:
            terminalreporter.write_line(text)
