"""Measure the recipe on people it never saw: python training/leave_one_out.py data.paths=[landmarks,clips] [key=value ...]

For every source a model is trained on all others and tested on that one.
"""

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_checkpoint, load_model, save_checkpoint
from sign2sound.errors import UserError, run
from sign2sound.features import FRAME_RATE
from sign2sound.files import atomic_write, output_folder
from sign2sound.hand import Hand
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING, STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from sign2sound.speller import SpellerOptions
from training.batches import to_palm_clips
from training.calibration import fit_temperature
from training.config import Config, load_config
from training.evaluate import calibration_error, markdown_table, percent, share, write_report
from training.motions import moves
from training.tasks import task_of
from training.train import Trainer, choose_precision, load_data

# Sources that show the same people, by what their publishers say: they are left out together.
SAME_PEOPLE = ({"ardamavi", "not_letters"},)
FRAME_RATES = (15, 30, 60)  # frames/s
_BOTH_SIDES = 100  # stills of each side from which on a source says something about it
_HELD_FRAMES = FRAME_RATE // 2
_STATIC = [LABEL_IDS[letter] for letter in STATIC_LETTERS]
_MOTION = [LABEL_IDS[letter] for letter in MOTION_LETTERS]
_THRESHOLD = SpellerOptions().enter  # the probability above which live use takes a letter


@dataclass(frozen=True)
class Fold:
    """What a model trained without the sources `left_out` makes of them: logits (N, 29) of their trusted stills with a found
    hand, of the same hands held still for half a second, and of their clips of J and Z, read at the end."""

    name: str
    left_out: list[str]
    stills: Samples
    clips: Samples | None
    still_logits: torch.Tensor
    held_logits: torch.Tensor
    clip_logits: torch.Tensor
    misses: np.ndarray  # labels of the stills in which no hand was found


def main() -> None:
    arguments = parse_arguments()
    config = load_config(arguments.config, arguments.overrides)
    stills, clips = load_samples(config.data.paths)
    folds = choose_folds(stills, clips, arguments.sources)
    if arguments.ablation:
        ablate(arguments, folds, stills, clips)
        return

    train_folds({arguments.models: config}, folds, arguments.workers)
    measured = [measure_fold(name, left_out, arguments.models, stills, clips) for name, left_out in folds.items()]
    report = report_on(measured)
    report["frame_rates"] = at_frame_rates(measured, arguments.models)
    write_report(arguments.output, "strangers", report, to_markdown(report))
    if arguments.calibrate:
        calibrate(arguments.calibrate, report["temperature"])
        print(f"set the temperature of {arguments.calibrate} to {report['temperature']:.3f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train without each source in turn and measure on it.")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a value of the configuration, such as epochs=10")
    parser.add_argument("--config", type=Path, default="training/config.yaml", help="default: %(default)s")
    parser.add_argument("--sources", nargs="+", metavar="NAME", help="leave out only these; default: each")
    parser.add_argument(
        "--models", type=Path, default="checkpoints/run/strangers", help="folder of the folds' models, which are trained where "
        "missing (default: %(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--output", type=output_folder, default="results/run", help="folder of the tables (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help="default: one per core")
    parser.add_argument("--calibrate", type=Path, metavar="PTH", help="store the temperature found in this checkpoint")
    parser.add_argument(
        "--ablation",
        type=Path,
        metavar="YAML",
        help="compare the variants in this file, such as training/ablation.yaml, instead",
    )
    return parser.parse_args()


def choose_folds(stills: Samples, clips: Samples | None, wanted: list[str] | None) -> dict[str, list[str]]:
    """Name of each fold and the sources it leaves out. A fold has trusted stills of static letters, or clips of J or Z."""
    letters = stills.trusted & stills.found & np.isin(stills.labels, _STATIC)
    names = {*stills.sources[letters]}
    if clips is not None:
        names |= {*clips.sources[moving_letters(clips)]}
    folds = {}
    for name in sorted(map(str, names)):
        same = next((group for group in SAME_PEOPLE if name in group), {name})
        folds[name] = sorted(same & {*stills.sources, *(clips.sources if clips else ())})
    if missing := sorted({*(wanted or ())} - {*folds}):
        raise UserError(f"no source named {', '.join(missing)} to leave out; found {', '.join(folds)}")
    if len(folds) < 2:
        raise UserError(f"only {', '.join(folds) or 'no source'} to leave out; give data.paths two sources or more")
    return {name: folds[name] for name in wanted or folds}


def train_folds(variants: dict[Path, Config], folds: dict[str, list[str]], workers: int) -> None:
    """A checkpoint for each fold in the folder of each configuration, unless it is there already."""
    jobs = []
    for folder, config in variants.items():
        for name, left_out in folds.items():
            path, fold_config = folder / f"without_{name}.pth", _without(config, left_out)
            if not path.exists():
                jobs.append((path, fold_config))
            elif load_checkpoint(path)["config"] != fold_config.model_dump():
                raise UserError(f"{path} was trained with another configuration; remove it or name another --models")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)) or 1, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = [pool.submit(train_fold, path, config) for path, config in jobs]
        for result in tqdm(results, desc="models", disable=not jobs):
            result.result()


