"""Frames -> letters -> words: a stream with its text and suggestions, which is what an application shows."""

import time
from dataclasses import dataclass

import numpy as np

from sign2sound.hand import Hand
from sign2sound.labels import LABEL_IDS, LABELS
from sign2sound.recognizer import Reading, Recognizer
from sign2sound.speller import Speller, SpellerEvent, SpellerOptions

SUGGESTIONS = 3
READINGS = 2  # of a letter, besides the one written


@dataclass(frozen=True, eq=False)
class Step:
    """What one frame brought.

    event: what was written, corrected, deleted or ended with this frame, if anything. text: all that was spelled so far; word:
    the word being spelled, or the one that just ended; suggestions: words to take in its place, best first. seconds: what each
    stage of the frame took: `landmarks`, `features+model`, `text`.
    """

    reading: Reading
    event: SpellerEvent | None
    text: str
    word: str
    suggestions: tuple[str, ...]
    seconds: dict[str, float]


class Live:
    """A stream of frames spelled into text, with suggestions for its last word."""

    def __init__(self, recognizer: Recognizer, dictionary=None, options: SpellerOptions | None = None):
        """dictionary: a `sign2sound.words.Dictionary`; None suggests nothing. The recognizer stays the caller's to close."""
        self.recognizer = recognizer
        self.dictionary = dictionary
        self._options = options
        self.reset()

    @property
    def text(self) -> str:
        """All that was spelled."""
        return self._speller.text

    @property
    def word(self) -> str:
        """The word being spelled, or the one that just ended."""
        return self._speller.word

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Words to take in its place, best first."""
        return self._suggestions

    @property
    def readings(self) -> tuple[str, ...]:
        """What else the word's last letter may have been: its second and third reading; none of a letter that was typed."""
        return self._readings

    @property
    def progress(self) -> float:
        """How much of what is asked of it the next letter has, 0 to 1."""
        return self._speller.progress

    def step(self, frame: np.ndarray, timestamp: float) -> Step:
        """Read the next frame, RGB uint8 (H, W, 3), unmirrored, at `timestamp` seconds, which must increase."""
        return self._spell(self.recognizer.read(frame, timestamp), timestamp)

    def update(self, hand: Hand | None, timestamp: float) -> Step:
        """`step` where the frame's hand is known already."""
        return self._spell(self.recognizer.update(hand, timestamp), timestamp)

    def take(self, index: int) -> bool:
        """Put suggestion `index`, from 0 on, in the word's place; False where there is none."""
        if index not in range(len(self._suggestions)):
            return False
        self._speller.replace_word(self._suggestions[index])
        self._suggestions = self._readings = ()
        return True

    def write(self, *labels: str) -> None:
        """Write some of the 29 labels as if they had been signed."""
        for label in labels:
            self._speller.write(label)
        self._suggest()

    def correct(self, letter: str) -> bool:
        """Put a letter, A to Z, in the place of the word's last one; False where there is none."""
        if not self.word:
            return False
        spaces = len(self.text) - len(self.text.rstrip())
        self.write(*["del"] * (spaces + 1), letter, *["space"] * spaces)
        return True

    def clear(self) -> None:
        """Forget the text, not what is being held."""
        self._speller.clear()
        self._suggest()

    def reset(self) -> None:
        """Forget text and stream; the next stream may start at any time."""
        self.recognizer.reset()
        self._speller = Speller(self._options)
        self._suggestions: tuple[str, ...] = ()
        self._readings: tuple[str, ...] = ()

    def _spell(self, reading: Reading, timestamp: float) -> Step:
        started = time.perf_counter()
        event = self._speller.update(timestamp, reading.probabilities)
        if event is not None:
            self._suggest()
        seconds = {
            "landmarks": reading.latency.landmarks,
            "features+model": reading.latency.model,
            "text": time.perf_counter() - started,
        }
        return Step(reading, event, self.text, self.word, self._suggestions, seconds)

    def _suggest(self) -> None:
        evidence = self._speller.evidence
        found = self.dictionary.suggest(evidence, SUGGESTIONS) if self.dictionary else ()
        self._suggestions = tuple(found)
        letters = evidence[-1][: LABEL_IDS["Z"] + 1] if evidence else np.zeros(0)
        likeliest = [LABELS[label] for label in letters.argsort()[::-1] if letters[label] > 0]
        self._readings = tuple(letter for letter in likeliest if letter != self.word[-1])[:READINGS]
