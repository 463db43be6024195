"""How well words are read as fast as people spell: python training/measure/fluency.py --data landmarks clips clips_not_letters

Words are composed of one person's stills, and real clips are taken as they are; all are read by the model that people.py
trained without that person, and written by the speller as in live use.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.features import FRAME_RATE, clip_features, palm_clips
from sign2sound.files import in_project, output_folder
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING
from sign2sound.model import LandmarkGRU
from sign2sound.speller import Speller, SpellerOptions
from sign2sound.words import Dictionary
from training.augmentation import ease
from training.measure.folds import CACHE, STATIC, Fold, load_folds, moving_letters
from training.measure.words import NAMES, common_words
from training.motions import KEYS, at_times, draw_motions
from training.report import for_terminal, markdown_table, percent, share, write_report
from training.sequences import between, bones, hands_of

WORDS = 1000
SPEEDS = (1, 2, 3, 4, 5, 6)  # letters/s
RATES = (15, 30, 60)  # frames/s
# The release that read one held hand shape at a time: its CER at 1 to 5 letters/s, of words composed of other people's stills;
# and what it and its speller wrote in a minute of the moving hands that spell nothing, measured on the same clips.
BEFORE = (0.20, 0.69, 0.83, 0.94, 1.00)
BEFORE_ON_NOTHING = {("signova_words", False): 9.2, ("traduttore_words", False): 4.9, ("traduttore_words", True): 9.0}
DELAYS = (1, 4)  # letters/s
HOLD = 3.0  # seconds
HOLDS = 3  # stills of each letter and person that are held so long
GRID = {"begin": (1.5, 2.5, 3.5), "change": (2.5, 4.0, 5.5), "end": (0.5, 1.5), "reluctance": (0.0, 0.5, 1.0)}
FEWEST_LETTERS = 18  # static letters that a person has who spells words
_STARTS_AS = {"J": "I", "Z": "D"}  # the hand shapes that they are drawn with
_DRAWING = 0.3  # seconds that a J or Z takes at least, however fast the letters around it are
_SLIDE = (0.3, 0.9)  # palm sizes, of equal letters
_JITTER = 0.01  # palm sizes, of each landmark of a hand held long: no camera sees the same thing twice
_BATCH = 64  # clips read at once


@dataclass(frozen=True, eq=False)
class Spelling:
    """A text by one person (a source): how the hand arrives at and leaves each letter, `first` and `last` (K, 21, 3), the
    wrist at the origin, in palm sizes; `slides` (K,): how far the wrist goes to the side before each letter; `motions`: by
    place in the text, the path (KEYS, 21, 3) of a drawn J or Z."""

    text: str
    source: str
    is_name: bool
    first: torch.Tensor
    last: torch.Tensor
    slides: torch.Tensor
    motions: dict[int, torch.Tensor]


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)  # for hands of one word at a time; more threads wait for each other longer than they work
    stills, clips = load_samples(arguments.data)
    temperature = load_model(arguments.model)[0].temperature
    folds = load_folds(arguments.models, sorted(map(str, {*stills.sources, *(() if clips is None else clips.sources)})))
    for fold in folds.values():
        fold.model.temperature = temperature
    hands = signers(stills)
    spellings, skipped = spell_by_person(hands)
    if arguments.search:
        report = search(folds, spellings)
        table, name = search_table(report, len(spellings)), "fluency_search"
    else:
        dictionary = Dictionary.load("en")
        report = {"people": sorted(hands), "texts": len(spellings), "skipped": skipped}
        report["speeds"] = measure_words(folds, spellings, dictionary)
        report["holds"] = measure_holds(folds, hands)
        report["no_letters"] = {} if clips is None else measure_no_letters(folds, clips)
        report["moving"] = {} if clips is None else measure_moving(folds, clips)
        table, name = to_markdown(report), "fluency"
    write_report(arguments.output / name, report, table)
    print(for_terminal(table))
    print(f"wrote {name}.md and {name}.json in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how words are read that are spelled fast, by people left out.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data that the models were trained on")
    parser.add_argument("--models", type=Path, default=CACHE, help="folder of people.py's models (default: %(default)s)")
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="whose temperature they are given"
    )
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the tables (default: %(default)s)"
    )
    parser.add_argument("--search", action="store_true", help="try values of the speller's options instead")
    return parser.parse_args()


def signers(stills: Samples) -> dict[str, dict[str, torch.Tensor]]:
    """Of each person with at least 18 of the static letters: letter -> hands (N, 21, 3), the wrist at the origin, in palm
    sizes. Raises UserError where there is nobody."""
    stills = stills[stills.trusted & stills.found & np.isin(stills.labels, STATIC)]
    hands = {}
    for source in sorted(map(str, {*stills.sources})):
        of_source = stills[stills.sources == source]
        shapes = palm_clips(torch.from_numpy(of_source.landmarks), torch.from_numpy(of_source.left_handed))[:, 0]
        labels = np.unique(of_source.labels)
        if len(labels) >= FEWEST_LETTERS:
            hands[source] = {LABELS[label]: shapes[torch.from_numpy(of_source.labels == label)] for label in labels}
    if not hands:
        raise UserError(f"no source has stills of {FEWEST_LETTERS} of the {len(STATIC)} static letters; give more --data")
    return hands


def spell_by_person(hands: dict[str, dict[str, torch.Tensor]]) -> tuple[list[Spelling], int]:
    """The words and names, dealt out in turn over the people, each to the next one who has all its letters; and how many
    nobody has. The same hands give the same spellings."""
    texts = [(word, False) for word in common_words(WORDS)]
    texts += [(name, True) for name in NAMES.read_text(encoding="utf-8").split()]
    people = sorted(hands)
    random, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    spellings = []
    for turn, (text, is_name) in enumerate(texts):
        needed = {_STARTS_AS.get(letter, letter) for letter in text}
        in_turn = (people[(turn + place) % len(people)] for place in range(len(people)))
        source = next((source for source in in_turn if needed <= {*hands[source]}), None)
        if source:
            spellings.append(spell(text, source, is_name, hands[source], random, generator))
    if not spellings:
        raise UserError("nobody has all letters of any word; give --data more sources")
    return spellings, len(texts) - len(spellings)


def spell(
    text: str, source: str, is_name: bool, hands: dict[str, torch.Tensor], random: np.random.Generator,
    generator: torch.Generator,
) -> Spelling:  # fmt: skip
    """One still for each letter of the text; J and Z are drawn with the person's I and D."""
    chosen = {}
    for letter in sorted({_STARTS_AS.get(letter, letter) for letter in text}):
        chosen[letter] = hands[letter][random.integers(len(hands[letter]))]
    first = torch.stack([chosen[_STARTS_AS.get(letter, letter)] for letter in text])
    last, motions = first.clone(), {}
    for place, letter in enumerate(text):
        if letter in MOTION_LETTERS:
            path = draw_motions(first[place : place + 1], torch.tensor([letter == "J"]), generator)[0]
            motions[place] = path - path[0, 0]
            first[place], last[place] = path[0] - path[0, 0], path[-1] - path[-1, 0]
    equal = np.array([False, *(one == other for one, other in itertools.pairwise(text))])
    slides = equal * random.uniform(*_SLIDE, len(text)) * random.choice([-1, 1], len(text))
    return Spelling(text, source, is_name, first, last, torch.tensor(slides, dtype=torch.float32), motions)


