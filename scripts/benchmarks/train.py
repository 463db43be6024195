"""The workload of the project that this one follows, and how soon its accuracy is reached."""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from scripts.benchmarks.measuring import Part, Row, command_done, in_process
from sign2sound.errors import UserError
from sign2sound.files import in_project
from sign2sound.labels import LABELS

# The training of the project that this one follows: 25 epochs in 40 minutes on an RTX 3050.
WORKLOAD, WORKLOAD_EPOCHS, WORKLOAD_BATCH = 156_050, 25, 16
FREE_BATCH = 1024
PART = 5  # a fifth of the samples is timed, in an epoch after the first
GOAL = 0.9794  # validation accuracy of its released model, on frames drawn at random
KAGGLE = ("--config", in_project("training/kaggle.yaml"))  # its protocol
NEEDS = "--landmarks: an .npz of stills of the Kaggle set"
MINUTES = 5


def check(arguments: argparse.Namespace) -> None:
    if not arguments.landmarks.is_file():
        raise UserError(f"no landmark file {arguments.landmarks}; give --landmarks an .npz of stills")


def measure(arguments: argparse.Namespace) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "workload.npz")
        stills = write_workload(arguments.landmarks, data)
        seconds = {batch: [] for batch in (WORKLOAD_BATCH, FREE_BATCH)}
        plain, reached, memory = [], [], {}
        for repeat in range(arguments.repeats):
            plain.append(WORKLOAD / in_process(plain_training, str(data), 300))
            for batch in seconds:
                options = [f"batch_size={batch}", "epochs=2", "epoch_batches=1", "sequences.share=0"]
                options += ["data.split=random", "data.validation_share=0.01", "precision=auto"]
                history, peak = train(Path(folder, f"{batch}-{repeat}"), f"data.paths=[{data}]", *options)
                seconds[batch].append(PART * (history[1]["seconds"] - history[0]["seconds"]))
                memory[f"batch {batch}"] = peak
            kaggle = train(Path(folder, f"kaggle-{repeat}"), *KAGGLE, f"data.paths=[{arguments.landmarks}]")
            history, memory["the Kaggle recipe"] = kaggle
            reached.append(next((row["seconds"] for row in history if row["validation_accuracy"] >= GOAL), float("inf")))
            last = history[-1]
    loop = f"a plain PyTorch loop with a DataLoader, batch {WORKLOAD_BATCH}, without augmentation"
    rows = [
        Row(
            f"{WORKLOAD:,} samples, {WORKLOAD_EPOCHS} epochs, batch {batch}, from an epoch of a fifth",
            "s",
            [WORKLOAD_EPOCHS * value for value in values],
            loop,
            [WORKLOAD_EPOCHS * value for value in plain],
        )
        for batch, values in seconds.items()
    ]
    rows.append(
        Row(
            f"{GOAL:.2%} of validation, Kaggle, random 85/15",
            "s",
            reached,
            f"all {last['epoch']:g} epochs, which reach {last['validation_accuracy']:.2%}",
            [last["seconds"]],
        )
    )
    peaks = "; ".join(f"{name}: {peak} MiB" for name, peak in memory.items())
    notes = f"The workload is {stills:,} stills of {arguments.landmarks}, repeated. Peak memory: {peaks}."
    return Part(rows, f"{notes} Loading and importing are not in the times.")


def write_workload(source: Path, target: Path) -> int:
    """A part of WORKLOAD stills, those of `source` in which a hand was found, again and again. Returns how many there are."""
    with np.load(source) as stored:
        rows = np.flatnonzero(~np.isnan(stored["landmarks"][:, 0, 0]) & np.isin(stored["label"], LABELS))
        chosen = np.resize(rows, WORKLOAD // PART)
        np.savez(target, **{name: stored[name][chosen] for name in ("landmarks", "label", "left_handed")})
    return len(rows)


def train(output: Path, *arguments: str) -> tuple[list[dict[str, float]], int]:
    """Run training/train.py. Returns the rows of its history.csv and its peak memory in MiB."""
    command_done("training/train.py", "--output", output, "--results", output, *arguments)
    names, *lines = (output / "history.csv").read_text().splitlines()
    history = [dict(zip(names.split(","), map(float, line.split(",")), strict=True)) for line in lines]
    return history, json.loads((output / "run.json").read_bytes())["peak_memory_mib"]


def plain_training(data: str, steps: int) -> float:
    """Samples per second of the training one would write first: features in a DataLoader, torch's GRU, Adam."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from sign2sound.features import clip_features
    from sign2sound.labels import LABEL_IDS
    from sign2sound.model import LandmarkGRU

    with np.load(data) as stored:
        landmarks = stored["landmarks"][: 10 * steps * WORKLOAD_BATCH, None].astype(np.float32)
        features = torch.from_numpy(clip_features(landmarks, stored["left_handed"][: len(landmarks)]))
        labels = torch.tensor([LABEL_IDS[label] for label in stored["label"][: len(landmarks)]])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = LandmarkGRU().to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = iter(DataLoader(TensorDataset(features, labels), WORKLOAD_BATCH, shuffle=True))
    started = time.perf_counter()
    for _ in range(steps):
        inputs, wanted = (tensor.to(device) for tensor in next(batches))
        loss = torch.nn.functional.cross_entropy(model(inputs)[0][:, -1], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # as one prints it
    return steps * WORKLOAD_BATCH / (time.perf_counter() - started)
