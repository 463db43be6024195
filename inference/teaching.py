"""Teach it your hand: a lesson takes samples, the model is adapted to them beside the frame loop, then adopted and saved."""

import math
import string
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sign2sound import Hand, Recognizer, UserError
from sign2sound.features import palm_clips
from sign2sound.labels import STATIC_LETTERS
from sign2sound.profile import load_profile, save_profile, user_profile
from sign2sound.protocol import Model

COUNTDOWN = 3.0  # seconds from the moment a letter is shown until its samples are taken
RECORDING = 3.0  # seconds of a steady hand per letter
_STEADY = 1.0  # palm sizes per second; a hand that holds a letter moves at 0.1 to 0.6, on its way at 2 to 20
_LOOK_BACK = 0.15  # seconds over which the speed is measured
_LONGEST_FRAME = 0.2  # seconds that one frame may count for, when the stream stood still


@dataclass(frozen=True)
class TeachingState:
    """What to show."""

    phase: str  # of a lesson `countdown` or `recording`; after it `adapting`, and at last `saved`, `adopted` or `nothing`
    letter: str = ""  # to be signed now
    number: int = 0  # which of `total` letters it is, from 1 on
    total: int = 0
    progress: float = 0.0  # of the phase, 0 to 1
    seconds_left: float = 0.0  # of a countdown or recording
    hint: str = ""  # what a recording waits for, `no hand` or `hold still`; of `adopted`, why no profile could be saved

    @property
    def in_lesson(self) -> bool:
        """Whether letters are being shown."""
        return self.phase in ("countdown", "recording")


def lesson_letters(text: str) -> tuple[str, ...]:
    """The letters to teach that a user typed, such as `mnt` or `M, N, T`, in the alphabet's order; all 24 when none.

    Raises UserError on J and Z, which move, and on what is no letter.
    """
    typed = {character for character in text.upper() if character not in " ,"}
    if wrong := sorted(typed - set(STATIC_LETTERS)):
        moving = " (J and Z move, and are not taught)" if set(wrong) <= set(string.ascii_uppercase) else ""
        raise UserError(f"cannot teach {', '.join(wrong)}{moving}; expected letters such as MNT")
    return tuple(letter for letter in STATIC_LETTERS if letter in typed) or STATIC_LETTERS


class Lesson:
    """Letters to be signed one after another, each for RECORDING seconds after a countdown. A pure state machine.

    Only frames with a steady hand count and are kept, so a letter takes as long as it needs.
    """

    def __init__(self, letters: Sequence[str]):
        self._letters = tuple(letters)
        self._index = 0
        self._now = -math.inf
        self._shown: float | None = None  # since when the letter is shown
        self._recorded = 0.0  # seconds
        self._recent: deque[tuple[float, np.ndarray]] = deque()  # hands of the last _LOOK_BACK seconds, in palm sizes
        self._samples: list[tuple[str, Hand]] = []

    def update(self, hand: Hand | None, timestamp: float) -> TeachingState | None:
        """Take the hand of the frame at `timestamp` seconds, which never falls. None when no letter is left."""
        elapsed = min(timestamp - self._now, _LONGEST_FRAME)
        self._now = timestamp
        steady = self._is_steady(hand, timestamp)
        if self._shown is None:
            self._shown = timestamp
        if self._index < len(self._letters) and timestamp - self._shown >= COUNTDOWN and steady:
            self._samples.append((self._letters[self._index], hand))
            self._recorded += elapsed
            if self._recorded >= RECORDING - 1e-6:
                self._next()
        return self._state("" if steady else "hold still" if hand else "no hand")

    def skip(self) -> None:
        """Leave out the letter on show, with the samples taken of it, and go on to the next."""
        if self._index < len(self._letters):
            skipped = self._letters[self._index]
            self._samples = [sample for sample in self._samples if sample[0] != skipped]
            self._next()

    def samples(self) -> tuple[np.ndarray, list[str], np.ndarray]:
        """What `adapt` of `sign2sound.adapting` takes: landmarks (N, 21, 3), N labels, left_handed (N,); N may be 0."""
        landmarks = np.array([hand.landmarks for _, hand in self._samples], np.float32).reshape(-1, 21, 3)
        return (
            landmarks,
            [letter for letter, _ in self._samples],
            np.array([hand.left_handed for _, hand in self._samples], bool),
        )

    def _next(self) -> None:
        self._index += 1
        self._shown = None
        self._recorded = 0.0

    def _is_steady(self, hand: Hand | None, timestamp: float) -> bool:
        if hand is None:
            self._recent.clear()
            return False
        self._recent.append((timestamp, hand.landmarks))
        while len(self._recent) > 2 and timestamp - self._recent[1][0] >= _LOOK_BACK:
            self._recent.popleft()
        before, landmarks = self._recent[0]
        if not _LOOK_BACK <= timestamp - before <= 2 * _LONGEST_FRAME:
            return False
        then, now = palm_clips(np.stack([landmarks, hand.landmarks])[None], np.array([hand.left_handed]))[0, ..., :2]
        return np.linalg.norm(now - then, axis=1).mean() < _STEADY * (timestamp - before)

    def _state(self, hint: str) -> TeachingState | None:
        if self._index == len(self._letters):
            return None
        letter, number, total = self._letters[self._index], self._index + 1, len(self._letters)
        shown = 0.0 if self._shown is None else self._now - self._shown
        if shown < COUNTDOWN:
            return TeachingState("countdown", letter, number, total, shown / COUNTDOWN, COUNTDOWN - shown)
        left = RECORDING - self._recorded
        return TeachingState("recording", letter, number, total, self._recorded / RECORDING, left, hint)


