"""What scripts/preprocess.py takes beside the networks, by number of pictures: peak memory, listing, journal and writing."""

import argparse
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks.measuring import Part, Row, in_process
from scripts.benchmarks.preprocess import network_seconds, require_litert
from sign2sound.labels import LABELS
from training.report import markdown_table

SIZES = (10_000, 100_000, 1_000_000)
NEEDS = "room for a million small files in the folder for temporary ones, 4 GB; `pip install ai-edge-litert`"
MINUTES = 15


def check(arguments: argparse.Namespace) -> None:
    require_litert()


def measure(arguments: argparse.Namespace) -> Part:
    palm, landmarks = network_seconds(1)
    rows, lines = [], []
    smallest = None
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_pictures(Path(folder, "pictures"), size)
            megabytes, seconds, stages = in_process(stand_in_run, folder)
        smallest = smallest or megabytes
        rows.append(Row(f"{size:,} pictures: peak memory", "MB", [megabytes], f"{SIZES[0]:,} pictures", [smallest]))
        own, each = 1e6 * (palm + landmarks), 1e6 * seconds / size
        rows.append(Row(f"{size:,} pictures: processor time of each", "µs", [each], "both networks once", [own]))
        lines.append(
            [f"{size:,}", *(f"{1e6 * stages[name] / size:.0f}" for name in stages), f"{each:.0f}", f"{each / own:.2%}"]
        )
    head = ["pictures", *stages, "all, processor time", "of the networks' own"]
    return Part(rows, "\n".join(["Microseconds for each picture:", "", *markdown_table(head, lines, "rrrrrr")]))


def write_pictures(root: Path, count: int) -> None:
    """`count` files that the stand-in never opens, in class folders."""
    for label in LABELS:
        (root / label).mkdir(parents=True)
    for number in range(count):
        (root / LABELS[number % len(LABELS)] / f"{number}.jpg").touch()


def stand_in_run(folder: str) -> tuple[float, float, dict[str, float]]:
    """Preprocess the pictures in `folder`, with a stand-in that sees a hand in each at once. Peak memory in MB, processor time
    in seconds, and the seconds of each stage."""
    from data import preprocessing

    seen = {"width": 200, "height": 200, "pass": 1, "handedness": "Right", "score": "0.9876", "landmarks": "3f" * 252}

    @contextmanager
    def see_at_once(root, paths, workers, cluster):
        yield (seen for _ in paths)

    preprocessing.look_at_all = see_at_once
    before = time.process_time()
    outcome = preprocessing.preprocess(Path(folder, "pictures"), Path(folder, "processed"))
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, time.process_time() - before, outcome.stages