def train_fold(path: Path, config: Config) -> None:
    """Train like train.py, in a process of its own."""
    torch.manual_seed(config.seed)
    device = torch.device("cpu")
    stills, clips, validation = load_data(config)
    model = LandmarkGRU(**config.model.model_dump())
    precision = choose_precision(config.precision, device)
    training_set = task_of(config).make_training_set(stills, clips, device)
    trainer = Trainer(model, training_set, config, device, precision, {})
    while not trainer.finished:
        trainer.train_epoch()
        trainer.validate(validation)
    save_checkpoint(path, model, config=config.model_dump(), epoch=trainer.epoch, metrics=trainer.history[-1])


def measure_fold(name: str, left_out: list[str], models: Path, stills: Samples, clips: Samples | None) -> Fold:
    model, _ = load_model(models / f"without_{name}.pth")
    recognizer = Recognizer(model)
    stills = stills[np.isin(stills.sources, left_out) & stills.trusted]
    misses = stills.labels[~stills.found]
    stills = stills[stills.found]
    if clips is not None:
        clips = clips[np.isin(clips.sources, left_out) & moving_letters(clips) & clips.found]

    def logits(samples: Samples | None, frames: int = 1) -> torch.Tensor:
        if samples is None or not len(samples):
            return torch.zeros(0, len(LABELS))
        landmarks = np.repeat(samples.landmarks, frames, axis=1)
        return torch.from_numpy(recognizer.predict(landmarks, samples.left_handed)).clamp(min=1e-12).log()

    return Fold(name, left_out, stills, clips, logits(stills), logits(stills, _HELD_FRAMES), logits(clips), misses)


