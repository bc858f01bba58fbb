# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of the README anew: `make pictures`.

A campaign is run in simulation; the terminal's view and the panel are drawn while it runs, the
report when it has ended. Nothing is planted: the pictures show what the programs showed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_PANEL = (1280, 800)
_REPORT = {"width": 1280, "height": 900}
_COLUMNS = 104


def main() -> int:
    """Run the campaign and draw; 0 if every picture was made."""
    parser = argparse.ArgumentParser(description="Make the pictures of the README anew.")
    parser.add_argument("--budget", type=int, default=210, help="trials of the campaign")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of the pictures")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(
            "error: no Chromium is installed, which draws the report; apt-get install chromium"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Path(folder, "campaign")
        domain = os.environ.setdefault("ROS_DOMAIN_ID", "77")
        os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        print(f"a campaign of {options.budget} trials in ROS_DOMAIN_ID={domain} ...", flush=True)
        command = [str(Path(sys.executable).with_name("robomd")), "sim"]
        arguments = [f"budget:={options.budget}", "seed:=1", f"out:={campaign}", "linger:=1"]
        running = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
        try:
            while_running(running, options.out, options.budget)
            if running.wait(timeout=600):
                sys.exit(f"error: the campaign ended with exit code {running.returncode}")
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
        report(browser, campaign / "report" / "report.html", options.out / "report.png")
    for path in sorted(options.out.iterdir()):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def while_running(campaign: subprocess.Popen[bytes], out: Path, budget: int) -> None:
    """Draw the terminal's view and the panel when two thirds of the trials are done."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    import rclpy

    from robomd_ros.nodes.monitor_node import MonitorNode
    from robomd_ros.rqt.app import GraphThread
    from robomd_ros.rqt.feed import Feed
    from robomd_ros.rqt.panel import Panel
    from robomd_ros.rqt.qt import QtWidgets

    application = QtWidgets.QApplication(["pictures"])
    rclpy.init()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        from rich.console import Console

        monitor = MonitorNode(
            Console(file=nowhere, width=_COLUMNS),
            table_at_end=False,
            namespace="/robomd",
        )
        node = rclpy.create_node("pictures")
        feed = Feed(node, "/robomd")
        panel = Panel(feed, "")
        panel.resize(*_PANEL)
        panel.show()
        threads = [GraphThread(node), GraphThread(monitor)]
        try:
            wait_for(application, campaign, lambda: _done(monitor) >= 2 * budget // 3)
            terminal(monitor.view, out / "terminal.svg", f"robomd sim budget:={budget}")
            if not panel.grab().save(str(out / "panel.png")):
                sys.exit(f"error: {out / 'panel.png'} could not be written")
        finally:
            panel.close_panel()
            feed.close()
            for thread in threads:
                thread.stop()
            rclpy.try_shutdown()


def wait_for(application: Any, campaign: subprocess.Popen[bytes], ready: Any) -> None:
    """Let Qt work until something is so; an error after ten minutes or when the campaign ends."""
    deadline = time.monotonic() + 600.0
    while not ready():
        if campaign.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"error: the campaign did not come so far (exit code {campaign.poll()})")
        application.processEvents()
        time.sleep(0.02)
    end = time.monotonic() + 1.5  # what has arrived is drawn a little later
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.02)


def _done(monitor: Any) -> int:
    status, ranking = monitor.view.status, monitor.view.ranking
    return status.trials_done if status is not None and ranking is not None else 0


def terminal(view: Any, path: Path, title: str) -> None:
    """The terminal's view as SVG that loads nothing from elsewhere."""
    from rich.console import Console

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True)
        console.print(view.render())
    drawing = console.export_svg(title=title)
    drawing = re.sub(r"@font-face \{.*?\}\n", "", drawing, flags=re.DOTALL)
    path.write_text(drawing, encoding="utf-8")


def report(browser: str, page_file: Path, path: Path) -> None:
    """The first screen of the report."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=FLAGS, timeout=120_000)
        page = started.new_page(viewport=_REPORT)
        page.goto(page_file.as_uri())
        page.screenshot(path=str(path))
        started.close()


if __name__ == "__main__":
    sys.exit(main())
