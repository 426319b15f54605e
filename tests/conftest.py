"""What every test may use, and which tests must run in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.e2e import clouds
from tests.e2e.client import Stage

TOLD = "told"
_SHARED = {"tests/infra/": "templates", "tests/spark/": "spark", "tests/local/": "toy"}
_ON_THE_STAGE = ("tests/e2e/", "tests/browser/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        default="local",
        help="where the end-to-end tests run: 'local', or the name of a stage in the account of your credentials",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, when several processes run tests, what shares something that takes long to make.

    What destroys the shared stage comes last.
    """
    items.sort(key=lambda item: "destroyed" in getattr(item, "fixturenames", ()))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    file = item.nodeid.partition("::")[0]
    for folder, group in _SHARED.items():
        if file.startswith(folder):
            return group
    uses_the_stage = "stage" in getattr(item, "fixturenames", ())
    return "stage" if uses_the_stage and file.startswith(_ON_THE_STAGE) else file


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One deployed stage for all end-to-end tests and for those in a browser."""
    target: str = request.config.getoption("--target")
    if target != "local":
        yield clouds.deployed_stage(target)
        return
    with clouds.cloud_of(tmp_path_factory.mktemp("cloud")) as running:
        yield running


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