def report_on(folds: list[Fold]) -> dict:
    """All figures, from probabilities calibrated for each fold on the other ones.

    "confusion": by the label shown in stills with a found hand, the shares read as each of LABELS, a mean over the sources.
    """
    sources, classes, rejected, moving = {}, {}, {}, {}
    confusion = np.zeros((len(LABELS), len(LABELS)))
    everything = {"labels": [], "probabilities": [], "weights": []}
    for fold in folds:
        temperature = temperature_of([other for other in folds if other is not fold] or folds)
        probabilities = (fold.still_logits / temperature).softmax(-1).numpy()
        labels = fold.stills.labels
        predicted = probabilities.argmax(1)
        right = predicted == labels
        held = (fold.held_logits / temperature).softmax(-1).numpy()
        static = np.isin(labels, _STATIC)
        if static.any():
            missed = int(np.isin(fold.misses, _STATIC).sum())
            sources[fold.name] = {
                "stills": int(static.sum()),
                "misses": missed,
                "given_hand": share(right[static]),
                "held": share(held.argmax(1)[static] == labels[static]),
                "end_to_end": float(right[static].sum() / (static.sum() + missed)),
                "calibration_error": calibration_error(labels[static], probabilities[static]),
                "sides": {
                    side: [share(right[static & rows]), int((static & rows).sum())]
                    for side, rows in (("left", fold.stills.left_handed), ("right", ~fold.stills.left_handed))
                },
                "letters": {LABELS[label]: share(right[labels == label]) for label in np.unique(labels[static])},
            }
            everything["labels"].append(labels[static])
            everything["probabilities"].append(probabilities[static])
            everything["weights"].append(np.full(static.sum(), 1 / static.sum()))
        for label in np.unique(labels):
            shown = labels == label
            classes.setdefault(LABELS[label], {})[fold.name] = [share(right[shown]), int(shown.sum())]
            confusion[label] += np.bincount(predicted[shown], minlength=len(LABELS)) / shown.sum()
        for source in np.unique(fold.stills.sources[labels == NOTHING]).tolist():
            rows = (labels == NOTHING) & (fold.stills.sources == source)
            rejected[source] = {
                "hands": int(rows.sum()),
                "picture_as_letter": share(probabilities[rows, : LABEL_IDS["Z"] + 1].max(1) >= _THRESHOLD),
                "held_as_letter": share(held[rows, : LABEL_IDS["Z"] + 1].max(1) >= _THRESHOLD),
                "held_as_sign": share(np.delete(held[rows], NOTHING, axis=1).max(1) >= _THRESHOLD),
            }
        if len(fold.clip_logits):
            read = fold.clip_logits.argmax(1).numpy() == fold.clips.labels
            moving[fold.name] = {
                LABELS[label]: [share(read[fold.clips.labels == label]), int((fold.clips.labels == label).sum())]
                for label in _MOTION
            } | {"both": [share(read), len(read)]}
    given = [row["given_hand"] for row in sources.values()]
    pooled = {key: np.concatenate(value) for key, value in everything.items()}
    return {
        "sources": sources,
        "mean": float(np.mean(given)),
        "worst": min(given),
        "mean_end_to_end": float(np.mean([row["end_to_end"] for row in sources.values()])),
        "mean_held": float(np.mean([row["held"] for row in sources.values()])),
        "calibration_error": calibration_error(**pooled),
        "temperature": temperature_of(folds),
        "classes": {label: classes[label] for label in LABELS if label in classes},
        "confusion": {label: (confusion[LABEL_IDS[label]] / len(by)).round(5).tolist() for label, by in classes.items()},
        "no_letters": rejected,
        "threshold": _THRESHOLD,
        "moving": moving,
    }


def temperature_of(folds: list[Fold]) -> float:
    """The best temperature for the stills of these folds, every source counting the same."""
    return fit_temperature(
        torch.cat([fold.still_logits for fold in folds]),
        torch.from_numpy(np.concatenate([fold.stills.labels for fold in folds])),
        torch.cat([torch.full((len(fold.stills),), 1 / max(1, len(fold.stills))) for fold in folds]),
    )


