"""Image CNNs and the landmark GRU, trained and tested on the same pictures: python training/images/compare.py

Every figure comes of the project's own commands, which this one runs: preprocess.py, train.py and evaluate.py. What is done is
kept in --work, and the same command goes on from there.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch

from data.pictures import find_pictures
from sign2sound import Landmarker, Recognizer
from sign2sound.checkpoint import load_checkpoint, load_model
from sign2sound.errors import UserError, run
from sign2sound.files import atomic_write, in_project, output_folder
from sign2sound.hand_model import find_hand_model
from sign2sound.labels import LABELS
from sign2sound.pictures import read_picture
from training.images.cnn import ImageCNN
from training.images.pictures import scale_picture
from training.report import markdown_table, write_report

GRU = "landmark GRU"
RECIPES = Path(in_project("training/images/recipes"))
DEFAULT_IMAGES = [in_project(f"images/{name}") for name in ("kaggle", "rooms", "crowd")]
DEFAULT_RECIPES = [
    "sign-mnist=40x8", "gray64=40", "cnn128=20x8", "cnn200=10",
    "cnn200-gap=10x8", "cnn200-spatial=8x8", "cnn200-residual=2x8", "cnn200-attention=1x8",
]  # fmt: skip
PATIENCE = ["stop_patience=10", "plateau_patience=10"]  # the recipes' own, 2 to 8, is for epochs of ten thousands of pictures
RECIPE = re.compile(r"(.+)=(\d+)(?:x(\d+))?")  # name, epochs, pictures in a batch
_PARTS = ("train", "val", "valid", "validation", "test")
_TIMED, _WARM_UP = 100, 5  # pictures


@dataclass(frozen=True)
class Training:
    """One training on some sources, and the sources it is tested on."""

    name: str
    sources: list[str]
    split: str
    tests: list[str]


@dataclass(frozen=True)
class Candidate:
    """A model to compare: its configuration, the folder of its data by source, and what is changed for the comparison."""

    name: str
    config: str
    data: Path
    overrides: list[str]


def main() -> None:
    arguments = parse_arguments()
    matplotlib.use("Agg")
    pictures, landmarks = arguments.work / "pictures", arguments.work / "landmarks"
    counts = {folder.name: stage(folder, pictures / folder.name, arguments.pictures) for folder in arguments.images}
    home, *others = counts
    trainings = [Training("random", [home], "random", [home]), Training("blocks", [home], "stored", [home, *others])]
    if others:
        trainings.append(Training("back", others, "stored", [home]))

    landmark_seconds = {}
    for source in counts:
        command = [
            in_project("scripts/preprocess.py"),
            "--fresh",
            "--input",
            str(pictures / source),
            "--output",
            str(landmarks / source),
        ]
        landmark_seconds[source] = run_once(landmarks / f"{source}.json", command)

    rows = {}
    for candidate in choose_candidates(arguments.recipes, pictures, landmarks):
        folder = arguments.work / candidate.name.replace(" ", "-")
        row = rows[candidate.name] = {"trainings": {t.name: train_and_test(candidate, t, folder / t.name) for t in trainings}}
        model_path = folder / "blocks" / "best_model.pth"
        row |= {"bytes": model_path.stat().st_size, "batch_size": load_checkpoint(model_path)["config"]["batch_size"]}
        print(f"{candidate.name}: {', '.join(f'{title} {value:.1%}' for title, value in accuracies(row, trainings).items())}")
    for name, row in rows.items():  # at the end and together, so that they differ by nothing but the model
        row |= measure_speed(name, arguments.work / name.replace(" ", "-") / "blocks" / "best_model.pth", pictures)
    report = {
        "pictures": counts,
        "pictures_per_class": arguments.pictures,
        "landmark_seconds": landmark_seconds,
        "hand_model_bytes": find_hand_model().stat().st_size,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "models": rows,
    }
    table = to_markdown(report, trainings)
    write_report(arguments.output / "compare", report, table)
    draw(rows, trainings, arguments.output / "compare.png")
    print(table)
    print(f"wrote compare.md, compare.json and compare.png in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare image CNNs with the landmark GRU on the same pictures.")
    parser.add_argument(
        "--images", type=Path, nargs="+", metavar="DIR", default=[Path(folder) for folder in DEFAULT_IMAGES],
        help="folders of class folders, or of train/ and test/ with such. All models are trained on the first, and tested on "
        f"it and the others, and the other way round (default: {' '.join(DEFAULT_IMAGES)})",
    )  # fmt: skip
    parser.add_argument(
        "--recipes", nargs="*", metavar="NAME=EPOCHS[xBATCH]", default=DEFAULT_RECIPES,
        help=f"of {RECIPES}, for how many epochs at most, and how many pictures in a batch if not the recipe's number: few "
        f"make more steps of a small epoch (default: {' '.join(DEFAULT_RECIPES)})",
    )  # fmt: skip
    parser.add_argument(
        "--pictures", type=int, default=30, metavar="N", help="of each class and folder, evenly spaced (default: %(default)s)"
    )
    parser.add_argument(
        "--work", type=output_folder, default=in_project("checkpoints/run/compare"), help="default: %(default)s"
    )
    parser.add_argument("--output", type=output_folder, default=in_project("results"), help="default: %(default)s")
    arguments = parser.parse_args()
    for recipe in arguments.recipes:
        form = RECIPE.fullmatch(recipe)
        if not form or not (RECIPES / f"{form[1]}.yaml").is_file():
            raise UserError(
                f"no recipe {recipe!r}; expected the name of a file in {RECIPES} and epochs, such as cnn128=20 or cnn128=20x8"
            )
    return arguments


def stage(folder: Path, target: Path, per_class: int) -> int:
    """Copy evenly spaced pictures of each class to `target`, in the order of capture, and count them."""
    parts = [child for child in folder.glob("*") if child.is_dir() and child.name.lower() in _PARTS]
    by_label = {}
    for part in sorted(parts) or [folder]:
        found = find_pictures(part)
        for label, path in zip(found.labels, found.paths, strict=True):
            by_label.setdefault(label, []).append(found.file(path))
    wanted = {}
    for label, paths in by_label.items():
        chosen = np.unique(np.linspace(0, len(paths) - 1, per_class).round().astype(int))
        wanted |= {target / label / f"{number:04d}{paths[row].suffix}": paths[row] for number, row in enumerate(chosen)}
    if surplus := {*target.glob("*/*")} - {*wanted}:
        raise UserError(f"{target} holds other pictures, such as {min(surplus).name}; name another --work or remove it")
    for copy, original in wanted.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copyfile(original, copy.with_suffix(".part"))
            copy.with_suffix(".part").rename(copy)
    return len(wanted)


def choose_candidates(recipes: list[str], pictures: Path, landmarks: Path) -> list[Candidate]:
    """The GRU as it is released, and each recipe, made to know all classes."""
    candidates = [Candidate(GRU, in_project("training/config.yaml"), landmarks, ["precision=fp32"])]
    for recipe in recipes:
        name, epochs, batch = RECIPE.fullmatch(recipe).groups()
        small = [f"batch_size={batch}"] if batch else []
        overrides = ["precision=fp32", *small, *PATIENCE, f"epochs={epochs}", f"model.classes=[{','.join(LABELS)}]"]
        candidates.append(Candidate(name, str(RECIPES / f"{name}.yaml"), pictures, overrides))
    return candidates


def train_and_test(candidate: Candidate, training: Training, folder: Path) -> dict:
    """Train one model and read its report."""
    paths = ",".join(str(candidate.data / source) for source in training.sources)
    command = [
        in_project("training/train.py"),
        "--config",
        candidate.config,
        "--output",
        str(folder),
        "--results",
        str(folder / "curves"),
    ]
    command += [f"data.paths=[{paths}]", f"data.split={training.split}", *candidate.overrides]
    resume = ["--resume"] if (folder / "latest.pth").exists() else []
    run_once(folder / "training.json", command, resume)
    trained = json.loads((folder / "run.json").read_bytes())

    command = [
        in_project("training/evaluate.py"),
        "--model",
        str(folder / "best_model.pth"),
        "--output",
        str(folder / "report"),
    ]
    run_once(folder / "evaluation.json", [*command, "--data", *(str(candidate.data / source) for source in training.tests)])
    report = json.loads((folder / "report" / "report.json").read_bytes())
    return {
        **{name: trained[name] for name in ("epochs", "best_epoch", "peak_memory_mib", "parameters")},
        "seconds": round(trained["seconds"]),
        "tests": {source: report["stills"]["sources"][source] for source in training.tests},
    }


def run_once(marker: Path, command: list[str], more: list[str] = ()) -> float:
    """Run a command of this project, with `more`, unless `marker` says that it was run to its end. Returns the seconds that
    it took, its start included."""
    if marker.exists():
        done = json.loads(marker.read_bytes())
        if done["command"] != command:
            raise UserError(f"{marker.parent} was made with other settings; name another --work or remove it")
        return done["seconds"]
    print(" ".join(command), flush=True)
    started = time.perf_counter()
    if subprocess.run([sys.executable, *command, *more], stdout=subprocess.DEVNULL).returncode:
        raise UserError(f"{command[0]} failed, as it says above; mend that, and the same command goes on")
    seconds = time.perf_counter() - started
    with atomic_write(marker) as file:
        file.write(json.dumps({"command": command, "seconds": seconds}).encode())
    return seconds


def measure_speed(name: str, path: Path, pictures: Path) -> dict:
    """Milliseconds from the pixels of one picture to its probabilities: median and 95th percentile."""
    files = sorted(pictures.glob("*/*/*"))
    chosen = [read_picture(files[row]) for row in np.linspace(0, len(files) - 1, _WARM_UP + _TIMED).astype(int)]
    milliseconds = []
    with Landmarker() as landmarker:
        read = landmark_reader(path, landmarker) if name == GRU else image_reader(path)
        for picture in chosen:
            started = time.perf_counter()
            read(picture)
            milliseconds.append(1000 * (time.perf_counter() - started))
    median, high = np.percentile(milliseconds[_WARM_UP:], [50, 95])
    return {"ms_p50": round(float(median), 2), "ms_p95": round(float(high), 2)}


def landmark_reader(path: Path, landmarker: Landmarker) -> Callable[[np.ndarray], object]:
    """Reads a picture by MediaPipe and the GRU at `path`."""
    recognizer = Recognizer.load(path, device="cpu")

    def read(picture: np.ndarray) -> None:
        hand = landmarker.find(picture)
        if hand:
            recognizer.predict(hand.landmarks[None], np.array([hand.left_handed]))

    return read


def image_reader(path: Path) -> Callable[[np.ndarray], object]:
    """Reads a picture by the image model at `path`."""
    model, _ = load_model(path, ImageCNN)
    return lambda picture: model.read(scale_picture(picture, model.sizes["input"])[None])


def accuracies(row: dict, trainings: list[Training]) -> dict[str, float]:
    """By test: the share of all pictures of the 24 static letters that are read right, found hand or not."""
    values = {}
    for training in trainings:
        for source, figures in row["trainings"][training.name]["tests"].items():
            kept = {"random": "at random", "blocks": "in blocks"}.get(training.name, "")
            title = f"{source}, {kept}" if source in training.sources else f"{', '.join(training.sources)} → {source}"
            values[title] = figures["static_letters_end_to_end"]
    return values


def to_markdown(report: dict, trainings: list[Training]) -> str:
    """The table for people, and how it came about."""
    models, counts = report["models"], report["pictures"]
    home, *others = counts
    tests = list(accuracies(next(iter(models.values())), trainings))
    head = ["model", *tests, "parameters", "file", "ms p50", "ms p95", "training", "batch", "best epoch", "peak memory"]
    lines = [
        "Accuracy on all pictures of the 24 static letters; a picture without a found hand is an error. All models know 29",
        f"classes and were trained on the same pictures and splits: {', '.join(f'{n:,} of {s}' for s, n in counts.items())},",
        f"evenly spaced, at most {report['pictures_per_class']} of a class. `{home}, at random`: 15 % kept for testing, whose",
        "neighbours in the video were trained on; `in blocks`: whole stretches kept. The epoch is chosen on the same pictures;",
        f"`{home} → …` and `… → {home}` are of people whom the model never saw.",
        "",
    ]
    rows = []
    for name, row in models.items():
        parts = row["trainings"].values()
        size = f"{row['bytes'] / 1e6:.1f} MB"
        if name == GRU:
            size += f" + {report['hand_model_bytes'] / 1e6:.1f} MB"
        cells = [
            name,
            *(f"{value:.1%}" for value in accuracies(row, trainings).values()),
            f"{row['trainings']['blocks']['parameters']:,}",
            size,
            f"{row['ms_p50']:.1f}",
            f"{row['ms_p95']:.1f}",
            " / ".join(f"{part['seconds']}" for part in parts) + " s",
            f"{row['batch_size']}",
            ", ".join(f"{part['best_epoch']} of {part['epochs']}" for part in parts),
            f"{max(part['peak_memory_mib'] for part in parts):,} MiB",
        ]
        rows.append(cells)
    order = "; ".join(f"on {', '.join(training.sources)} ({training.name})" for training in trainings)
    seconds = sum(report["landmark_seconds"].values())
    lines += [
        *markdown_table(head, rows),
        f"Training and best epoch: {order}; a model whose best epoch is among its last would improve with more.",
        "Settings are those of training/config.yaml and of the recipes, whose epochs, batch and patience (10 epochs) were set",
        "for so few pictures.",
        f"The GRU's landmarks took {seconds:.0f} s more for all pictures.",
        "Its second file is MediaPipe's. Milliseconds: from the pixels of one picture to its probabilities, for the GRU with",
        f"MediaPipe, which looks again where it finds no hand; on a CPU ({report['machine']}, {report['threads']} threads).",
        "Peak memory: of training.",
        "",
    ]
    return "\n".join(lines)


def draw(models: dict[str, dict], trainings: list[Training], path: Path) -> None:
    """Accuracy by test, a group of bars for each."""
    figure, axis = plt.subplots(figsize=(11, 4.5), layout="constrained")
    tests = list(accuracies(next(iter(models.values())), trainings))
    width = 0.85 / len(models)
    for number, (name, row) in enumerate(models.items()):
        places = np.arange(len(tests)) + (number - (len(models) - 1) / 2) * width
        values = [100 * value for value in accuracies(row, trainings).values()]
        bars = axis.bar(places, values, width, label=name, color="black" if name == GRU else f"C{number - 1}")
        axis.bar_label(bars, fmt="%.0f", fontsize=7)
    axis.set_xticks(range(len(tests)), tests)
    axis.set(ylabel="24 static letters read right, %", ylim=(0, 105))
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)
    axis.legend(ncols=3, fontsize=8, loc="upper right")
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    run(main)
