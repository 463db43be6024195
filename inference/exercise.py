"""Practice in the window: a word to sign, and beside the user's hand the synthetic signer's, who spells what is left of it."""

import random
from collections.abc import Iterator
from itertools import count

import numpy as np

from inference.practice import Drill, DrillState
from sign2sound import Reading, Recognizer
from sign2sound.live import Live, Step
from sign2sound.signer import SPEEDS, sign_word

WORDS = tuple(
    "AND BOX COFFEE FAMILY FRIEND GARDEN HAPPY HELLO JAZZ KITE LUCKY MORNING MUSIC PIZZA QUEEN QUIET SCHOOL THANK VAN "
    "WATER YELLOW ZEBRA".split()
)  # all letters stand in them
LONGEST_WORD = 20
STEP = 0.5  # letters/s, from one speed of the signer to the next
_RATE = 15  # frames/s of the signer beside the camera's picture; each takes as long as reading a frame
_LONGEST_FRAME = 0.2  # seconds that the signer goes on at most, when the stream stood still


class Demonstration:
    """The synthetic signer, who spells `word` again and again at `speed` letters/s, 0.5 to 6."""

    def __init__(self, word: str, speed: float):
        self._frames = _spell_again(word, speed)
        self._picture, self._time = next(self._frames)
        self._elapsed = 0.0
        self._now: float | None = None

    def at(self, now: float) -> np.ndarray:
        """Its picture at `now` seconds, which never falls: RGB uint8 (480, 480, 3)."""
        self._elapsed += min(now - (now if self._now is None else self._now), _LONGEST_FRAME)
        self._now = now
        while self._time < self._elapsed:
            self._picture, self._time = next(self._frames)
        return self._picture


class Exercise:
    """Words practised in the window: the user's hand is judged, beside it the signer spells what is left of the word.

    state: of the word. signer: its newest picture, RGB uint8 (S, S, 3). speed: the signer's, letters/s. progress: of the
    user's next letter, 0 to 1.
    """

    def __init__(self, recognizer: Recognizer, word: str, speed: float):
        """word: A to Z; empty for one of WORDS."""
        self.speed = speed
        self.state = DrillState("", 0, 0, 0)
        self._live = Live(recognizer)
        self._drill = Drill()
        self._now = 0.0
        self.start(word)

    @property
    def progress(self) -> float:
        return self._live.progress

    def start(self, word: str = "") -> None:
        """Ask for `word`, or for another one of WORDS. The score goes on."""
        self._drill.start(word or random.choice([other for other in WORDS if other != self.state.word]))
        self._demonstrate()

    def skip(self) -> None:
        """Leave the letter out."""
        self._drill.skip()
        self._demonstrate()

    def change_speed(self, steps: int) -> None:
        """steps: 1 for faster, -1 for slower."""
        self.speed = faster(self.speed, steps)
        self._demonstrate()

    def step(self, picture: np.ndarray, now: float) -> Step:
        """Read the next frame, RGB uint8 (H, W, 3), unmirrored, at `now` seconds, which must increase."""
        step = self._live.step(picture, now)
        self._now, done = now, self.state.done
        self.state = self._drill.update(step.event, step.reading.hand, step.reading.label)
        if self.state.done != done:
            self._demonstrate()
        self.signer = self._signer.at(now)
        return step

    def todo(self, reading: Reading) -> str:
        """What to do now, in a line."""
        wanted = self._drill.letter
        if not wanted:
            return f"{self.state.word} is done. Enter: another word, Esc: back to spelling"
        if reading.hand is None:
            return f"Sign {wanted}: show your hand to the camera"
        if reading.label == wanted:
            return f"Sign {wanted}: yes"
        seen = "no letter" if reading.label == "nothing" else reading.label
        return f"Sign {wanted}: I see {seen}" + (f"; {self.state.advice}" if self.state.advice else "")

    def _demonstrate(self) -> None:
        self.state = self._drill.update(None, None, "nothing")
        self._signer = Demonstration(self.state.word[self.state.done :] or self.state.word, self.speed)
        self.signer = self._signer.at(self._now)


def faster(speed: float, steps: int) -> float:
    """The next round speed above (steps 1) or below (steps -1) `speed`, in letters/s, within what the signer can do."""
    slowest, fastest = SPEEDS
    return min(max((speed // STEP if steps > 0 else -(-speed // STEP)) * STEP + steps * STEP, slowest), fastest)


def _spell_again(word: str, speed: float) -> Iterator[tuple[np.ndarray, float]]:
    """Pictures, and their times from 0 on."""
    frames = count()
    while True:
        for picture, _ in sign_word(word, frame_rate=_RATE, speed=speed):
            yield picture, next(frames) / _RATE
