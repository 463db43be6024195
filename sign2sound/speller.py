"""Letter probabilities over time -> text. A pure state machine: time is an argument, nothing is read or shown here."""

import math
from dataclasses import dataclass

import numpy as np

from sign2sound.labels import LABEL_IDS, LABELS, NOTHING

_FIRST_SHAPES = {"J": ("I", "Y"), "Z": ("D", "X")}  # what a motion letter looks like before it moves
_LONGEST_STEP = 0.25  # seconds; what the hand did in a longer gap between frames is not known


@dataclass(frozen=True)
class SpellerOptions:
    """When a letter is written. Seconds, and probabilities of a running mean.

    A held letter gathers evidence: the time for which it was held, times how far its probability was above `leave`. hold: how
    long a letter of probability 1 must be held to be written; less sure ones take longer. enter: and its probability must
    stand at this or above. leave: it is let go when it falls below this, and its evidence is lost. release: how long it must be
    let go before the same letter counts again. wait: how much longer the hand shapes that begin a J or Z must be held. pause:
    `nothing` for this long ends a word. smoothing: time constant of the running mean.

    Chosen on signers whom the model had not seen: stills joined to moving hands, and clips of J and Z.
    """

    enter: float = 0.5
    leave: float = 0.2
    hold: float = 0.35
    release: float = 0.2
    wait: float = 0.2
    pause: float = 1.5
    smoothing: float = 0.1


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
    until the next letter. evidence: for each character of it the probabilities, float (29,), that it was read from: their mean
    over its hold, or one-hot for what was typed.
    """

    def __init__(self, options: SpellerOptions | None = None):
        self.options = options = options or SpellerOptions()
        self._characters: list[tuple[str, np.ndarray]] = []  # with their evidence
        self._now: float | None = None
        self._latest = self._smoothed = np.zeros(len(LABELS))
        self._gathered = np.zeros(len(LABELS))  # seconds x probability above `leave`
        self._since = np.zeros(len(LABELS))  # when each began to be gathered
        self._sum = np.zeros(len(LABELS))  # seconds x probability of the whole stream
        self._sum_before = np.zeros((len(LABELS), len(LABELS)))  # row: the sum when a label began to be gathered
        self._written = ""  # the label written last
        self._written_until = -math.inf  # when it was last held
        self._released = True

        hold = np.full(len(LABELS), options.hold)
        hold[[LABEL_IDS[letter] for shapes in _FIRST_SHAPES.values() for letter in shapes]] += options.wait
        hold[NOTHING] = options.pause
        self._needed = hold * (1 - options.leave)

    @property
    def text(self) -> str:
        return "".join(character for character, _ in self._characters)

    @property
    def word(self) -> str:
        return "".join(character for character, _ in self._characters[self._word_place()])

    @property
    def evidence(self) -> tuple[np.ndarray, ...]:
        return tuple(evidence for _, evidence in self._characters[self._word_place()])

    @property
    def progress(self) -> float:
        """How much of its hold the letter in the hand has behind it, 0 to 1; 0 once it is written, and without one."""
        best = int(self._smoothed.argmax())
        if best == NOTHING or self._is_written(best):
            return 0.0
        return float(self._gathered[best] / self._needed[best])

    def update(self, timestamp: float, probabilities: np.ndarray) -> SpellerEvent | None:
        """Take the probabilities (29,) at `timestamp` seconds, which never falls. Returns what was written, if anything."""
        self._gather(timestamp, np.asarray(probabilities, dtype=np.float64))
        best = int(self._smoothed.argmax())
        if (
            self._written_until == timestamp  # the letter before is not let go yet
            or self._is_written(best)
            or self._smoothed[best] < self.options.enter
            # The tolerance keeps a hold the same number of frames however the sum of frame times was rounded.
            or self._gathered[best] < self._needed[best] - 1e-6
        ):
            return None

        label, since = LABELS[best], float(self._since[best])
        evidence = self._sum - self._sum_before[best]
        # An I that is lowered draws the beginning of a J: no letter, but held all the same.
        lowered = self._written in _FIRST_SHAPES.get(label, ()) and since - self._written_until < self.options.release
        self._written, self._written_until, self._released = label, timestamp, False
        self._forget(slice(None))
        if lowered:
            return None
        kind, text = self._write("space" if best == NOTHING else label, evidence / evidence.sum())
        return SpellerEvent(kind, text, timestamp, since) if text else None

    def write(self, label: str) -> None:
        """Write one of the 29 labels as if it had been signed; `del` deletes a character, `nothing` does nothing."""
        if label != "nothing":
            self._write(label, np.eye(len(LABELS))[LABEL_IDS[label]])

    def replace_word(self, word: str) -> None:
        """Put `word` and a space in the place of `self.word`."""
        del self._characters[self._word_place().start :]
        for letter in word:
            self.write(letter)
        self.write("space")

    def clear(self) -> None:
        """Forget the text, not what is being held."""
        self._characters.clear()

    def _word_place(self) -> slice:
        """Where `word` stands among the characters; looked for from their end, since a text may be long."""
        end = len(self._characters)
        while end and self._characters[end - 1][0] == " ":
            end -= 1
        start = end
        while start and self._characters[start - 1][0] != " ":
            start -= 1
        return slice(start, end)

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

    def _gather(self, timestamp: float, probabilities: np.ndarray) -> None:
        if self._now is None:
            self._now, self._latest, self._smoothed = timestamp, probabilities, probabilities
        passed = max(timestamp - self._now, 0.0)
        keep = math.exp(-passed / self.options.smoothing)
        self._smoothed = keep * self._smoothed + (1 - keep) * probabilities

        known = min(passed, _LONGEST_STEP)
        step = known * (self._latest + probabilities) / 2
        self._sum += step
        self._gathered = (self._gathered + step - known * self.options.leave).clip(0, self._needed)
        self._now, self._latest = timestamp, probabilities
        self._forget((self._smoothed < self.options.leave) | (self._gathered == 0))
        if not self._released:
            if self._smoothed[LABEL_IDS[self._written]] >= self.options.leave:
                self._written_until = timestamp
            self._released = timestamp - self._written_until > self.options.release

    def _forget(self, labels) -> None:
        """Begin to gather these labels again."""
        self._gathered[labels] = 0
        self._since[labels] = self._now
        self._sum_before[labels] = self._sum

    def _is_written(self, label_id: int) -> bool:
        return not self._released and LABELS[label_id] == self._written