def at_frame_rates(folds: list[Fold], models: Path) -> dict:
    """Share of each fold's clips read right as a stream of 15, 30 and 60 frames/s, by `Recognizer.update`."""
    torch.set_num_threads(1)  # for one frame at a time; more threads wait for each other longer than they work
    accuracy = {}
    for fold in folds:
        if len(fold.clip_logits):
            recognizer = Recognizer(load_model(models / f"without_{fold.name}.pth")[0])
            accuracy[fold.name] = {
                str(rate): share(np.array([stream_label(recognizer, fold.clips, row, rate) for row in range(len(fold.clips))])
                                 == fold.clips.labels)
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


def ablate(arguments: argparse.Namespace, folds: dict[str, list[str]], stills: Samples, clips: Samples | None) -> None:
    """Accuracy of each variant on left-out sources: ablation.md."""
    try:
        variants = yaml.safe_load(arguments.ablation.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"cannot read {arguments.ablation}: {' '.join(str(error).split())}") from error
    configs = {name: load_config(arguments.config, [*arguments.overrides, *overrides]) for name, overrides in variants.items()}
    folders = {name: arguments.models / "".join(c if c.isalnum() else "_" for c in name) for name in configs}
    train_folds({folders[name]: config for name, config in configs.items()}, folds, arguments.workers)
    rows = []
    for name, folder in folders.items():
        measured = [measure_fold(fold, left_out, folder, stills, clips) for fold, left_out in folds.items()]
        report = report_on(measured)
        rows.append([name, percent(report["mean"]), *(percent(report["sources"][fold]["given_hand"]) for fold in folds)])
    table = "\n".join(
        [
            "Accuracy over the 24 static letters, given a hand, on each source by a model trained on all others;",
            f"overrides: {' '.join(arguments.overrides)}.",
            "",
            *markdown_table(["variant", "mean", *folds], rows),
        ]
    )
    with atomic_write(arguments.output / "ablation.md") as file:
        file.write(table.encode())
    print(table)


def calibrate(path: Path, temperature: float) -> None:
    """Store `temperature` in the checkpoint at `path`, and nothing else."""
    model, checkpoint = load_model(path)
    model.temperature = temperature
    save_checkpoint(path, model, **{key: checkpoint[key] for key in ("config", "epoch", "metrics")})


def to_markdown(report: dict) -> str:
    lines = ["Each source read by a model that was trained on all others. 24 static letters:", ""]
    lines += markdown_table(
        ["left out", "stills", "misses", "given a hand", "end to end", "held 0.5 s", "calibration error"],
        [
            [name, row["stills"], row["misses"], percent(row["given_hand"]), percent(row["end_to_end"]), percent(row["held"]),
             f"{row['calibration_error']:.3f}"]
            for name, row in report["sources"].items()
        ]
        + [["**mean**", "", "", f"**{percent(report['mean'])}**", f"**{percent(report['mean_end_to_end'])}**",
            f"**{percent(report['mean_held'])}**", f"pooled {report['calibration_error']:.3f}"]],
    )  # fmt: skip
    lines += [
        f"Worst source: {percent(report['worst'])}. Temperature over all sources: {report['temperature']:.3f}; each source was",
        "calibrated with that of the others.",
        "",
        "Sources with left and right hands, as MediaPipe sees them: "
        + "; ".join(
            f"{name} {percent(row['sides']['left'][0])} of {row['sides']['left'][1]} left, "
            f"{percent(row['sides']['right'][0])} of {row['sides']['right'][1]} right"
            for name, row in report["sources"].items()
            if min(count for _, count in row["sides"].values()) >= _BOTH_SIDES
        )
        + ".",
        "",
        "By class, stills, given a hand: mean over the sources that have it, and the worst of them.",
        "",
    ]
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
            ["left out", "J", "Z", "both", *(f"{rate} frames/s" for rate in FRAME_RATES)],
            [
                [name, *(f"{percent(row[key][0])} of {row[key][1]}" for key in (*MOTION_LETTERS, "both")),
                 *(percent(report["frame_rates"][name][str(rate)]) for rate in FRAME_RATES)]
                for name, row in report["moving"].items()
            ],
        )  # fmt: skip
    if report["no_letters"]:
        lines += [f"Hands that sign none of the classes, read with a probability of {report['threshold']} or more as:", ""]
        lines += markdown_table(
            ["left out", "hands", "a letter, in a picture", "a letter, held", "a letter, `del` or `space`, held"],
            [
                [name, row["hands"], *(percent(row[key]) for key in ("picture_as_letter", "held_as_letter", "held_as_sign"))]
                for name, row in report["no_letters"].items()
            ],
        )
    return "\n".join(lines)


def moving_letters(clips: Samples) -> np.ndarray:
    """bool (N,): clips of J and Z in which the hand moves; in some sets these letters are held still as well."""
    return np.isin(clips.labels, _MOTION) & clips.trusted & moves(to_palm_clips(clips, "cpu")).numpy()


def _without(config: Config, left_out: list[str]) -> Config:
    return config.model_copy(update={"data": config.data.model_copy(update={"test_sources": left_out})})


if __name__ == "__main__":
    run(main)
