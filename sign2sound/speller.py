"""Letter probabilities over time -> text. A pure state machine: time is an argument, nothing is read or shown here."""

import math
from dataclasses import dataclass

import numpy as np

from sign2sound.labels import LABELS, NOTHING


@dataclass(frozen=True)
class SpellerOptions:
    """enter: a letter is taken up when its smoothed probability reaches this; leave: and let go when it falls below this.

    hold: seconds it must be held to be written. release: seconds it must be let go before the same letter counts again.
    smoothing: time constant, in seconds, of the running mean over the probabilities.
    """

    enter: float = 0.6
    leave: float = 0.4
    hold: float = 0.4
    release: float = 0.2
    smoothing: float = 0.08


@dataclass(frozen=True)
class SpellerEvent:
    """A label was written (`del`: the last character was deleted) at `timestamp` seconds."""

    label: str
    timestamp: float


class Speller:
    """Writes a letter once it was held, and again only after it was released. `text` is what was spelled so far."""

    def __init__(self, options: SpellerOptions | None = None):
        self.options = options or SpellerOptions()
        self.text = ""
        self._smoothed: np.ndarray | None = None
        self._now = 0.0
        self._held: int | None = None  # label id taken up
        self._held_since = 0.0
        self._held_until = np.full(len(LABELS), -math.inf)  # when each label last stood at or above `leave`
        self._written: int | None = None  # the label written last, until it is released

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

        # The tolerance keeps 0.4 s the same number of frames however the sum of frame times was rounded.
        if self._held in (None, NOTHING, self._written) or timestamp - self._held_since < options.hold - 1e-6:
            return None
        self._written = self._held
        self.write(LABELS[self._held])
        return SpellerEvent(LABELS[self._held], timestamp)

    def write(self, label: str) -> None:
        """Write one of the 29 labels as if it had been signed; `del` deletes a character, `nothing` does nothing."""
        if label == "del":
            self.text = self.text[:-1]
        elif label == "space":
            self.text += " "
        elif label != "nothing":
            self.text += label

    def clear(self) -> None:
        """Forget the text, not what is being held."""
        self.text = ""

    def _smooth(self, timestamp: float, probabilities: np.ndarray) -> None:
        if self._smoothed is None:
            self._smoothed = probabilities
        else:
            keep = math.exp(-max(timestamp - self._now, 0.0) / self.options.smoothing)
            self._smoothed = keep * self._smoothed + (1 - keep) * probabilities
        self._now = timestamp
