"""How well the recipe reads people it never saw: python training/measure/people.py data.paths=[landmarks,clips] [key=value ...]

The sources are dealt out over folds; for each fold a model is trained on all others, and reads the fold's.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_model, save_checkpoint
from sign2sound.errors import UserError, run
from sign2sound.features import FRAME_RATE
from sign2sound.files import in_project, output_file, output_folder
from sign2sound.hand import Hand
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING
from sign2sound.recognizer import Recognizer
from training.calibration import fit_temperature
from training.config import load_config
from training.measure.folds import (
    CACHE,
    MOTION,
    STATIC,
    Fold,
    deal,
    describe_sources,
    load_folds,
    moving_letters,
    read,
    train_folds,
)  # fmt: skip
from training.report import calibration_error, for_terminal, markdown_table, percent, share, write_report

THRESHOLD = 0.5  # the probability above which live use takes a letter
HELD = {"held_half": 0.5, "held_three": 3.0}  # seconds
FRAME_RATES = (15, 30, 60)  # frames/s
_FIGURES = ("given_hand", "end_to_end", *HELD)
_BOTH_SIDES = 100  # stills of each side from which on a source says something about it


@dataclass(frozen=True, eq=False)
class Reads:
    """What a model that never saw a source makes of it: logits (N, 29) of its stills with a found hand, trusted letters and
    hands that sign nothing; by name in HELD of the same hands held still; of its moving clips of J and Z, read at the end."""

    source: str
    fold: Fold
    stills: Samples
    clips: Samples | None
    still_logits: torch.Tensor
    held_logits: dict[str, torch.Tensor]
    clip_logits: torch.Tensor
    misses: np.ndarray  # labels of the stills in which no hand was found


def main() -> None:
    arguments = parse_arguments()
    config = load_config(arguments.config, arguments.overrides)
    if arguments.calibrate:
        load_model(arguments.calibrate)  # said before the work, if it is none
    stills, clips = load_samples(config.data.paths)
    folds = deal(describe_sources(stills, clips), arguments.folds)
    train_folds({arguments.models: config}, folds, arguments.workers)
    reads = read_people(arguments.models, folds, stills, clips)
    report = report_on(reads)
    report["frame_rates"] = at_frame_rates(reads)
    table = to_markdown(report)
    write_report(arguments.output / "people", report, table)
    print(for_terminal(table))
    if arguments.calibrate:
        calibrate(arguments.calibrate, report["temperature"])
        print(f"set the temperature of {arguments.calibrate} to {report['temperature']:.3f}")
    data = " ".join(map(str, config.data.paths))
    print(
        f"wrote people.md and people.json in {arguments.output}, the models in {arguments.models}; "
        f"next: python training/measure/fluency.py --data {data}"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train without each fold of the sources in turn and measure on it.")
    add_training_arguments(parser)
    parser.add_argument("--calibrate", type=output_file, metavar="PTH", help="store the temperature found in this checkpoint")
    return parser.parse_intermixed_args()


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every program that trains the models of the folds."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a value of the configuration, such as epochs=10")
    parser.add_argument("--config", type=Path, default=in_project("training/config.yaml"), help="default: %(default)s")
    parser.add_argument("--folds", type=int, default=8, metavar="N", help="of people left out together (default: %(default)s)")
    parser.add_argument(
        "--models",
        type=output_folder,
        default=str(CACHE),
        help="folder of the folds' models, trained where missing (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the tables (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help="processes (default: one per core)")


def read_people(cache: Path, folds: list[list[str]], stills: Samples, clips: Samples | None) -> list[Reads]:
    """All sources with something to measure, each read by the model of its fold."""
    by_source = load_folds(cache, [name for left_out in folds for name in left_out])
    named = tqdm(sorted(by_source.items()), desc="reading people", unit=" sources")
    reads = [read_source(name, fold, stills, clips) for name, fold in named]
    return [one for one in reads if len(one.still_logits) or len(one.clip_logits)]


def read_source(name: str, fold: Fold, stills: Samples, clips: Samples | None) -> Reads:
    # Hands that sign nothing are marked as doubtful, so that nobody takes them for letters.
    """Have a source read by the model that never saw it."""
    stills = stills[(stills.sources == name) & (stills.trusted | (stills.labels == NOTHING))]
    misses = stills.labels[~stills.found]
    stills = stills[stills.found]
    if clips is not None:
        clips = clips[clips.sources == name]
        clips = clips[moving_letters(clips)] if len(clips) else clips

    def logits(samples: Samples | None, seconds: float = 0.0) -> torch.Tensor:
        return torch.from_numpy(read(fold.model, samples, seconds)).clamp(min=1e-12).log()

    held = {figure: logits(stills, seconds) for figure, seconds in HELD.items()}
    return Reads(name, fold, stills, clips, logits(stills), held, logits(clips), misses)


def report_on(reads: list[Reads]) -> dict:
    """All figures, from probabilities calibrated for each fold on the other ones.

    "confusion": by the label shown in stills with a found hand, the shares read as each of LABELS, a mean over the sources.
    """
    temperatures = {
        one.fold.path: temperature_of([other for other in reads if other.fold.path != one.fold.path] or reads) for one in reads
    }
    sources, classes, rejected, moving = {}, {}, {}, {}
    confusion = np.zeros((len(LABELS), len(LABELS)))
    pooled = {"labels": [], "probabilities": [], "weights": []}
    for one in reads:
        temperature = temperatures[one.fold.path]
        probabilities = (one.still_logits / temperature).softmax(-1).numpy()
        held = {figure: (logits / temperature).softmax(-1).numpy() for figure, logits in one.held_logits.items()}
        labels = one.stills.labels
        predicted = probabilities.argmax(1)
        right = predicted == labels
        static = np.isin(labels, STATIC)
        if static.any():
            missed = int(np.isin(one.misses, STATIC).sum())
            sources[one.source] = {
                "stills": int(static.sum()),
                "misses": missed,
                "given_hand": share(right[static]),
                "end_to_end": float(right[static].sum() / (static.sum() + missed)),
                **{figure: share(given.argmax(1)[static] == labels[static]) for figure, given in held.items()},
                "calibration_error": calibration_error(labels[static], probabilities[static]),
                "sides": {
                    side: [share(right[static & rows]), int((static & rows).sum())]
                    for side, rows in (("left", one.stills.left_handed), ("right", ~one.stills.left_handed))
                },
                "letters": {LABELS[label]: share(right[labels == label]) for label in np.unique(labels[static])},
            }
            pooled["labels"].append(labels[static])
            pooled["probabilities"].append(probabilities[static])
            pooled["weights"].append(np.full(static.sum(), 1 / static.sum()))
        for label in np.unique(labels):
            shown = labels == label
            classes.setdefault(LABELS[label], {})[one.source] = [share(right[shown]), int(shown.sum())]
            confusion[label] += np.bincount(predicted[shown], minlength=len(LABELS)) / shown.sum()
        if (nothing := labels == NOTHING).any():
            half = held["held_half"][nothing]
            rejected[one.source] = {
                "hands": int(nothing.sum()),
                "picture_as_letter": share(probabilities[nothing, : LABEL_IDS["Z"] + 1].max(1) >= THRESHOLD),
                "held_as_letter": share(half[:, : LABEL_IDS["Z"] + 1].max(1) >= THRESHOLD),
                "held_as_sign": share(np.delete(half, NOTHING, axis=1).max(1) >= THRESHOLD),
            }
        if len(one.clip_logits):
            got = one.clip_logits.argmax(1).numpy() == one.clips.labels
            moving[one.source] = {
                LABELS[label]: [share(got[one.clips.labels == label]), int((one.clips.labels == label).sum())]
                for label in MOTION
            } | {"both": [share(got), len(got)]}
    if not sources:
        raise UserError("no trusted still of a static letter in which a hand was found; give data.paths such sources")
    return {
        "sources": sources,
        **{figure: summary([row[figure] for row in sources.values()]) for figure in _FIGURES},
        "calibration_error": calibration_error(**{key: np.concatenate(value) for key, value in pooled.items()}),
        "temperature": temperature_of(reads),
        "classes": {label: classes[label] for label in LABELS if label in classes},
        "confusion": {label: (confusion[LABEL_IDS[label]] / len(by)).round(5).tolist() for label, by in classes.items()},
        "no_letters": rejected,
        "threshold": THRESHOLD,
        "moving": moving,
        "folds": {one.fold.path.name: one.fold.left_out for one in reads},
    }


def summary(accuracies: Sequence[float]) -> dict[str, float]:
    """Mean and median over the sources, and the mean over the tenth of them that is read worst (one source at least)."""
    worst = np.sort(accuracies)[: max(1, round(len(accuracies) / 10))]
    return {"mean": float(np.mean(accuracies)), "median": float(np.median(accuracies)), "worst_tenth": float(worst.mean())}


def temperature_of(reads: list[Reads]) -> float:
    """The best temperature for the trusted stills of these sources, every source counting the same."""
    trusted = [torch.from_numpy(one.stills.trusted) for one in reads]
    return fit_temperature(
        torch.cat([one.still_logits[rows] for one, rows in zip(reads, trusted, strict=True)]),
        torch.cat([torch.from_numpy(one.stills.labels)[rows] for one, rows in zip(reads, trusted, strict=True)]),
        torch.cat([torch.full((int(rows.sum()),), 1 / max(1, int(rows.sum()))) for rows in trusted]),
    )


def at_frame_rates(reads: list[Reads]) -> dict:
    """Share of each source's moving clips read right as a stream of 15, 30 and 60 frames/s, by `Recognizer.update`."""
    torch.set_num_threads(1)  # for one frame at a time; more threads wait for each other longer than they work
    accuracy = {}
    for one in reads:
        if len(one.clip_logits):
            recognizer = Recognizer(one.fold.model)
            accuracy[one.source] = {
                str(rate): share(np.array([stream_label(recognizer, one.clips, row, rate) for row in range(len(one.clips))])
                                 == one.clips.labels)
                for rate in FRAME_RATES
            }  # fmt: skip
    return accuracy