class Adapting:
    """Adapts a model to a lesson's samples in a thread: some 10 s, in which frames are read as before.

    Torch does its work without Python's lock, so no process of its own is needed.
    """

    def __init__(self, model: Model, samples: tuple[np.ndarray, list[str], np.ndarray]):
        self.progress = 0.0  # 0 to 1
        self._adapted: Model | None = None
        self._error: Exception | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._adapt, args=(model, *samples))
        self._thread.start()

    def done(self) -> bool:
        """Whether it has come to its end, well or not."""
        return not self._thread.is_alive()

    @property
    def model(self) -> Model:
        """The adapted model; waits for it. Raises what `adapt` raised."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._adapted

    def close(self) -> None:
        """Leave it; there is no model then."""
        self._closing.set()
        self._thread.join()

    def _adapt(self, model: Model, *samples) -> None:
        try:
            from sign2sound.adapting import adapt  # torch loads only for those who teach

            self._adapted = adapt(model.to_torch(), *samples, progress=self._go_on)
        except Exception as error:  # raised again where the model is asked for
            self._error = error

    def _go_on(self, progress: float) -> None:
        if self._closing.is_set():
            raise InterruptedError("the adapting was left")
        self.progress = progress


class Teaching:
    """A user teaches a recognizer: lesson -> adapting -> adopted -> saved. Tell it every frame's hand, and close it."""

    def __init__(self, recognizer: Recognizer, keep: bool = True):
        """keep: save what is adapted as the user's profile; else it lasts as long as the recognizer."""
        self.state: TeachingState | None = None  # of the newest frame; None while there is nothing to show
        self._recognizer = recognizer
        self._keep = keep
        self._lesson: Lesson | None = None
        self._adapting: Adapting | None = None

    @property
    def in_lesson(self) -> bool:
        """Whether letters are being shown, so that what is signed is not to be spelled."""
        return self._lesson is not None

    @property
    def adapting(self) -> bool:
        """Whether the model is being adapted."""
        return self._adapting is not None

    def begin(self, text: str) -> None:
        """A lesson of the letters that a user typed, see `lesson_letters`, in place of the one that goes on.

        Raises UserError, also where the model can't be adapted, or still is.
        """
        letters = lesson_letters(text)
        if self.adapting:
            raise UserError(f"still adapting to your hand ({self._adapting.progress:.0%}); wait until that is done")
        self._recognizer.model_in_use.check_adaptable()
        self._lesson = Lesson(letters)
        self.state = None

    def skip(self) -> None:
        """Leave out the letter on show."""
        if self._lesson is not None:
            self._lesson.skip()

    def cancel(self) -> None:
        """Leave the lesson. What is being adapted already goes on."""
        if self._lesson is not None:
            self._lesson = self.state = None

    def update(self, hand: Hand | None, timestamp: float) -> TeachingState | None:
        """Take the hand of the frame at `timestamp` seconds, which never falls. Returns `state`."""
        if self._lesson is not None:
            self.state = self._lesson.update(hand, timestamp) or self._adapt()
        elif self._adapting is None:
            self.state = None
        elif self._adapting.done():
            self.state = self._adopt()
        else:
            self.state = TeachingState("adapting", progress=self._adapting.progress)
        return self.state

    def finish(self) -> TeachingState | None:
        """Wait for what is being adapted, if anything. Returns `state`."""
        if self.adapting:
            self.state = self._adopt()
        return self.state

    def close(self) -> None:
        """Leave what is being adapted."""
        if self._adapting is not None:
            self._adapting.close()

    def _adapt(self) -> TeachingState:
        samples = self._lesson.samples()
        self._lesson = None
        if not samples[1]:
            return TeachingState("nothing")
        self._adapting = Adapting(self._recognizer.model_in_use, samples)  # what was taught before stays
        return TeachingState("adapting")

    def _adopt(self) -> TeachingState:
        adapted, self._adapting = self._adapting.model, None
        self._recognizer.use_model(adapted)
        if not self._keep:
            return TeachingState("adopted")
        try:
            save_profile(user_profile(), adapted, self._recognizer.model)
        except OSError as error:  # a full disk, or a folder that can't be written; it still reads with what was adapted
            return TeachingState("adopted", hint=f"{user_profile()} cannot be written ({error.strerror})")
        except UserError as error:
            return TeachingState("adopted", hint=str(error))
        return TeachingState("saved")


def adopt_user_profile(recognizer: Recognizer) -> str:
    """Let the recognizer read with the user's own profile where there is one. Returns the line to tell the user, or nothing."""
    try:
        path = user_profile()
        if not path.exists():
            return ""
        recognizer.use_model(load_profile(path, recognizer.model))
    except (UserError, OSError) as error:  # OSError: somebody else's home folder
        return f"reading without your profile: {error}"
    return f"reading with your profile {path}"
