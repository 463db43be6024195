"""Measure profiles on people the model never saw: python training/measure_profiles.py --models FOLDER --data landmarks clips

FOLDER holds the models by leave_one_out.py, each trained without one source. Each model is adapted to a few samples per letter
from the first half of that source's recording and read on the second half.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from data.dataset import Samples, load_samples
from sign2sound.adapting import adapt
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.files import output_folder
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING, STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from sign2sound.speller import SpellerOptions
from training.evaluate import markdown_table, percent, write_report
from training.leave_one_out import moving_letters

MANY_PEOPLE = ("ardamavi", "crowd")  # a profile is of one person
PER_LETTER = (5, 20)
FEWEST = 12  # stills of a letter from which on it is measured
_SAMPLED, _TESTED = 0.45, 0.55  # of a letter's recording: samples come from before, tests from after; the gap is for neighbours
_HELD_FRAMES = 15
_STATIC = [LABEL_IDS[letter] for letter in STATIC_LETTERS]
_THRESHOLD = SpellerOptions().enter
_FIGURES = {
    "own": "this person's other half",
    "held": "the same, held for half a second",
    "others": "everybody else",
    "clips": "J and Z as motions",
    "no_letters": "no letter, read as one",
}


def main() -> None:
    arguments = parse_arguments()
    stills, clips = load_samples(arguments.data)
    stills = stills[stills.trusted & stills.found]
    if clips is not None:
        clips = clips[moving_letters(clips) & clips.found]
    people = {}
    for name in sorted({*map(str, stills.sources)} - {*MANY_PEOPLE}):
        samples, test = choose_rows(stills, name, max(PER_LETTER))
        if len(test):
            people[name] = measure(name, arguments.models / f"without_{name}.pth", stills, clips)
            print(f"{name}: {describe(people[name])}", flush=True)
    if not people:
        raise UserError(f"no source of one person with {FEWEST} stills of a letter in {', '.join(map(str, arguments.data))}")
    write_report(arguments.output, "personal", people, to_markdown(people))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure profiles on people the model never saw.")
    parser.add_argument("--models", type=Path, default="checkpoints/run/strangers", help="folder of leave_one_out.py's models")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data that they were trained on")
    parser.add_argument(
        "--output", type=output_folder, default="results/run", help="folder of the tables (default: %(default)s)"
    )
    return parser.parse_args()


def choose_rows(stills: Samples, source: str, per_letter: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of up to `per_letter` samples of each static letter, spread over the first half of its recording, and the rows of
    the second half."""
    samples, test = [], []
    for label in _STATIC:
        rows = np.flatnonzero((stills.sources == source) & (stills.labels == label))
        if len(rows) >= FEWEST:
            first = rows[: int(_SAMPLED * len(rows))]
            samples.extend(first[np.unique(np.linspace(0, len(first) - 1, per_letter).round().astype(int))])
            test.extend(rows[int(np.ceil(_TESTED * len(rows))) :])
    return np.array(samples, dtype=int), np.array(test, dtype=int)


def measure(name: str, path: Path, stills: Samples, clips: Samples | None) -> dict:
    """Figures of the model at `path`, which was trained without `name`: before, and with a profile of PER_LETTER samples."""
    model, checkpoint = load_model(path)
    if name not in (left_out := checkpoint["config"]["data"]["test_sources"]):
        raise UserError(f"{path} was trained without {', '.join(left_out) or 'no source'}, expected without {name}")
    _, test = choose_rows(stills, name, 1)
    known = stills.validation & ~np.isin(stills.sources, left_out)
    parts = {
        "own": stills[test],
        "others": stills[known & np.isin(stills.labels, _STATIC)],
        "no_letters": stills[known & (stills.labels == NOTHING)],
        "clips": clips,
    }
    result = {"tested": len(test), "before": figures(model, parts)}
    for count in PER_LETTER:
        rows, _ = choose_rows(stills, name, count)
        started = time.perf_counter()
        labels = np.array(LABELS)[stills.labels[rows]]
        adapted = adapt(model, stills.landmarks[rows, 0], labels, stills.left_handed[rows])
        seconds = time.perf_counter() - started
        result[str(count)] = figures(adapted, parts) | {"samples": len(rows), "seconds": seconds}
    return result


def figures(model: LandmarkGRU, parts: dict[str, Samples | None]) -> dict[str, float | None]:
    """Accuracy on each part, every source of everybody else counting the same; of hands that sign no letter, how many are
    read as one with the probability that live use asks for. None where there are no such samples."""
    recognizer = Recognizer(model)

    def accuracies(samples: Samples | None, frames: int = 1) -> float | None:
        if samples is None or not len(samples):
            return None
        probabilities = recognizer.predict(np.repeat(samples.landmarks, frames, axis=1), samples.left_handed)
        right = probabilities.argmax(1) == samples.labels
        return float(np.mean([right[samples.sources == source].mean() for source in np.unique(samples.sources)]))

    no_letters = parts["no_letters"]
    probabilities = recognizer.predict(no_letters.landmarks, no_letters.left_handed)[:, : LABEL_IDS["Z"] + 1]
    return {
        "own": accuracies(parts["own"]),
        "held": accuracies(parts["own"], _HELD_FRAMES),
        "others": accuracies(parts["others"]),
        "clips": accuracies(parts["clips"]),
        "no_letters": float((probabilities.max(1) >= _THRESHOLD).mean()) if len(no_letters) else None,
    }


def describe(row: dict) -> str:
    return ", ".join(f"{name} {' > '.join(percent(row[when][name]) for when in _columns())}" for name in _FIGURES)


def to_markdown(people: dict[str, dict]) -> str:
    lines = [
        "A profile for each person, by a model that was trained on all other sources: of each static letter up to 5 and 20",
        f"samples from the first {_SAMPLED:.0%} of its recording, read on what comes after {_TESTED:.0%}. Left out: sources of",
        f"many people ({', '.join(MANY_PEOPLE)}), and letters with fewer than {FEWEST} pictures.",
        "",
    ]
    names = [f"{count} samples" for count in PER_LETTER]
    for figure, title in _FIGURES.items():
        if any(row["before"][figure] is None for row in people.values()):
            continue
        rows = [[name, *(percent(row[when][figure]) for when in _columns())] for name, row in people.items()]
        means = [percent(float(np.mean([row[when][figure] for row in people.values()]))) for when in _columns()]
        lines += [f"{title[0].upper()}{title[1:]}:", "", *markdown_table(["person", "before", *names], rows), ""]
        lines[-2:] = ["| **mean** | " + " | ".join(f"**{mean}**" for mean in means) + " |", ""]
    slowest = max(row[str(count)]["seconds"] for row in people.values() for count in PER_LETTER)
    lines += [
        "Everybody else: validation stills of the sources that the model was trained on, each counting the same. J and Z: all",
        "moving clips, the left-out source's too. No letter: hands of the other sources that sign none, read as a letter with",
        f"a probability of {_THRESHOLD} or more. Adapting took at most {slowest:.1f} s.",
        "",
    ]
    return "\n".join(lines)


def _columns() -> tuple[str, ...]:
    return ("before", *map(str, PER_LETTER))


if __name__ == "__main__":
    run(main)