def stream_label(recognizer: Recognizer, clips: Samples, row: int, rate: int) -> int:
    """The label after the last frame of a clip seen at `rate` frames/s."""
    frames = clips.landmarks[row]
    seen = np.flatnonzero(~np.isnan(frames[:, 0, 0]))
    times = np.arange(seen[-1] / FRAME_RATE, seen[0] / FRAME_RATE - 1e-6, -1 / rate)[::-1]
    flat = frames[seen].reshape(len(seen), -1)
    recognizer.reset()
    for time in times:
        landmarks = np.array([np.interp(time * FRAME_RATE, seen, column) for column in flat.T])
        reading = recognizer.update(Hand(landmarks.reshape(21, 3), bool(clips.left_handed[row])), float(time))
    return LABEL_IDS[reading.label]


def calibrate(path: Path, temperature: float) -> None:
    """Store `temperature` in the checkpoint at `path`, and nothing else."""
    model, checkpoint = load_model(path)
    model.temperature = temperature
    save_checkpoint(path, model, **{key: checkpoint[key] for key in ("config", "epoch", "metrics")})


def to_markdown(report: dict) -> str:
    """The tables for people."""
    lines = ["Each source read by a model that was trained on none of its people. 24 static letters:", ""]
    titles = {"mean": "**mean**", "median": "**median**", "worst_tenth": "**worst tenth**"}
    pooled = {"mean": f"pooled {report['calibration_error']:.3f}"}
    lines += markdown_table(
        ["source", "letters", "stills", "misses", "given a hand", "end to end", "held 0.5 s", "held 3 s", "calibration error"],
        [
            [name, len(row["letters"]), row["stills"], row["misses"], *(percent(row[figure]) for figure in _FIGURES),
             f"{row['calibration_error']:.3f}"]
            for name, row in sorted(report["sources"].items(), key=lambda item: item[1]["given_hand"])
        ]
        + [
            [title, "", "", "", *(f"**{percent(report[figure][key])}**" for figure in _FIGURES), pooled.get(key, "")]
            for key, title in titles.items()
        ],
    )  # fmt: skip
    lines += [
        "Worst tenth: the mean over the tenth of the sources that is read worst, in each column. Temperature over all sources:",
        f"{report['temperature']:.3f}; each fold was calibrated with that of the others.",
        "",
    ]
    both_sides = {
        name: row["sides"]
        for name, row in report["sources"].items()
        if min(count for _, count in row["sides"].values()) >= _BOTH_SIDES
    }
    if both_sides:
        lines += ["Sources with left and right hands, as MediaPipe sees them:", ""]
        lines += markdown_table(
            ["source", "left", "right"],
            [[name, *(_of(sides[side]) for side in ("left", "right"))] for name, sides in both_sides.items()],
        )
    lines += ["By class, stills, given a hand: mean over the sources that have it, and the worst of them.", ""]
    lines += markdown_table(
        ["class", "sources", "stills", "mean", "worst"],
        [
            [label, len(by_source), sum(count for _, count in by_source.values()),
             percent(np.mean([accuracy for accuracy, _ in by_source.values()])),
             f"{percent(by_source[worst][0])} ({worst})"]
            for label, by_source in report["classes"].items()
            for worst in [min(by_source, key=lambda name: by_source[name][0])]
        ],
    )  # fmt: skip
    if report["moving"]:
        lines += ["J and Z as motions, clips read at their end, and as streams of other frame rates:", ""]
        lines += markdown_table(
            ["source", "J", "Z", "both", *(f"{rate} frames/s" for rate in FRAME_RATES)],
            [
                [name, *(_of(row[key]) for key in (*MOTION_LETTERS, "both")),
                 *(percent(report["frame_rates"][name][str(rate)]) for rate in FRAME_RATES)]
                for name, row in report["moving"].items()
            ],
        )  # fmt: skip
    if report["no_letters"]:
        lines += [f"Hands that sign none of the classes, read with a probability of {report['threshold']} or more as:", ""]
        lines += markdown_table(
            ["source", "hands", "a letter, in a picture", "a letter, held 0.5 s", "a letter, `del` or `space`, held 0.5 s"],
            [
                [name, row["hands"], *(percent(row[key]) for key in ("picture_as_letter", "held_as_letter", "held_as_sign"))]
                for name, row in report["no_letters"].items()
            ],
        )
    return "\n".join(lines)


def _of(accuracy_and_count: list) -> str:
    return f"{percent(accuracy_and_count[0])} of {accuracy_and_count[1]}"


if __name__ == "__main__":
    run(main)
