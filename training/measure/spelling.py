"""How well the live path, frames to text, reads spelled texts: python training/measure/spelling.py --videos videos

A.mp4 to Z.mp4 each show one letter: the hand comes up, holds it and goes down. Joined one after another they spell any text.
The synthetic signer spells words from slow to fast.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from sign2sound.checkpoint import load_model
from sign2sound.errors import run
from sign2sound.features import FRAME_RATE
from sign2sound.files import in_project, output_folder
from sign2sound.hand import Hand
from sign2sound.labels import LABELS, NOTHING, STATIC_LETTERS
from sign2sound.landmarker import Landmarker
from sign2sound.live import Live
from sign2sound.pictures import Video
from sign2sound.recognizer import Recognizer
from sign2sound.signer import sign_word
from sign2sound.speller import Speller, SpellerEvent, SpellerOptions
from training.measure.folds import refuse_if_seen
from training.report import for_terminal, markdown_table, write_report

TEXTS = (
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
    "PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS",
    "ANNA ZOE JOSE KATHERINE MOHAMMED WILLIAM PRIYA DMITRI",
    "HELLO COFFEE BOOKKEEPER PIZZA LLAMA SUCCESS",
)
UNLIKE_ASL = "TX"  # these two clips show other hand shapes than American Sign Language has
SIGNED = "HELLO PIZZA QUICK BROWN FOX JUMPS OVER LAZY DOG COFFEE ANNA BOOK SIGN WATER ZOE JOSE MAY THINK VERY WEST".split()
SPEEDS = (1, 2, 3, 4, 5)  # letters/s, of the synthetic signer
WORD_GAP = 3.0  # seconds without a hand between two words
PAUSE = 2.5  # in these clips the hand is down for up to 2.2 s between the letters of a word
_NEAR = 0.15  # palm sizes
_WINDOW = 0.5  # seconds


@dataclass(frozen=True, eq=False)
class Clip:
    """A letter's frames: landmarks float32 (T, 21, 3), NaN without a hand; left_handed bool (T,).

    held: the first and last frame of the hold. The held pose is the median of the half second in which the landmarks move
    least, and the hold is the run of frames around it whose landmarks are on average within 0.15 palm sizes of it.
    """

    letter: str
    landmarks: np.ndarray
    left_handed: np.ndarray
    frame_rate: float
    held: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Stream:
    """Texts joined to one stream: of each frame the time and probabilities (29,), and of each letter its clip and start."""

    times: np.ndarray
    probabilities: np.ndarray
    clips: list[Clip]
    starts: np.ndarray  # seconds
    word_ends: list[int]  # index of each word's last letter

    def clip_at(self, time: float) -> int:
        """The index of the letter that is shown at `time`."""
        return int(np.searchsorted(self.starts, time, side="right")) - 1


class PlainSpeller:
    """What one would write first: twelve frames in a row with the same label above 0.6 are a letter."""

    def __init__(self):
        self._run: list[tuple[int, float]] = []

    def update(self, timestamp: float, probabilities: np.ndarray) -> SpellerEvent | None:
        """As `sign2sound.Speller.update`."""
        best = int(probabilities.argmax())
        if probabilities[best] <= 0.6 or best == NOTHING:
            self._run = []
            return None
        if self._run and self._run[-1][0] != best:
            self._run = []
        self._run.append((best, timestamp))
        return SpellerEvent("letter", LABELS[best], timestamp, self._run[0][1]) if len(self._run) == 12 else None


SPELLERS = {"12 equal frames above 0.6": PlainSpeller, "Speller": lambda: Speller(SpellerOptions(pause=PAUSE))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure the live path, frames to text, on texts joined from videos of letters."
    )
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="A.mp4 to Z.mp4, one letter each")
    parser.add_argument("--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="default: %(default)s")
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the table (default: %(default)s)"
    )
    arguments = parser.parse_args()
    model, checkpoint = load_model(arguments.model)
    refuse_if_seen(arguments.model, checkpoint, [arguments.videos.resolve().name])  # a source is named after its folder
    recognizer = Recognizer(model)
    plain = read_clips(arguments.videos)
    shown = {
        "15": read_clips(arguments.videos, every=2),
        "30": plain,
        "60": {letter: with_frames_between(clip) for letter, clip in plain.items()},
        "30, double speed": {letter: at_double_speed(clip) for letter, clip in plain.items()},
    }
    asl = [text.translate(str.maketrans("", "", UNLIKE_ASL)) for text in TEXTS]
    rows = []
    for rate, clips in tqdm(shown.items(), desc="spelling", unit=" rates"):
        whole, part = (join(texts, clips, recognizer) for texts in (TEXTS, asl))
        rows += [
            {"rate": rate, "speller": name, **figures(whole, make()), "cer_of_asl": figures(part, make())["cer"]}
            for name, make in SPELLERS.items()
        ]
    report = {"spelled": rows, "clips": list(letter_rows(plain, recognizer)), "signer": read_signer(model)}
    table = to_markdown(report)
    write_report(arguments.output / "spelling", report, table)
    print(for_terminal(table))
    print(f"wrote spelling.md and spelling.json in {arguments.output}")


def read_clips(folder: Path, every: int = 1) -> dict[str, Clip]:
    """The letters of TEXTS from a folder of videos, of which only every second frame, say, is looked at."""
    letters = tqdm(sorted(set("".join(TEXTS)) - {" "}), desc="reading videos", unit=" videos")
    return {letter: read_clip(folder / f"{letter}.mp4", every) for letter in letters}


def read_clip(path: Path, every: int = 1) -> Clip:
    """The hands of a video, of which every so many-th frame is looked at."""
    with Video(path) as video, Landmarker(video=True) as landmarker:
        hands = [landmarker.track(frame, time) for number, (frame, time) in enumerate(video) if number % every == 0]
    landmarks = np.stack([hand.landmarks if hand else np.full((21, 3), np.nan, np.float32) for hand in hands])
    left_handed = np.array([bool(hand and hand.left_handed) for hand in hands])
    frame_rate = video.frame_rate / every
    return Clip(path.stem, landmarks, left_handed, frame_rate, find_hold(landmarks, frame_rate))


def find_hold(landmarks: np.ndarray, frame_rate: float) -> tuple[int, int]:
    """The first and last frame of the hold, as `Clip` defines it; needs half a second of frames with a hand."""
    points = landmarks[..., :2]
    palm = np.nanmedian(np.linalg.norm(points[:, 9] - points[:, 0], axis=1))
    window = round(_WINDOW * frame_rate)
    moved = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(axis=1)
    start = int(np.nanargmin(np.convolve(moved, np.ones(window - 1), "valid")))
    pose = np.median(points[start : start + window], axis=0)
    near = np.linalg.norm(points - pose, axis=2).mean(axis=1) < _NEAR * palm
    first = last = start + window // 2
    while first > 0 and near[first - 1]:
        first -= 1
    while last + 1 < len(near) and near[last + 1]:
        last += 1
    return first, last


def at_double_speed(clip: Clip) -> Clip:
    """Every second frame of the clip, as many in a second as before."""
    first, last = clip.held
    return Clip(clip.letter, clip.landmarks[::2], clip.left_handed[::2], clip.frame_rate, (first // 2, last // 2))


def with_frames_between(clip: Clip) -> Clip:
    """The clip at twice its frame rate, with landmarks halfway between its frames; NaN where either has no hand."""
    between = (clip.landmarks[:-1] + clip.landmarks[1:]) / 2
    landmarks = np.insert(clip.landmarks, np.arange(1, len(clip.landmarks)), between, axis=0)
    left_handed = np.repeat(clip.left_handed, 2)[:-1]
    first, last = clip.held
    return Clip(clip.letter, landmarks, left_handed, 2 * clip.frame_rate, (2 * first, 2 * last))


def join(texts: Iterable[str], clips: dict[str, Clip], recognizer: Recognizer) -> Stream:
    """All texts as one stream, read by the recognizer frame by frame."""
    recognizer.reset()
    times, probabilities, shown, starts, word_ends = [], [], [], [], []
    now = 0.0
    for word in " ".join(texts).split():
        for letter in word:
            clip = clips[letter]
            shown.append(clip)
            starts.append(now)
            for hand in hands_of(clip):
                times.append(now)
                probabilities.append(recognizer.update(hand, now).probabilities)
                now += 1 / clip.frame_rate
        word_ends.append(len(shown) - 1)
        for _ in range(round(WORD_GAP * clip.frame_rate)):
            times.append(now)
            probabilities.append(recognizer.update(None, now).probabilities)
            now += 1 / clip.frame_rate
    return Stream(np.array(times), np.array(probabilities), shown, np.array(starts), word_ends)


def read_signer(model) -> list[dict]:
    """By speed: what was written of each word that the synthetic signer spells at 30 frames/s, and its cer."""
    rows = []
    for speed in SPEEDS:
        written = {}
        for word in tqdm(SIGNED, desc=f"signer, {speed} letters/s", unit="word"):
            with Recognizer(model) as recognizer:
                live = Live(recognizer)
                for frame, time in sign_word(word, frame_rate=FRAME_RATE, speed=speed):
                    live.step(frame, time)
            written[word] = live.text.strip()
        errors = sum(Levenshtein.distance(word, text) for word, text in written.items())
        rows.append({"speed": speed, "cer": errors / sum(map(len, SIGNED)), "written": written})
    return rows


def hands_of(clip: Clip) -> Iterator[Hand | None]:
    """The hand of each frame."""
    for landmarks, left_handed in zip(clip.landmarks, clip.left_handed, strict=True):
        yield None if np.isnan(landmarks[0, 0]) else Hand(landmarks, bool(left_handed))


def spell(stream: Stream, speller) -> list[SpellerEvent]:
    """What the speller writes of a stream."""
    events = (speller.update(*frame) for frame in zip(stream.times, stream.probabilities, strict=True))
    return [event for event in events if event]


def figures(stream: Stream, speller) -> dict:
    """What became of a stream's letters and words.

    cer: character error rate of the letters alone. delays: seconds from the start of the hold to the right letter; J and Z
    have no hold. gaps: letters besides each clip's right one that were gathered, by the middle of that time, outside the hold
    (of J and Z: without a hand). unseen: letters written while no hand was seen. ended: words that ended where they should;
    ends: all ends of words.
    """
    events = spell(stream, speller)
    letters = letters_of(events)
    ends = [stream.clip_at(event.timestamp) for event in events if event.kind == "word"]
    delays, gaps, unseen, right = [], 0, 0, set()
    for event in letters:
        index = stream.clip_at(event.timestamp)
        unseen += int(stream.probabilities[stream.times == event.timestamp][0, NOTHING] == 1)
        clip, start = stream.clips[index], stream.starts[index]
        seen = np.flatnonzero(~np.isnan(clip.landmarks[:, 0, 0]))
        first, last = clip.held if clip.letter in STATIC_LETTERS else (seen[0], seen[-1])
        if event.text != clip.letter or index in right:
            gaps += int(not first <= ((event.since + event.timestamp) / 2 - start) * clip.frame_rate <= last)
        else:
            right.add(index)
            if clip.letter in STATIC_LETTERS:
                delays.append(float(event.timestamp - start - first / clip.frame_rate))
    asked = "".join(clip.letter for clip in stream.clips)
    return {
        "letters": len(asked),
        "cer": Levenshtein.distance(asked, "".join(event.text for event in letters)) / len(asked),
        "delays": delays,
        "gaps": gaps,
        "unseen": unseen,
        "ended": len(set(ends) & set(stream.word_ends)),
        "ends": len(ends),
    }


def letters_of(events: Iterable[SpellerEvent]) -> list[SpellerEvent]:
    """The events of the letters that stand in the end: not those corrected or deleted."""
    letters = []
    for event in events:
        if event.kind == "corrected":
            letters[-1] = event
        elif event.kind == "deleted":
            last = max((place for place, letter in enumerate(letters) if letter.text == event.text), default=None)
            letters = [letter for place, letter in enumerate(letters) if place != last]
        elif event.kind == "letter":
            letters.append(event)
    return letters


def letter_rows(clips: dict[str, Clip], recognizer: Recognizer) -> Iterator[list]:
    """Of each clip alone: its letter, what was written, seconds of its hold, and the likeliest labels during it."""
    for letter, clip in clips.items():
        stream = join([letter], clips, recognizer)
        written = "".join(event.text for event in letters_of(spell(stream, Speller())))
        first, last = clip.held
        mean = stream.probabilities[first : last + 1].mean(axis=0)
        likeliest = ", ".join(f"{LABELS[label]} {mean[label]:.2f}" for label in mean.argsort()[::-1][:3] if mean[label] >= 0.01)
        yield [letter, written or "–", f"{(last - first) / clip.frame_rate:.1f} s", likeliest]


def to_markdown(report: dict) -> str:
    """The tables for people."""
    rows = []
    for row in report["spelled"]:
        delays = [f"{np.quantile(row['delays'], part):.2f} s" if row["delays"] else "–" for part in (0.5, 0.95)]
        shares = [f"{row[key]:.1%}" for key in ("cer", "cer_of_asl")]
        ends = [row["ended"], row["ends"] - row["ended"]]
        rows.append([row["rate"], row["speller"], *shares, row["gaps"], row["unseen"], *delays, *ends])
    head = ["frames/s", "speller", "CER", "without T and X", "gaps", "no hand", "delay: median", "p95"]
    head += ["ends of words: right", "wrong"]
    count = report["spelled"][0]["letters"]
    lines = [
        "Texts joined from one video per letter and read frame by frame as in live use. One signer, whom the model never saw",
        f"and on whom nothing was chosen. {count} letters in {len(' '.join(TEXTS).split())} words:",
        "",
        *(f"- {text}" for text in TEXTS),
        "",
        *markdown_table(head, rows, "rlrrrrrrrr"),
        "CER: the edit distance of the letters, spaces aside, to those of the texts. The clips of T and X show other hand",
        "shapes than ASL has. Delay: from the hold's start to the right letter, by the landmarks alone: the held pose is the",
        f"median of the half second in which they move least, the hold the frames around it within {_NEAR} palm sizes. It",
        "counts letters that were written; J and Z have no hold. Gaps: wrong letters that were gathered, by the middle of that",
        "time, before or after the hold. No hand: letters written while no hand was seen.",
        "",
        f"Between the letters of a word the hand is down for up to 2.2 s, so here words are {WORD_GAP:g} s apart and",
        f"{PAUSE:g} s end one; by default {SpellerOptions().pause:g} s do. At 15/s every second frame is shown, at 60/s",
        "landmarks are interpolated, and at double speed the clips take half their time.",
        "",
        "Each clip alone, at 30 frames/s:",
        "",
        *markdown_table(["letter", "written", "hold", "mean probabilities during it"], report["clips"], "llrl"),
        f"The synthetic signer through MediaPipe, {FRAME_RATE} frames/s: {len(SIGNED)} words. Its hand shapes are prototypes",
        "of the data that the model was trained on.",
        "",
        *markdown_table(
            ["letters/s", "CER", "not written right"],
            [
                [row["speed"], f"{row['cer']:.1%}", ", ".join(wrong) or "–"]
                for row in report["signer"]
                for wrong in [[f"{word}: {text}" for word, text in row["written"].items() if text != word]]
            ],
            "rrl",
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
