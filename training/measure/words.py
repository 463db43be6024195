"""What the dictionary makes of spelled words: python training/measure/words.py --data landmarks clips

Each word is spelled by a stranger: one source of the data, whose letters were read by the model that people.py trained without
it. The readings, 29 probabilities each, are drawn as they are, so confusions come as often and as sure as they do.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import wordfreq
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.files import in_project, output_folder
from sign2sound.labels import LABEL_IDS, MOTION_LETTERS, STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.words import Dictionary, literal_of, spell
from training.measure.folds import CACHE, load_folds, read
from training.measure.people import HELD, THRESHOLD
from training.report import for_terminal, markdown_table, write_report

WORDS = 2000
NAMES = Path(__file__).with_name("given_names.txt")  # US census 1990: the 100 most frequent, and 100 spread over the others
NAME_DRAWS = 5  # each name is spelled so often, by anyone
SLIPS = 0.03  # share of letters that are not written, and as many written unasked
CONDITIONS = {  # the least probability of a reading, and the share of slips
    f"read with {THRESHOLD} or more, as the speller asks": (THRESHOLD, 0.0),
    "every reading": (0.0, 0.0),
    f"every reading, {SLIPS:.0%} of letters missed, {SLIPS:.0%} too many": (0.0, SLIPS),
}
_PER_LETTER = 60  # stills of each source
_WHOLE_ALPHABET = 20  # letters from which on a source is a signer; the others lend letters

Readings = dict[str, np.ndarray]  # letter -> (N, 29)


def main() -> None:
    arguments = parse_arguments()
    strangers = read_strangers(arguments.data, arguments.models, load_model(arguments.model)[0].temperature)
    started = time.process_time()
    dictionary = Dictionary.load("en")
    seconds = time.process_time() - started
    words = common_words(WORDS)
    names = NAMES.read_text(encoding="utf-8").split() * NAME_DRAWS
    random = np.random.default_rng(0)
    figures = {}
    for name, (least, slips) in CONDITIONS.items():
        pools = at_least(strangers, least)
        figures[name] = {
            "words": measure(dictionary, words, pools, slips, random),
            "names": measure(dictionary, names, pools, slips, random),
        }
    report = {
        "strangers": len(strangers),
        "letters_right": letters_right(strangers),
        "words_known": len(dictionary),
        "seconds_to_load": seconds,
        "typing": typing(dictionary, words),
        "spelled": figures,
    }
    table = to_markdown(report)
    write_report(arguments.output / "words", report, table)
    print(for_terminal(table))
    print(f"wrote words.md and words.json in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the dictionary makes of spelled words.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data that the models were trained on")
    parser.add_argument("--models", type=Path, default=CACHE, help="folder of people.py's models (default: %(default)s)")
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="whose temperature they are given"
    )
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the table (default: %(default)s)"
    )
    return parser.parse_args()


def common_words(count: int) -> list[str]:
    """The most frequent English words of three letters or more."""
    words = dict.fromkeys(filter(lambda word: len(word) > 2, map(spell, wordfreq.top_n_list("en", 2 * count))))
    return list(words)[:count]


def read_strangers(data: Sequence[Path], models: Path, temperature: float) -> dict[str, Readings]:
    """Of each source, by the model trained without it, the readings whose likeliest label is a letter: of stills held for half
    a second, as by the speller, and of J and Z as clips."""
    stills, clips = load_samples(data)
    names = sorted(map(str, {*stills.sources, *(() if clips is None else clips.sources)}))
    strangers = {}
    for name, fold in tqdm(load_folds(models, names).items(), desc="reading people", unit=" sources"):
        fold.model.temperature = temperature
        readings = {letter: read_letter(fold.model, stills, name, letter, HELD["held_half"]) for letter in STATIC_LETTERS}
        if clips is not None:
            readings |= {letter: read_letter(fold.model, clips, name, letter) for letter in MOTION_LETTERS}
        if readings := {letter: rows for letter, rows in readings.items() if len(rows)}:
            strangers[name] = readings
    if missing := {*STATIC_LETTERS, *MOTION_LETTERS} - {letter for readings in strangers.values() for letter in readings}:
        raise UserError(f"no readings of {', '.join(sorted(missing))} of {len(strangers)} sources; give --data more of them")
    return strangers


def read_letter(model: LandmarkGRU, samples: Samples, source: str, letter: str, seconds: float = 0.0) -> np.ndarray:
    """(N, 29), up to _PER_LETTER spread over the recording. A sign read as no letter is not written, so it is left out."""
    rows = np.flatnonzero(
        (samples.sources == source) & (samples.labels == LABEL_IDS[letter]) & samples.trusted & samples.found
    )  # fmt: skip
    spread = np.unique(np.linspace(0, max(0, len(rows) - 1), _PER_LETTER).round().astype(int))
    readings = read(model, samples[rows[spread[: len(rows)]]], seconds)
    return readings[readings.argmax(axis=1) < LABEL_IDS["del"]]


def at_least(strangers: dict[str, Readings], probability: float) -> dict[str, Readings]:
    """The readings without those whose likeliest letter is less probable."""
    sure = {
        name: {letter: rows[rows.max(axis=1) >= probability] for letter, rows in readings.items()}
        for name, readings in strangers.items()
    }
    return {name: {letter: rows for letter, rows in readings.items() if len(rows)} for name, readings in sure.items()}


def letters_right(strangers: dict[str, Readings]) -> float:
    """Mean over the strangers of the mean over their letters."""
    return float(
        np.mean(
            [
                np.mean([(rows.argmax(axis=1) == LABEL_IDS[letter]).mean() for letter, rows in readings.items()])
                for readings in strangers.values()
            ]
        )
    )


def spell_by_stranger(word: str, strangers: dict[str, Readings], slips: float, random: np.random.Generator) -> list[np.ndarray]:
    """Evidence of `word` by one stranger, drawn anew; letters that it has not are another's."""
    signers = [readings for readings in strangers.values() if len(readings) >= _WHOLE_ALPHABET]
    if not signers:
        raise UserError(f"no source of which {_WHOLE_ALPHABET} letters are read; train better models or give more --data")
    signer = signers[random.integers(len(signers))]

    def draw(letter: str) -> np.ndarray:
        rows = signer.get(letter)
        if rows is None:
            others = [readings[letter] for readings in strangers.values() if letter in readings]
            rows = others[random.integers(len(others))]
        return rows[random.integers(len(rows))]

    evidence = []
    for letter in word:
        if random.random() >= slips:
            evidence.append(draw(letter))
        if random.random() < slips:
            evidence.append(draw(random.choice(list(signer))))
    return evidence or [draw(word[0])]


