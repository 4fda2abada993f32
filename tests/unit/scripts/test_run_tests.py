# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of ``make test`` counts what ran, and takes nothing that did not run for a pass."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.scripts import run_tests
from ansible_collections.mooring.storage.scripts.run_tests import Counts, Run, Stage

PASSING = "def test_one(): pass\ndef test_two(): pass\n"
MIXED = "import pytest\ndef test_one(): pass\ndef test_two(): assert False\ndef test_three(): pytest.skip()\n"
SKIPPED = "import pytest\ndef test_one(): pytest.skip()\n"
BROKEN = "import nothing_of_that_name\n"


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run_tests, "REPORTS", tmp_path)
    monkeypatch.setattr(run_tests, "CHECKOUT", tmp_path)
    return tmp_path


def pytest_stage(folder: Path, source: str) -> Stage:
    (folder / "test_sample.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={folder}/some.xml"]
    return Stage("some", [*command, str(folder / "test_sample.py")], 60, junit=True)


def counts_of(stage: Stage) -> Counts:
    run = Run()
    run.one(stage)
    return run.outcomes[stage.name].counts


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PASSING, Counts(passed=2)),
        (MIXED, Counts(passed=1, failed=1, skipped=1)),
        (SKIPPED, Counts(failed=1, skipped=1)),
        (BROKEN, Counts(failed=1)),
        ("", Counts(failed=1)),
    ],
    ids=["passing", "mixed", "all skipped", "cannot be imported", "no test"],
)
def test_counts_of_a_pytest_stage(reports: Path, source: str, expected: Counts) -> None:
    assert counts_of(pytest_stage(reports, source)) == expected


@pytest.mark.parametrize(("status", "expected"), [("0", Counts(passed=1)), ("3", Counts(failed=1))])
def test_a_command_counts_as_one(status: str, expected: Counts) -> None:
    assert counts_of(Stage("some", ["sh", "-c", f"exit {status}"], 60)) == expected


def test_results_of_an_earlier_run_do_not_count(reports: Path) -> None:
    (reports / "some.xml").write_text('<testsuite tests="9" failures="0" errors="0" skipped="0"/>')
    assert counts_of(Stage("some", ["true"], 60, junit=True)) == Counts(failed=1)


def test_a_stage_over_its_limit_fails_and_leaves_no_process(reports: Path) -> None:
    stage = Stage("some", ["sh", "-c", "echo $$; sleep 1000 & echo $!; wait"], 0.5)
    run = Run()
    run.one(stage)
    assert run.outcomes["some"].counts == Counts(failed=1)
    assert "ended after" in run.outcomes["some"].remark
    for process in (reports / "some.log").read_text().split():
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", process], capture_output=True, text=True, check=False
        )
        assert state.stdout.strip()[:1] in ("", "Z")


def test_what_needs_a_failed_stage_is_not_run_and_fails(reports: Path) -> None:
    run = Run()
    run.lane(
        (
            Stage("lab-up", ["false"], 60),
            Stage("demo", ["touch", str(reports / "ran")], 60, needs=("lab-up",)),
            Stage("e2e", ["touch", str(reports / "ran")], 60, needs=("demo",)),
        )
    )
    assert not (reports / "ran").exists()
    assert run.outcomes["e2e"].counts == Counts(failed=1)
    assert run.outcomes["e2e"].remark == "not run: demo failed"


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (Counts(passed=3), "3 passed, 0 failed"),
        (Counts(passed=3, failed=1, skipped=2), "3 passed, 1 failed, 2 skipped"),
    ],
)
def test_total_line(counts: Counts, line: str) -> None:
    assert str(counts) == line


def test_the_lab_is_taken_down_after_a_failure_and_the_total_is_the_last_line(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    down = Stage("lab-down", ["touch", str(reports / "down")], 60)
    monkeypatch.setattr(
        run_tests, "LANES", ((Stage("lint", ["true"], 60),), (Stage("lab-up", ["false"], 60),))
    )
    monkeypatch.setattr(run_tests, "LAST", down)
    monkeypatch.setattr(run_tests, "LAB", reports / "lab")
    (reports / "lab" / "log").mkdir(parents=True)
    (reports / "lab" / "log" / "keystone.log").write_text("why", encoding="utf-8")
    (reports / "lab" / "log" / "hung-nodes.log").write_text("node2 hangs", encoding="utf-8")
    assert run_tests.main() == 1
    assert (reports / "down").exists()
    assert (reports / "lab-log" / "keystone.log").read_text(encoding="utf-8") == "why"
    told = capsys.readouterr().out
    assert "node2 hangs" in told
    assert told.splitlines()[-1] == "2 passed, 1 failed"


STOPPED = """
from pathlib import Path
from ansible_collections.mooring.storage.scripts import run_tests
from ansible_collections.mooring.storage.scripts.run_tests import Stage

here = Path({folder!r})
run_tests.REPORTS = run_tests.CHECKOUT = run_tests.LAB = here
long = Stage("long", ["sh", "-c", "touch started; sleep 1000"], 60)
run_tests.LANES = ((long, Stage("next", ["touch", "ran"], 60)),)
run_tests.LAST = Stage("lab-down", ["sh", "-c", "touch going; sleep 1; touch down"], 60)
raise SystemExit(run_tests.main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_takes_the_lab_down_and_fails(reports: Path, number: signal.Signals) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", STOPPED.format(folder=str(reports))], stdout=subprocess.PIPE, text=True
    )
    while not (reports / "started").exists():
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(number)
    while not (reports / "going").exists():
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(number)
    output, _errors = runner.communicate(timeout=60)
    assert runner.returncode == 1
    assert (reports / "down").exists()
    assert not (reports / "ran").exists()
    assert " failed" in output.splitlines()[-1]
