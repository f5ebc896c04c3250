"""The Dagster UI over a finished tiny project, in a real browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from am_assets.core.store import Store
from am_assets_tests.conftest import NO_AUTHOR, TINY, WEEK, write_tiny

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STARTED_WITHIN = 300
PATIENCE_MS = 120_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished tiny project with a second source, of which nothing is made yet."""
    folder = tmp_path_factory.mktemp("ui") / "project"
    shutil.copytree(made, folder, symlinks=True)
    settings, link = folder / "dagster.yaml", folder / ".dagster_home" / "dagster.yaml"
    link.unlink()
    link.symlink_to(settings)
    sums = TINY["sources"]["sums"]
    write_tiny(folder, sources={"sums": sums, "later": sums})
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Dagster's webserver and daemon over the project, on loopback."""
    port = _free_port()
    log = (folder.parent / "dagster.log").open("wb")
    arguments = ["dev", "-h", "127.0.0.1", "-p", str(port), "-m", "am_assets.definitions"]
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={
            **os.environ,
            **NO_AUTHOR,
            "AM_ASSETS_ROOT": str(folder),
            "AM_ASSETS_PROFILE": str(folder / "tiny.yaml"),
            "DAGSTER_HOME": str(folder / ".dagster_home"),
        },
    )
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + STARTED_WITHIN
    while not _answers(f"{address}/server_info"):
        assert server.poll() is None, (folder.parent / "dagster.log").read_text()
        assert time.monotonic() < until, (folder.parent / "dagster.log").read_text()
        time.sleep(0.5)
    yield address
    # The server has processes of its own, and a busy machine stops them slowly.
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    log.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def test_the_graph_shows_the_groups_and_an_assets_neighbors(page: Page, address: str) -> None:
    page.goto(f"{address}/asset-groups")
    for group in ("sources", "prompts", "distillation", "training", "evaluation", "release"):
        page.get_by_text(group, exact=True).first.wait_for()
    page.goto(f"{address}/assets/tiny/deduplicated?view=lineage&lineageScope=neighbors")
    for neighbor in ("benchmarks", "embedding_index", "labels", "sft_dataset"):
        page.get_by_text(neighbor, exact=True).first.wait_for()


def test_a_partitions_page_shows_its_metadata_and_a_plot(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/tiny/prompts?view=partitions&partition=sums%7C{WEEK}")
    page.get_by_text("Materialized (1)").wait_for()
    for name in ("root", "derivation", "decisions", "prompt lengths"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("Show Markdown").first.click()
    plot = page.locator("img[src^='data:image/png;base64,']").first
    plot.wait_for()
    assert plot.evaluate("image => image.naturalWidth") > 100


def test_a_missing_partition_is_made_by_a_click(page: Page, address: str, folder: Path) -> None:
    page.goto(f"{address}/assets/tiny/takedowns?view=partitions")
    page.get_by_text("Missing (1)").wait_for()
    page.get_by_role("button", name="Materialize…").click()
    page.get_by_text("Missing", exact=True).last.click()
    page.get_by_text("1 partition", exact=True).wait_for()
    page.locator("button", has_text="Launch 1 run").click()
    # The queue's daemon starts the run, and the page follows.
    page.get_by_text("Missing (0)").wait_for(timeout=STARTED_WITHIN * 1000)
    page.get_by_text("Materialized (2)").wait_for()
    assert "takedowns later" in {str(ref) for ref in Store(folder, "tiny").snapshot().refs()}
