"""Letter probabilities over time -> text. A pure state machine: time is an argument, nothing is read or shown here."""

import math
from dataclasses import dataclass

import numpy as np

from sign2sound.labels import LABEL_IDS, LABELS, NOTHING


@dataclass(frozen=True)
class SpellerOptions:
    """enter: a letter is taken up when its smoothed probability reaches this; leave: and let go when it falls below this.

    hold: seconds it must be held to be written. release: seconds it must be let go before the same letter counts again.
    pause: seconds of `nothing` that end a word. smoothing: time constant, in seconds, of the running mean over the
    probabilities.
    """

    enter: float = 0.6
    leave: float = 0.4
    hold: float = 0.4
    release: float = 0.2
    pause: float = 1.5
    smoothing: float = 0.08


@dataclass(frozen=True)
class SpellerEvent:
    """What changed the text.

    kind: `letter`, `deleted` or `word`. text: the letter written, the character deleted, or the word that ended.
    timestamp: seconds, when it was decided; since: when the hand began to hold it.
    """

    kind: str
    text: str
    timestamp: float
    since: float


class Speller:
    """Writes a letter once it was held, and again only after it was released; ends a word after a pause.

    text: all that was spelled so far, words parted by one space. word: the word being spelled, or the one that just ended
    until the next letter. evidence: for each character of it the probabilities, float (29,), that it was read from; one-hot
    for what was typed.
    """

    def __init__(self, options: SpellerOptions | None = None):
        self.options = options or SpellerOptions()
        self._characters: list[tuple[str, np.ndarray]] = []  # with their evidence
        self._smoothed: np.ndarray | None = None
        self._now = 0.0
        self._held: int | None = None  # label id taken up
        self._held_since = 0.0
        self._held_until = np.full(len(LABELS), -math.inf)  # when each label last stood at or above `leave`
        self._written: int | None = None  # the label written last, until it is released

    @property
    def text(self) -> str:
        return "".join(character for character, _ in self._characters)

    @property
    def word(self) -> str:
        return self.text.rstrip(" ").rpartition(" ")[2]

    @property
    def evidence(self) -> tuple[np.ndarray, ...]:
        end = len(self.text.rstrip(" "))
        return tuple(evidence for _, evidence in self._characters[end - len(self.word) : end])

    @property
    def progress(self) -> float:
        """How much of its hold the letter in the hand has behind it, 0 to 1; 0 once it is written, and without one."""
        if self._held in (None, NOTHING, self._written):
            return 0.0
        return min((self._now - self._held_since) / self.options.hold, 1.0)

    def update(self, timestamp: float, probabilities: np.ndarray) -> SpellerEvent | None:
        """Take the probabilities (29,) at `timestamp` seconds, which never falls. Returns what was written, if anything."""
        self._smooth(timestamp, np.asarray(probabilities, dtype=np.float64))
        options = self.options
        self._held_until[self._smoothed >= options.leave] = timestamp
        if self._written is not None and timestamp - self._held_until[self._written] > options.release:
            self._written = None

        if self._held is not None and self._smoothed[self._held] < options.leave:
            self._held = None
        if self._held is None:
            best = int(self._smoothed.argmax())
            if self._smoothed[best] >= options.enter:
                self._held, self._held_since = best, timestamp

        hold = options.pause if self._held == NOTHING else options.hold
        # The tolerance keeps 0.4 s the same number of frames however the sum of frame times was rounded.
        if self._held in (None, self._written) or timestamp - self._held_since < hold - 1e-6:
            return None
        self._written = self._held
        label = "space" if self._held == NOTHING else LABELS[self._held]
        kind, text = self._write(label, self._smoothed)
        return SpellerEvent(kind, text, timestamp, self._held_since) if text else None

    def write(self, label: str) -> None:
        """Write one of the 29 labels as if it had been signed; `del` deletes a character, `nothing` does nothing."""
        if label != "nothing":
            self._write(label, np.eye(len(LABELS))[LABEL_IDS[label]])

    def replace_word(self, word: str) -> None:
        """Put `word` and a space in the place of `self.word`."""
        end = len(self.text.rstrip(" "))
        del self._characters[end - len(self.word) :]
        for letter in word:
            self.write(letter)
        self.write("space")

    def clear(self) -> None:
        """Forget the text, not what is being held."""
        self._characters.clear()

    def _write(self, label: str, evidence: np.ndarray) -> tuple[str, str]:
        """Returns the event's kind and text, which is empty where nothing changed."""
        if label == "del":
            return "deleted", self._characters.pop()[0] if self._characters else ""
        if label != "space":
            self._characters.append((label, evidence))
            return "letter", label
        if not self._characters or self._characters[-1][0] == " ":
            return "word", ""
        self._characters.append((" ", evidence))
        return "word", self.word

    def _smooth(self, timestamp: float, probabilities: np.ndarray) -> None:
        if self._smoothed is None:
            self._smoothed = probabilities
        else:
            keep = math.exp(-max(timestamp - self._now, 0.0) / self.options.smoothing)
            self._smoothed = keep * self._smoothed + (1 - keep) * probabilities
        self._now = timestamp
