"""What a profile brings people whom the model never saw: python training/measure/profiles.py --data landmarks clips

Each person's model, one by people.py that was trained without them, is adapted to a few samples per letter from the first half
of the person's recording and read on the second half.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.adapting import adapt
from sign2sound.errors import UserError, run
from sign2sound.files import in_project, output_folder
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING
from sign2sound.model import LandmarkGRU
from training.measure.fluency import FEWEST_LETTERS, Spelling, signers, spell_by_person, words_error
from training.measure.folds import CACHE, STATIC, Fold, load_folds, moving_letters, read
from training.measure.people import HELD, THRESHOLD
from training.report import for_terminal, markdown_table, percent, write_report

MANY_PEOPLE = ("ardamavi", "crowd", "signn")  # a profile is of one person
PER_LETTER = (5, 20)
WORDS, SPEED = 40, 4  # words of each person, and letters/s
FEWEST = 12  # stills of a letter from which on it is measured
_SAMPLED, _TESTED = 0.45, 0.55  # of a letter's recording: samples come from before, tests from after; the gap is for neighbours
_FIGURES = {
    "own": "this person's other half",
    "held": "the same, held for half a second",
    "others": "everybody else",
    "clips": "J and Z as motions",
    "no_letters": "no letter, read as one",
    "words": f"words at {SPEED} letters/s, character error rate as written",
}


def main() -> None:
    arguments = parse_arguments()
    stills, clips = load_samples(arguments.data)
    stills = stills[stills.trusted & stills.found]
    if clips is not None:
        clips = clips[moving_letters(clips)]
    names = sorted({*map(str, stills.sources)} - {*MANY_PEOPLE})
    names = [name for name in names if len(choose_rows(stills, name, 1)[1])]
    if not names:
        raise UserError(f"no source of one person with {FEWEST} stills of a letter in {', '.join(map(str, arguments.data))}")
    people = {}
    for name, fold in tqdm(load_folds(arguments.models, names).items(), unit=" people"):
        people[name] = measure(name, fold, stills, clips)
        tqdm.write(f"{name}: {describe(people[name])}")
    table = to_markdown(people)
    write_report(arguments.output / "profiles", people, table)
    print(for_terminal(table))
    print(f"wrote profiles.md and profiles.json in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure profiles on people the model never saw.")
    parser.add_argument("--models", type=Path, default=CACHE, help="folder of people.py's models (default: %(default)s)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data that they were trained on")
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the tables (default: %(default)s)"
    )
    return parser.parse_args()


def choose_rows(stills: Samples, source: str, per_letter: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of up to `per_letter` samples of each static letter, spread over the first half of its recording, and the rows of
    the second half."""
    samples, test = [], []
    for label in STATIC:
        rows = np.flatnonzero((stills.sources == source) & (stills.labels == label))
        if len(rows) >= FEWEST:
            first = rows[: int(_SAMPLED * len(rows))]
            samples.extend(first[np.unique(np.linspace(0, len(first) - 1, per_letter).round().astype(int))])
            test.extend(rows[int(np.ceil(_TESTED * len(rows))) :])
    return np.array(samples, dtype=int), np.array(test, dtype=int)


def measure(name: str, fold: Fold, stills: Samples, clips: Samples | None) -> dict:
    """Figures of the model that was trained without `name`: before, and with a profile of PER_LETTER samples."""
    _, test = choose_rows(stills, name, 1)
    known = stills.validation & ~np.isin(stills.sources, fold.left_out)
    parts = {
        "own": stills[test],
        "others": stills[known & np.isin(stills.labels, STATIC)],
        "no_letters": stills[known & (stills.labels == NOTHING)],
        "clips": clips,
    }
    spelled = spell_words(stills[test])
    result = {"tested": len(test), "before": figures(fold.model, parts, spelled)}
    for count in PER_LETTER:
        rows, _ = choose_rows(stills, name, count)
        started = time.perf_counter()
        labels = np.array(LABELS)[stills.labels[rows]]
        adapted = adapt(fold.model, stills.landmarks[rows, 0], labels, stills.left_handed[rows])
        seconds = time.perf_counter() - started
        result[str(count)] = figures(adapted, parts, spelled) | {"samples": len(rows), "seconds": seconds}
    return result


def spell_words(stills: Samples) -> list[Spelling]:
    """Words composed of one person's stills; none where letters are missing."""
    if len(np.unique(stills.labels)) < FEWEST_LETTERS:
        return []
    spellings, _ = spell_by_person(signers(stills))
    return spellings[:: max(1, len(spellings) // WORDS)][:WORDS]


def figures(model: LandmarkGRU, parts: dict[str, Samples | None], spelled: list[Spelling]) -> dict[str, float | None]:
    """Accuracy on each part, every source of everybody else counting the same; of hands that sign no letter, how many are
    read as one with the probability that live use asks for; and the character error rate of the words. None where there are no
    such samples."""

    def accuracies(samples: Samples | None, seconds: float = 0.0) -> float | None:
        if samples is None or not len(samples):
            return None
        right = read(model, samples, seconds).argmax(1) == samples.labels
        return float(np.mean([right[samples.sources == source].mean() for source in np.unique(samples.sources)]))

    no_letters = parts["no_letters"]
    probabilities = read(model, no_letters)[:, : LABEL_IDS["Z"] + 1]
    return {
        "own": accuracies(parts["own"]),
        "held": accuracies(parts["own"], HELD["held_half"]),
        "others": accuracies(parts["others"]),
        "clips": accuracies(parts["clips"]),
        "no_letters": float((probabilities.max(1) >= THRESHOLD).mean()) if len(no_letters) else None,
        "words": words_error(model, spelled, SPEED) if spelled else None,
    }


def describe(row: dict) -> str:
    """The figures of one person in a line."""
    return ", ".join(f"{name} {' > '.join(percent(row[when][name]) for when in _columns())}" for name in _FIGURES)


def to_markdown(people: dict[str, dict]) -> str:
    """The tables for people."""
    lines = [
        "A profile for each person, by a model that was trained on all other sources: of each static letter up to 5 and 20",
        f"samples from the first {_SAMPLED:.0%} of its recording, read on what comes after {_TESTED:.0%}. Left out: sources of",
        f"many people ({', '.join(MANY_PEOPLE)}), and letters with fewer than {FEWEST} pictures.",
        "",
    ]
    names = [f"{count} samples" for count in PER_LETTER]
    for figure, title in _FIGURES.items():
        measured = {name: row for name, row in people.items() if row["before"][figure] is not None}
        if not measured:
            continue
        rows = [[name, *(percent(row[when][figure]) for when in _columns())] for name, row in measured.items()]
        means = [float(np.mean([row[when][figure] for row in measured.values()])) for when in _columns()]
        rows.append(["**mean**", *(f"**{percent(mean)}**" for mean in means)])
        lines += [f"{title[0].upper()}{title[1:]}:", "", *markdown_table(["person", "before", *names], rows)]
    seconds = statistics.median(row[str(count)]["seconds"] for row in people.values() for count in PER_LETTER)
    lines += [
        "Everybody else: validation stills of the sources that the model was trained on, each counting the same. J and Z: all",
        "moving clips, the left-out source's too. No letter: hands of the other sources that sign none, read as a letter with",
        f"a probability of {THRESHOLD} or more. Adapting took {seconds:.1f} s (median).",
        "",
    ]
    return "\n".join(lines)


def _columns() -> tuple[str, ...]:
    return ("before", *map(str, PER_LETTER))


if __name__ == "__main__":
    run(main)
