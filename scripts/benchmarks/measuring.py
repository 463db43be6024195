"""What all parts of the benchmark use: their tables, commands that are run to their end, and the machine's name."""

import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sign2sound.errors import UserError
from sign2sound.files import PROJECT
from training.report import markdown_table

PERCENTILES = ("p50", "p95", "p99")
PACKAGES = ("torch", "mediapipe", "onnxruntime", "numpy", "opencv-contrib-python")


@dataclass(frozen=True)
class Row:
    """One line of the table: values and reference are measured in turns, one of each per repeat."""

    what: str
    unit: str
    values: list[float]
    against: str
    reference: list[float]

    def cells(self) -> list[str]:
        ratio = statistics.median(self.values) / statistics.median(self.reference)
        return [
            self.what,
            f"{_figure(statistics.median(self.values))} {self.unit}",
            _spread(self.values),
            self.against,
            f"{_figure(statistics.median(self.reference))} {self.unit}",
            _spread(self.reference),
            f"{ratio:.2f}",
        ]


@dataclass(frozen=True)
class Part:
    """What one part of the benchmark gave; notes are Markdown."""

    rows: list[Row]
    notes: str = ""


@dataclass(frozen=True)
class Done:
    """A command that ended: how long it took, how long it kept processors busy, and the largest memory of one of its
    processes."""

    seconds: float
    busy: float
    megabytes: float


def command_done(*command) -> Done:
    """Run Python with these arguments, of which the first may be a program of the project, to its end. Raises UserError where
    it fails."""
    first, *others = map(str, command)
    command = [sys.executable, str(PROJECT / first) if first.endswith(".py") else first, *others]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read()
    if process.returncode:
        raise UserError(f"{' '.join(command[1:4])} failed: {output.strip().splitlines()[-1]}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Done(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def in_process(function: Callable, *arguments):
    """What `function` returns, called in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and (found := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        model = found.group(1)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}, {packages}"


def table(part: Part) -> str:
    head = ["measured", "median", "spread", "against", "median", "spread", "ratio"]
    lines = markdown_table(head, [row.cells() for row in part.rows], "lrrlrrr")
    return "\n".join([*lines, part.notes]).rstrip() + "\n"


def seconds_of(function: Callable, *arguments, clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    function(*arguments)
    return clock() - started


def environment() -> dict[str, str]:
    """For programs of the project that are run from any folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))}


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    return f"{_figure(min(values))}–{_figure(max(values))}" if len(values) > 1 else "–"
