"""Peak memory of the largest process of each command."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks import startup, train
from scripts.benchmarks.live import DEMO
from scripts.benchmarks.measuring import Part, Row, command_done

NEEDS = f"{startup.NEEDS}; {train.NEEDS}"
MINUTES = 3


def check(arguments: argparse.Namespace) -> None:
    startup.check(arguments)
    train.check(arguments)


def measure(arguments: argparse.Namespace) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        _, video = startup.one_frame(Path(folder))
        bare = [sys.executable, "-c", f"from scripts.benchmarks.live import mediapipe_alone; mediapipe_alone({str(video)!r})"]
        torch_alone = [sys.executable, "-c", "import torch"]
        export = ["scripts/export_model.py", "--model", arguments.model, "--output", Path(folder, "model.onnx")]
        kaggle = ["training/train.py", *train.KAGGLE, f"data.paths=[{arguments.landmarks}]", "epochs=1"]
        chosen = {
            "demo, ONNX": ([DEMO, "--headless", "--source", video], "MediaPipe alone", bare),
            "demo, checkpoint": ([DEMO, "--headless", "--source", video, "--model", arguments.model], "MediaPipe alone", bare),
            "export": (export, "torch alone", torch_alone),
            "training, Kaggle": ([*kaggle, "--output", Path(folder, "run"), "--results", folder], "torch alone", torch_alone),
        }
        rows = []
        for name, (command, against, reference) in chosen.items():
            peaks = [], []
            for _ in range(arguments.repeats):
                shutil.rmtree(Path(folder, "run"), ignore_errors=True)
                peaks[0].append(command_done(*command).megabytes)
                peaks[1].append(command_done(*reference[1:]).megabytes)
            rows.append(Row(name, "MB", peaks[0], against, peaks[1]))
    return Part(rows)
