"""Size, latency and difference of each exported form, against the checkpoint read by torch."""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

from scripts.benchmarks import startup
from scripts.benchmarks.measuring import Part, Row, seconds_of

NEEDS = startup.NEEDS
MINUTES = 1
check = startup.check


def measure(arguments: argparse.Namespace) -> Part:
    import torch

    from scripts.export_model import check as compared
    from scripts.export_model import open_export, to_onnx, to_torchscript, with_int8_weights
    from sign2sound.checkpoint import load_model
    from sign2sound.prototypes import load_prototypes
    from sign2sound.signer import place_hand

    torch.set_num_threads(1)  # as live use does
    model, _ = load_model(arguments.model)
    whole = to_onnx(model)
    files = {"model.onnx": whole, "int8.onnx": with_int8_weights(whole), "model.pt": to_torchscript(model)}
    hand = place_hand(load_prototypes()["L"], 480, 0.26)[None, :1].astype(np.float32)
    side, rows, notes = np.array([False]), [], []
    with tempfile.TemporaryDirectory() as folder:
        reads = {}
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
            reads[name] = open_export(Path(folder, name), model)
            kilobytes, reference = len(content) / 1000, arguments.model.stat().st_size / 1000
            rows.append(Row(f"{name}: file", "kB", [kilobytes], "checkpoint", [reference]))
            if name != "int8.onnx":
                notes.append(f"{name}: {compared(reads[name], model, [])}.")
        steps = {name: [] for name in ("checkpoint", *reads)}
        for _ in range(1 + arguments.repeats):
            for name, read in {"checkpoint": model.read, **reads}.items():
                _, state = read(hand, side, None)
                steps[name].append(1000 * statistics.median(seconds_of(read, hand, side, state) for _ in range(500)))
    rows += [
        Row(f"{name}: a frame of a stream", "ms", steps[name][1:], "checkpoint, by torch", steps["checkpoint"][1:])
        for name in reads
    ]
    return Part(rows, "\n".join(notes))
