"""Training on a CUDA device within 4 GiB: fp16 with its GradScaler against fp32 and the CPU, and if their losses are alike."""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks import train
from scripts.benchmarks.measuring import Part, Row, in_process

LIMIT = 4 * 2**30  # bytes, of the graphics card in the project that this one follows
WAYS = {"fp16": ["device=cuda", "precision=fp16"], "fp32": ["device=cuda", "precision=fp32"], "CPU": ["device=cpu"]}
EPOCHS, BATCHES = 3, 200  # the first epoch is not timed; batches of an epoch
# Options, and frames of a batch.
WORKLOADS = {
    "single frames": (["sequences.share=0", f"batch_size={train.FREE_BATCH}"], train.FREE_BATCH),
    "sequences": (["sequences.share=1", "sequences.frames=2400", f"batch_size={train.FREE_BATCH}"], 2400),
}
NEEDS = "a CUDA device, without which it says so; --landmarks: an .npz of stills of the Kaggle set"
MINUTES = 10


def check(arguments: argparse.Namespace) -> None:
    train.check(arguments)


def measure(arguments: argparse.Namespace) -> Part:
    import torch

    if not torch.cuda.is_available():
        return Part([], "No CUDA device was found: nothing was measured.")
    rows, peaks = [], {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "workload.npz")
        train.write_workload(arguments.landmarks, data)
        common = [f"data.paths=[{data}]", "data.split=random", f"epochs={EPOCHS}", f"epoch_batches={BATCHES}"]
        for workload, (options, frames) in WORKLOADS.items():
            speeds, losses = ({way: [] for way in WAYS} for _ in range(2))
            for repeat in range(arguments.repeats):
                for way, choices in WAYS.items():
                    output = Path(folder, f"{workload}-{way}-{repeat}")
                    in_process(train_within, LIMIT, str(output), [*common, *options, *choices])
                    history = list(csv.DictReader((output / "history.csv").read_text().splitlines()))
                    seconds = float(history[-1]["seconds"]) - float(history[0]["seconds"])
                    speeds[way].append((EPOCHS - 1) * BATCHES * frames / seconds)
                    losses[way].append(float(history[-1]["train_loss"]))
                    peaks[f"{workload}, {way}"] = json.loads((output / "run.json").read_bytes())["peak_memory_mib"]
            for against in ("fp32", "CPU"):
                rows.append(Row(f"{workload}, fp16", "frames/s", speeds["fp16"], against, speeds[against]))
                rows.append(Row(f"{workload}, fp16: loss of epoch {EPOCHS}", "", losses["fp16"], against, losses[against]))
    notes = "; ".join(f"{name}: {peak} MiB" for name, peak in peaks.items())
    return Part(rows, f"Validation is in the times. Peak memory: {notes}.")


def train_within(limit: int, output: str, options: list[str]) -> None:
    """Run training/train.py in this process, which may take `limit` bytes of the device; it fails where it needs more."""
    import torch

    from training.train import main

    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / torch.cuda.get_device_properties(0).total_memory))
    sys.argv = ["training/train.py", "--output", output, "--results", output, *options]
    main()