def holds_of(text: str, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """When the hand arrives at each letter, and how long it stays, both (K,) in seconds. Half of each letter's time it is
    held, half on the way to the next; a J or Z is drawn and then held for half as long."""
    half = 0.5 / speed
    holds = np.array([max(half, _DRAWING) + half / 2 if letter in MOTION_LETTERS else half for letter in text])
    return np.cumsum(holds + half) - holds - half, holds


def compose(spelling: Spelling, speed: float, rate: int) -> torch.Tensor:
    """Frames (T, 21, 3), `rate` a second, of the text at `speed` letters/s, from the first hold's start to the last's end."""
    half = 0.5 / speed
    starts, holds = holds_of(spelling.text, speed)
    times = np.arange(int((starts[-1] + holds[-1]) * rate + 1e-6) + 1) / rate
    place = np.searchsorted(starts, times + 1e-6, side="right") - 1
    passed = times - starts[place]
    following = np.minimum(place + 1, len(starts) - 1)
    moved = ease(torch.tensor((passed - holds[place]) / half, dtype=torch.float32).clamp(0, 1))

    travel = torch.zeros(len(starts), 3)
    for slot, path in spelling.motions.items():
        travel[slot] = path[-1, 0]
    arrives = torch.cat([torch.zeros(1, 3), travel[:-1]]).cumsum(0)
    arrives[:, 0] += spelling.slides.cumsum(0)
    shape = between(bones(spelling.last)[place], bones(spelling.first)[following], moved[:, None].expand(-1, 5))
    wrist = torch.lerp((arrives + travel)[place], arrives[following], moved[:, None])
    frames = hands_of(shape) + wrist[:, None]
    for slot, path in spelling.motions.items():
        here = np.flatnonzero((place == slot) & (passed <= holds[slot]))
        done = torch.tensor(passed[here] / max(half, _DRAWING), dtype=torch.float32).clamp(0, 1)
        frames[here] = at_times(path, done * (KEYS - 1)) + arrives[slot]
    return frames


def read_words(folds: dict[str, Fold], spellings: Sequence[Spelling], speed: float, rate: int) -> list[np.ndarray]:
    """Probabilities (T, 29) at each frame of the spellings as streams of `rate` frames/s, as `Recognizer.update` gives them:
    the model's steps are 1/30 s apart, on landmarks interpolated between frames, and a frame repeats the last step's."""
    frames = [compose(spelling, speed, rate) for spelling in spellings]
    steps = [
        at_times(clip, torch.arange(int((len(clip) - 1) * FRAME_RATE / rate + 1e-6) + 1) * rate / FRAME_RATE) for clip in frames
    ]
    readings = read_by_person(folds, [spelling.source for spelling in spellings], steps)
    return [
        reading[(np.arange(len(clip)) * FRAME_RATE / rate + 1e-6).astype(int)]
        for clip, reading in zip(frames, readings, strict=True)
    ]


@torch.inference_mode()
def read_by_person(folds: dict[str, Fold], sources: Sequence[str], clips: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Probabilities (T, 29) at each frame of right hands' clips (T, 21, 3) at 30 frames/s, by the models that saw none of the
    sources; a frame without a hand (NaN) is `nothing`."""
    by_model: dict[LandmarkGRU, list[int]] = defaultdict(list)
    for number in sorted(range(len(clips)), key=lambda number: len(clips[number])):  # together with those of the same length
        by_model[folds[sources[number]].model].append(number)
    readings = [np.empty(0)] * len(clips)
    for model, numbers in by_model.items():
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            padded = torch.nn.utils.rnn.pad_sequence([clips[number] for number in part], True, torch.nan)
            probabilities, _ = model.probabilities(clip_features(padded, torch.zeros(len(part), dtype=torch.bool)))
            probabilities[padded[:, :, 0, 0].isnan()] = torch.eye(len(LABELS))[NOTHING]
            for number, reading in zip(part, probabilities.numpy(), strict=True):
                readings[number] = reading[: len(clips[number])]
    return readings


def read_clips(folds: dict[str, Fold], clips: Samples) -> Iterator[str]:
    """What the speller writes on each clip, blanks around it left out."""
    frames = palm_clips(torch.from_numpy(clips.landmarks), torch.from_numpy(clips.left_handed))
    missing = torch.from_numpy(np.isnan(clips.landmarks[:, :, :1, :1]))
    frames = frames.masked_fill(missing, torch.nan)  # palm_clips repeats a hand where there is none
    for reading in read_by_person(folds, clips.sources.tolist(), list(frames)):
        yield write(reading, FRAME_RATE)[0].text.strip()


def write(readings: np.ndarray, rate: int, options: SpellerOptions | None = None) -> tuple[Speller, list[float]]:
    """The speller after a stream of readings (T, 29), and when each character of its text was written, in seconds."""
    speller, times = Speller(options), []
    for number, reading in enumerate(readings):
        if event := speller.update(number / rate, reading):
            if event.kind in ("corrected", "deleted"):
                times.pop()
            if event.kind != "deleted":
                times.append(event.timestamp)
    return speller, times


def measure_words(folds: dict[str, Fold], spellings: Sequence[Spelling], dictionary: Dictionary) -> dict:
    """By frame rate and speed: `written`: of all texts, and at 30 frames/s `likeliest`: of `words` and `names`, their `cer`
    and `right`; `kept`: of the names written right, the share that the likeliest leaves alone; `delays` in seconds."""
    report = {str(rate): {} for rate in RATES}
    bar = tqdm(total=len(RATES) * len(SPEEDS) * len(spellings), desc="words", unit="word")
    is_name = np.array([spelling.is_name for spelling in spellings])
    texts = np.array([spelling.text for spelling in spellings])
    for rate, speed in itertools.product(RATES, SPEEDS):
        written, likeliest, delays = [], [], []
        for spelling, readings in zip(spellings, read_words(folds, spellings, speed, rate), strict=True):
            speller, times = write(readings, rate)
            written.append(speller.text.strip())
            if rate == FRAME_RATE:
                likeliest.append(dictionary.best(speller.evidence))
                delays += delays_of(spelling.text, speller.text, times, speed)
            bar.update()
        written = np.array(written)
        report[str(rate)][str(speed)] = row = {"written": figures(texts, written)}
        if rate == FRAME_RATE:
            likeliest = np.array(likeliest)
            kinds = {"words": ~is_name, "names": is_name}
            row["written"] |= {kind: figures(texts[rows], written[rows]) for kind, rows in kinds.items()}
            row["likeliest"] = {kind: figures(texts[rows], likeliest[rows]) for kind, rows in kinds.items()}
            row["kept"] = share((likeliest == texts)[is_name & (written == texts)])
            row["delays"] = {f"p{part}": float(np.percentile(delays, part)) if delays else None for part in (50, 95)}
    bar.close()
    return report


def figures(texts: np.ndarray, found: np.ndarray) -> dict[str, float | None]:
    """cer: edits of all texts / their letters; right: the share that needs none."""
    edits = np.array([Levenshtein.distance(*pair) for pair in zip(texts.tolist(), found.tolist(), strict=True)])
    return {"cer": float(edits.sum() / sum(map(len, texts))) if len(texts) else None, "right": share(edits == 0)}


def words_error(model: LandmarkGRU, spellings: Sequence[Spelling], speed: float) -> float:
    """The character error rate of what is written of them at 30 frames/s, read by `model`."""
    folds = {spelling.source: Fold(Path(), [], model) for spelling in spellings}
    return error_of(spellings, read_words(folds, spellings, speed, FRAME_RATE))


def error_of(spellings: Sequence[Spelling], readings: Sequence[np.ndarray], options: SpellerOptions | None = None) -> float:
    """The character error rate of what the speller writes of the spellings' readings at 30 frames/s."""
    written = [write(reading, FRAME_RATE, options)[0].text.strip() for reading in readings]
    return figures(np.array([spelling.text for spelling in spellings]), np.array(written))["cer"]


def delays_of(text: str, written: str, times: Sequence[float], speed: float) -> list[float]:
    """Seconds from the start of each static letter's hold until it was written, where it was written."""
    starts, _ = holds_of(text, speed)
    same = (edit for edit in Levenshtein.opcodes(text, written) if edit.tag == "equal")
    pairs = (pair for e in same for pair in zip(range(e.src_start, e.src_end), range(e.dest_start, e.dest_end), strict=True))
    return [times[found] - float(starts[place]) for place, found in pairs if text[place] not in MOTION_LETTERS]


def measure_holds(folds: dict[str, Fold], hands: dict[str, dict[str, torch.Tensor]]) -> dict[str, float]:
    """Of stills held for three seconds, the shares written once and right, once and wrong, more than once, and not at all."""
    generator = torch.Generator().manual_seed(0)
    sources, letters, clips = [], [], []
    for source, by_letter in hands.items():
        for letter, stills in by_letter.items():
            for row in np.unique(np.linspace(0, len(stills) - 1, HOLDS).round().astype(int)):
                jitter = _JITTER * torch.randn(round(HOLD * FRAME_RATE), *stills[row].shape, generator=generator)
                sources.append(source)
                letters.append(letter)
                clips.append(stills[row] + jitter)
    readings = read_by_person(folds, sources, clips)
    written = [write(reading, FRAME_RATE)[0].text.strip() for reading in tqdm(readings, desc="holds", unit="hold")]
    count = np.array([len(text) for text in written])
    right = np.array(written) == np.array(letters)
    return {
        "holds": len(written),
        "right": share(right),
        "wrong": share((count == 1) & ~right),
        "repeated": share(count > 1),
        "missed": share(count == 0),
    }


def measure_no_letters(folds: dict[str, Fold], clips: Samples) -> dict[str, dict]:
    """By source of moving hands that sign nothing, and sign: whether it looks like a letter, clips, minutes, letters."""
    clips = clips[(clips.labels == NOTHING) & clips.found]
    report: dict[str, dict] = {}
    texts = read_clips(folds, clips) if len(clips) else ()
    for row, text in enumerate(tqdm(texts, total=len(clips), desc="hands that spell nothing", unit="clip")):
        source, sign = str(clips.groups[row]).rpartition("/")[0].split("/", 1)
        signs = report.setdefault(source, {})
        look_alike = not clips.trusted[row]  # signs that look like letters are doubtful to the loader
        counts = signs.setdefault(sign, {"look_alike": look_alike, "clips": 0, "minutes": 0.0, "letters": 0})
        counts["clips"] += 1
        counts["minutes"] += float((~np.isnan(clips.landmarks[row, :, 0, 0])).sum() / FRAME_RATE / 60)
        counts["letters"] += sum(map(str.isalpha, text))
    return report


def measure_moving(folds: dict[str, Fold], clips: Samples) -> dict[str, dict]:
    """By source and letter of real clips of a moving J or Z: clips, the shares whose text ends in it and is just it."""
    clips = clips[moving_letters(clips)]
    texts = np.array(list(tqdm(read_clips(folds, clips), total=len(clips), desc="J and Z"))) if len(clips) else np.array([])
    report: dict[str, dict] = {}
    for source in sorted(map(str, {*clips.sources})):
        for letter in MOTION_LETTERS:
            found = texts[(clips.sources == source) & (clips.labels == LABEL_IDS[letter])]
            if len(found):
                ends = np.char.endswith(found, letter)
                report.setdefault(source, {})[letter] = {"clips": len(found), "ends": share(ends), "is": share(found == letter)}
    return report


def search(folds: dict[str, Fold], spellings: Sequence[Spelling]) -> list[dict]:
    """Values of the options, and the mean CER over the speeds at 30 frames/s with them, the best first."""
    readings = {speed: read_words(folds, spellings, speed, FRAME_RATE) for speed in SPEEDS}
    rows = []
    for values in tqdm(list(itertools.product(*GRID.values())), desc="options"):
        options = dict(zip(GRID, values, strict=True))
        errors = [error_of(spellings, at_speed, SpellerOptions(**options)) for at_speed in readings.values()]
        rows.append(options | {"cer": float(np.mean(errors)), "cer_by_speed": errors})
    return sorted(rows, key=lambda row: row["cer"])


def search_table(rows: list[dict], texts: int) -> str:
    head = [*GRID, "CER", *(f"{speed}/s" for speed in SPEEDS)]
    cells = [
        [*(row[option] for option in GRID), *(f"{error:.4f}" for error in (row["cer"], *row["cer_by_speed"]))] for row in rows
    ]
    about = f"Mean CER of {texts} words and names at {SPEEDS[0]} to {SPEEDS[-1]} letters/s, {FRAME_RATE} frames/s:"
    return "\n".join([about, "", *markdown_table(head, cells, "r" * len(head))])


def to_markdown(report: dict) -> str:
    speeds = report["speeds"]
    before = [f"{error:.2f}" for error in BEFORE]

    def row(title: str, show: Callable[[dict], str], rate: int = FRAME_RATE) -> list[str]:
        return [title, *(show(speeds[str(rate)][str(speed)]) for speed in SPEEDS)]

    rows = [
        ["CER of the release before*", *before, *["–"] * (len(SPEEDS) - len(before))],
        row("CER as written", lambda at: _cer(at["written"])),
        row("right as written", lambda at: percent(at["written"]["right"])),
        *(
            row(f"{kind}: {title}", show)
            for kind in ("words", "names")
            for title, show in (
                ("right as written", lambda at, kind=kind: percent(at["written"][kind]["right"])),
                ("CER of the likeliest", lambda at, kind=kind: _cer(at["likeliest"][kind])),
                ("likeliest right", lambda at, kind=kind: percent(at["likeliest"][kind]["right"])),
            )
        ),
        row("names written right, left alone by the likeliest", lambda at: percent(at["kept"])),
        *(
            row(f"{rate} frames/s: CER as written", lambda at, rate=rate: _cer(at["written"]), rate)
            for rate in RATES
            if rate != FRAME_RATE
        ),
    ]
    holds = report["holds"]
    lines = [
        f"The {WORDS:,} most frequent English words of three letters or more and 200 given names, composed of the stills of",
        f"{len(report['people'])} people with {FEWEST_LETTERS} static letters or more, dealt out in turn; left out, as nobody",
        f"has all their letters: {report['skipped']}. Half of each letter's time is held, half the way to the next; equal",
        f"letters are parted by a slide; J and Z are drawn with the person's I and D, in {_DRAWING} s or more.",
        f"{FRAME_RATE} frames/s where no other rate is said.",
        "Each person is read by a model that never saw them.",
        "",
        *markdown_table(["letters/s", *SPEEDS], rows),
        "*: model and speller together, measured when they were released, on words of other people.",
        "As written: what the speller writes; likeliest: the dictionary's best for its evidence. CER: edits / letters.",
        "",
        "From the start of a hold until the letter is written, seconds; static letters written right. Below 0: written while",
        "the hand was still arriving.",
        "",
        *markdown_table(
            ["letters/s", "median", "p95"],
            [
                [speed, *(_seconds(speeds[str(FRAME_RATE)][str(speed)]["delays"][part]) for part in ("p50", "p95"))]
                for speed in DELAYS
            ],
        ),
        f"Stills held for {HOLD:g} s, trembling by {_JITTER} palm sizes: {holds['holds']:,} of these people.",
        "",
        *markdown_table(
            ["written", "once, right", "once, wrong", "more than once", "not at all"],
            [["share", *(percent(holds[key]) for key in ("right", "wrong", "repeated", "missed"))]],
        ),
    ]
    if report["no_letters"]:
        lines += ["Moving hands that spell nothing:", ""]
        lines += markdown_table(
            ["source", "signs", "clips", "minutes", "letters", "letters a minute", "of the release before"],
            [
                [source, kind, *_added_up(chosen), BEFORE_ON_NOTHING.get((source, wanted), "–")]
                for source, signs in report["no_letters"].items()
                for kind, wanted in (("that look like no letter", False), ("that look like letters", True))
                if (chosen := [sign for sign in signs.values() if sign["look_alike"] == wanted])
            ],
            "llrrrrr",
        )
    if report["moving"]:
        lines += ["Real clips of J and Z that move:", ""]
        lines += markdown_table(
            ["source", "letter", "clips", "text ends in it", "text is it"],
            [
                [source, letter, found["clips"], percent(found["ends"]), percent(found["is"])]
                for source, letters in report["moving"].items()
                for letter, found in letters.items()
            ],
            "llrrr",
        )
    return "\n".join(lines)


def _cer(found: dict) -> str:
    return "–" if found["cer"] is None else f"{found['cer']:.3f}"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f}"


def _added_up(signs: list[dict]) -> list[str]:
    clips, minutes, letters = (sum(sign[key] for sign in signs) for key in ("clips", "minutes", "letters"))
    return [str(clips), f"{minutes:.1f}", str(letters), f"{letters / minutes:.1f}"]


if __name__ == "__main__":
    run(main)
