# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every stage of ``make test`` and ends with one line: ``N passed, N failed[, N skipped]``.

The stages that only read the tree run one after the other beside those of the lab. A stage's output goes to
``build/test/<stage>.log``. The lab is made anew, since one that is left may hold anything, and taken down
at the end, whatever happened before.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parent.parent
REPORTS = CHECKOUT / "build" / "test"
LAB = Path(os.environ.get("LAB_DIR", "/var/lib/mooring-lab"))
LAB_SHELL = LAB / "bin" / "lab-shell"
TAIL_LINES = 25
#: In the lab's logs: what nodes told that hung while tests ran.
HUNG_NODES = "hung-nodes.log"
MINUTE = 60.0


@dataclass(frozen=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


@dataclass(frozen=True)
class Stage:
    """One command.

    :ivar limit: seconds after which it is ended and counts as failed.
    :ivar junit: whether it leaves ``<name>.xml`` with a result a test; otherwise it counts as one.
    :ivar needs: stages without which it is not run; it then counts as one failed.
    """

    name: str
    command: list[str]
    limit: float
    junit: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    counts: Counts
    seconds: float
    remark: str = ""


def make(name: str, target: str, minutes: float, needs: tuple[str, ...] = ()) -> Stage:
    return Stage(name, ["make", target], minutes * MINUTE, needs=needs)


def pytest_command(name: str, arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", f"--junitxml={REPORTS / name}.xml", *arguments]


def here(name: str, arguments: list[str], minutes: float) -> Stage:
    return Stage(name, pytest_command(name, arguments), minutes * MINUTE, junit=True)


def in_lab(name: str, arguments: list[str], minutes: float, needs: tuple[str, ...]) -> Stage:
    command = [str(LAB_SHELL), "-c", shlex.join(pytest_command(name, arguments))]
    return Stage(name, command, minutes * MINUTE, junit=True, needs=needs)


#: Tests in the cluster wait most of their time. Those of a file may share what they have set up.
E2E_WORKERS = ("-n", "3", "--dist", "loadfile")
#: Of the driver alone, on the lab's cloud and nodes: these leave the lab itself as it is.
DRIVER = ("tests/lab/test_faults.py", "tests/lab/test_csi_sanity.py")

# Each lane runs in order; the lanes run side by side.
LANES = (
    (
        make("lint", "lint", 20),
        make("sanity", "sanity", 30),
        here("unit", ["tests/unit"], 30),
    ),
    (
        make("lab-fresh", "lab-down", 10),
        make("lab-up", "lab", 45, needs=("lab-fresh",)),
        in_lab("lab", ["tests/lab", *(f"--ignore={path}" for path in DRIVER)], 60, needs=("lab-up",)),
        in_lab("driver", [*DRIVER, "-n", "3"], 60, needs=("lab-up",)),
        make("demo", "demo", 20, needs=("lab-up",)),
        in_lab("e2e", ["tests/e2e", "-m", "not alone", *E2E_WORKERS], 80, needs=("demo",)),
        in_lab("e2e-alone", ["tests/e2e", "-m", "alone"], 60, needs=("demo",)),
    ),
)
LAST = make("lab-down", "lab-down", 10)


@dataclass
class Run:
    """What is known of a run; shared by the lanes."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lane(self, stages: tuple[Stage, ...]) -> None:
        for stage in stages:
            self.one(stage)

    def one(self, stage: Stage) -> None:
        outcome = self._without(stage) or self._with(stage)
        with self.lock:
            self.outcomes[stage.name] = outcome
            report(stage, outcome)

    def stop(self) -> None:
        """Ends what is running, and lets nothing of the lanes start any more."""
        with self.lock:
            self.stopped = True
            for child in self.children.values():
                end(child)

    def _without(self, stage: Stage) -> Outcome | None:
        """The outcome of a stage that cannot run; None if it can."""
        broken = [name for name in stage.needs if self.outcomes[name].counts.failed]
        if broken:
            return Outcome(Counts(failed=1), 0.0, f"not run: {', '.join(broken)} failed")
        return None

    def _with(self, stage: Stage) -> Outcome:
        began = time.monotonic()
        results(stage).unlink(missing_ok=True)
        with log(stage).open("wb") as output:
            with self.lock:
                if self.stopped:
                    return Outcome(Counts(failed=1), 0.0, "not run: the tests were stopped")
                child = start(stage.command, output.fileno())
                self.children[stage.name] = child
            remark = wait(child, stage.limit)
        with self.lock:
            del self.children[stage.name]
        seconds = time.monotonic() - began
        return Outcome(judge(stage, child.returncode), seconds, remark)


def start(command: list[str], output: int) -> subprocess.Popen[bytes]:
    """Starts ``command`` as the leader of a process group of its own, with a fresh make inside."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait(child: subprocess.Popen[bytes], limit: float) -> str:
    """Waits for the end of ``child``; a remark if it had to be ended."""
    try:
        child.wait(limit)
    except subprocess.TimeoutExpired:
        end(child)
        child.wait()
        return f"ended after {limit:.0f} s"
    return ""


def end(child: subprocess.Popen[bytes]) -> None:
    """Asks the process group of ``child`` to end, and ends it when it has not within ten seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def judge(stage: Stage, status: int) -> Counts:
    """Counts of a stage that ended with exit code ``status``. One that ran no test has failed."""
    if not stage.junit:
        return Counts(passed=1) if status == 0 else Counts(failed=1)
    counts = read_junit(results(stage))
    ran = counts.passed + counts.failed
    if ran == 0 or (status != 0 and counts.failed == 0):
        return counts + Counts(failed=1)
    return counts


def read_junit(path: Path) -> Counts:
    """The counts of a junit file; zeros if there is none or it is cut short."""
    try:
        suites = list(ElementTree.parse(path).getroot().iter("testsuite"))  # noqa: S314  (our own pytest wrote it)
    except (FileNotFoundError, ElementTree.ParseError):
        return Counts()
    total = Counts()
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        total += Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return total


def results(stage: Stage) -> Path:
    return REPORTS / f"{stage.name}.xml"


def log(stage: Stage) -> Path:
    return REPORTS / f"{stage.name}.log"


def report(stage: Stage, outcome: Outcome) -> None:
    """One line; for a stage that failed also where its log is, and the log's end."""
    word = "FAILED" if outcome.counts.failed else "ok"
    details = [str(outcome.counts)] if stage.junit else []
    details += [outcome.remark] if outcome.remark else []
    print(f"{stage.name:<11} {word:<6} {outcome.seconds:6.0f} s  {'; '.join(details)}".rstrip(), flush=True)
    if outcome.counts.failed and log(stage).exists():
        print_end(log(stage))


def print_end(path: Path) -> None:
    print(f"  {path.relative_to(CHECKOUT)} ends with:")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]:
        print(f"  | {line}")
    sys.stdout.flush()


def start_lanes(run: Run) -> list[threading.Thread]:
    lanes = [threading.Thread(target=run.lane, args=(stages,), daemon=True) for stages in LANES]
    for lane in lanes:
        lane.start()
    return lanes


def join(lanes: list[threading.Thread]) -> None:
    for lane in lanes:
        lane.join()


def keep_logs() -> None:
    """Copies the lab's logs beside the stages' own: taking the lab down removes them."""
    if not (LAB / "log").is_dir():
        return
    kept = REPORTS / "lab-log"
    shutil.copytree(LAB / "log", kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    print(f"  the lab's logs: {kept.relative_to(CHECKOUT)}", flush=True)
    if (kept / HUNG_NODES).exists():
        print_end(kept / HUNG_NODES)


def interrupt(*_signal: object) -> None:
    """Once: what ends the run may be told twice, and the lab is then being taken down."""
    listen(signal.SIG_IGN)
    raise KeyboardInterrupt


def listen(handler: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def main() -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    for old in (*REPORTS.glob("*.log"), *REPORTS.glob("*.xml")):
        old.unlink()
    shutil.rmtree(REPORTS / "lab-log", ignore_errors=True)
    listen(interrupt)
    run = Run()
    lanes = start_lanes(run)
    try:
        join(lanes)
    except KeyboardInterrupt:
        print("stopping; the lab is taken down", flush=True)
        run.stop()
        # Each tells how its stage ended, and the total is the last line.
        join(lanes)
    finally:
        failed = any(outcome.counts.failed for outcome in run.outcomes.values())
        if run.stopped or failed or (LAB / "log" / HUNG_NODES).exists():
            keep_logs()
        last = Run()
        last.one(LAST)
    total = sum((outcome.counts for outcome in (run.outcomes | last.outcomes).values()), Counts())
    if run.stopped:
        total += Counts(failed=1)
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
