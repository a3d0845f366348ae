"""Runs pytest as the Makefile asks, and adds up what several runs have found.

    python -m tests.support.suite test|ship|live|bench [arguments for pytest]
    python -m tests.support.suite summary [names of runs]

Every run leaves a JUnit file in the folder MESHCONSOLE_REPORTS, and `summary` counts what they say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from tests.support.postgres import Postgres

FOLDER = Path(os.environ.get("MESHCONSOLE_REPORTS") or "build/reports")
# Tests spend half of their time waiting for browsers and workers, hence three processes on two cores. The tests of a
# file stay together in one process, so that what they share is created once.
PROCESSES = max(2, (os.cpu_count() or 1) * 3 // 2)
PARALLEL = ("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")
SLOWEST = 20
# The tests for a split installation: its own, and some that are the same wherever the configuration is.
ON_SPLIT = ("tests/live/test_split.py", "tests/live/test_dead_member.py", "tests/live/conformance")
SEEDS = (1, 2)
SERVICES = ("DATABASE_URL", "REDIS_URL", "DATABASE_URL_FILE", "REDIS_URL_FILE", "MESHCONSOLE_ENV", "MESHCONSOLE_DATA")


def test(arguments: list[str]) -> int:
    """Run everything on SQLite, then whatever depends on the database's own behavior again on PostgreSQL."""
    return both("", arguments)


def ship(arguments: list[str]) -> int:
    """Run what takes too long for each change.

    That is the suite in two other orders, the tests marked `ship`, all real clusters, and the benchmarks.
    """
    for report in FOLDER.glob("*.xml"):
        report.unlink()
    codes = [both(f"-{seed}", ["--random-order", f"--random-order-seed={seed}", *arguments]) for seed in SEEDS]
    codes.append(pytest("long", ["tests", "-m", "ship", "--ship", *arguments]))
    codes.append(every_cluster(arguments))
    codes.append(bench(arguments))
    print(closing_line(sorted(FOLDER.glob("*.xml"))))
    return max(codes)


def every_cluster(arguments: list[str]) -> int:
    if not os.environ.get("MESHCONSOLE_LIVE"):
        print("every cluster: not run, MESHCONSOLE_LIVE names none", flush=True)
        return 0
    places = ["tests/live/conformance", "tests/live/test_observers.py"]
    return pytest("every-cluster", [*places, "--every-cluster", "--ship", *arguments])


def both(suffix: str, arguments: list[str]) -> int:
    runs = [f"sqlite{suffix}", f"postgresql{suffix}"]
    codes = [pytest(runs[0], [*PARALLEL, *arguments])]
    with Postgres() as server:
        codes.append(pytest(runs[1], [*PARALLEL, "--on-both-databases", *arguments], DATABASE_URL=server.url))
    files = [FOLDER / f"{name}.xml" for name in runs]
    print(*slowest(files), closing_line(files), sep="\n")
    return max(codes)


def live(arguments: list[str]) -> int:
    """Run the live tier on the clusters that MESHCONSOLE_LIVE describes, as far as their setup allows."""
    described = os.environ.get("MESHCONSOLE_LIVE")
    if not described:
        print("live tier: not run, MESHCONSOLE_LIVE names no clusters", flush=True)
        return 1 if os.environ.get("CI") else 0
    clusters = json.loads(Path(described).read_text(encoding="utf-8"))
    split = clusters["config_cluster"] != clusters["control_plane_cluster"]
    if split:
        return pytest("live-split", [*ON_SPLIT, *arguments])
    chosen = ["-m", "not split"]
    if not clusters.get("data_path"):
        chosen += ["--leave-out", "data_path"]
    return pytest("live", ["tests/live", *chosen, *arguments])


def bench(arguments: list[str]) -> int:
    """Run the benchmarks. What they measure is printed, and kept in `bench.json` beside the other reports."""
    (FOLDER / "bench.json").unlink(missing_ok=True)
    return pytest("bench", ["tests/bench", "-s", *arguments])


def summary(names: list[str]) -> int:
    """Print the closing line for the runs with these names. Returns 1 if one of them left no report, otherwise 0."""
    print(closing_line(FOLDER / f"{name}.xml" for name in names))
    return 0 if all((FOLDER / f"{name}.xml").exists() for name in names) else 1


def pytest(name: str, arguments: list[str], **environment: str) -> int:
    report = FOLDER / f"{name}.xml"
    FOLDER.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    print(f"== {name}", flush=True)
    # Tests must not use the services that a developer's shell names. And they start hundreds of processes, each of
    # which would compile what it imports if none before had left it compiled.
    left_out = (*SERVICES, "PYTHONDONTWRITEBYTECODE")
    inherited = {key: value for key, value in os.environ.items() if key not in left_out}
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
    return subprocess.run(command, env=inherited | environment, check=False).returncode


def closing_line(files: Iterable[Path]) -> str:
    """Return `N passed, N failed[, N skipped]`, added up over all files.

    An error counts as a failure, and so does a run that left no file.
    """
    total: Counter[str] = Counter()
    for file in files:
        total += count(file)
    line = f"{total['passed']} passed, {total['failed']} failed"
    return f"{line}, {total['skipped']} skipped" if total["skipped"] else line


def count(file: Path) -> Counter[str]:
    try:
        suites = list(ElementTree.parse(file).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return Counter(failed=1)
    total: Counter[str] = Counter()
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        total += Counter(failed=failed, skipped=skipped, passed=int(suite.get("tests", 0)) - failed - skipped)
    return total


def slowest(files: Iterable[Path]) -> list[str]:
    """Return a heading and a line for each of the slowest tests in all files."""
    cases = [case for file in files if file.exists() for case in ElementTree.parse(file).getroot().iter("testcase")]
    cases.sort(key=lambda case: -float(case.get("time", 0)))
    lines = [
        f"{float(case.get('time', 0)):7.1f} s  {case.get('classname')}::{case.get('name')}" for case in cases[:SLOWEST]
    ]
    return [f"the {len(lines)} slowest tests:", *lines]


COMMANDS = {"test": test, "ship": ship, "live": live, "bench": bench, "summary": summary}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