def measure(
    dictionary: Dictionary, words: Sequence[str], strangers: dict[str, Readings], slips: float, random: np.random.Generator
) -> dict[str, float]:
    """Shares of the words: literal: right as spelled; best: right by `best`; top: right as spelled or offered among three;
    kept: of those right as spelled, how many `best` leaves alone; unknown_kept: the same, of those in no dictionary."""
    literal, best, top, known = (np.zeros(len(words), dtype=bool) for _ in range(4))
    for row, word in enumerate(tqdm(words, desc="spelled words", unit=" words")):
        evidence = spell_by_stranger(word, strangers, slips, random)
        literal[row] = literal_of(evidence) == word
        best[row] = dictionary.best(evidence) == word
        top[row] = literal[row] or word in dictionary.suggest(evidence)
        known[row] = word in dictionary
    unknown = literal & ~known
    return {
        "literal": float(literal.mean()),
        "best": float(best.mean()),
        "top": float(top.mean()),
        "kept": float(best[literal].mean()),
        "unknown": int(unknown.sum()),
        "unknown_kept": int(best[unknown].sum()),
    }


def typing(dictionary: Dictionary, words: Sequence[str]) -> dict[str, float]:
    """Milliseconds, the processor's, of `suggest` after each letter of each word, typed; and the share of letters to spell
    until it is offered or finished."""
    milliseconds, spelled = [], 0
    for word in tqdm(words, desc="typed words", unit=" words"):
        typed = np.eye(29)[[LABEL_IDS[letter] for letter in word]]
        offered = len(word)
        for length in range(1, len(word) + 1):
            started = time.process_time()
            suggestions = dictionary.suggest(typed[:length])
            milliseconds.append(1000 * (time.process_time() - started))
            if word in suggestions:
                offered = min(offered, length)
        spelled += offered
    return {
        "p50": float(np.percentile(milliseconds, 50)),
        "p95": float(np.percentile(milliseconds, 95)),
        "spelled": spelled / sum(map(len, words)),
    }


def to_markdown(report: dict) -> str:
    """The table for people."""
    typed, spelled = report["typing"], report["spelled"]
    rows = [
        [condition, kind, *(f"{row[key]:.1%}" for key in ("literal", "best", "top", "kept"))]
        for condition, kinds in spelled.items()
        for kind, row in kinds.items()
    ]
    head = ["letters", "spelled", "as spelled", "likeliest", "as spelled or among three", "right ones left alone"]
    lines = [
        f"{WORDS:,} most frequent English words of three letters or more, and 200 given names {NAME_DRAWS} times over, spelled",
        f"by strangers: {report['strangers']} sources, each read by a model trained without it, which reads "
        f"{report['letters_right']:.1%} of the letters right.",
        f"Dictionary: {report['words_known']:,} words. Likeliest: one of them, or what was spelled, by `Dictionary.best`.",
        "",
        *markdown_table(head, rows, "llrrrr"),
        "Of the names in no dictionary, spelled without an error, the likeliest leaves alone "
        + ", ".join(f"{kinds['names']['unknown_kept']} of {kinds['names']['unknown']}" for kinds in spelled.values())
        + ".",
        "Nothing is replaced unasked: a name stays until a suggestion is taken.",
        "",
        f"Suggestions after each letter of these words, typed: {typed['p50']:.1f} ms p50, {typed['p95']:.1f} ms p95;",
        f"loading the dictionary: {report['seconds_to_load']:.2f} s (processor time).",
        f"A word is offered, or finished, after {typed['spelled']:.0%} of its letters.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
