"""What one browser does with its frames: spells, practises, or teaches its hand. Knows nothing of the network."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.messages import Command, Event, State, Step
from inference.practice import Drill
from inference.teaching import Teaching, adopt_user_profile
from sign2sound import Hand, Recognizer, UserError
from sign2sound.labels import LABELS
from sign2sound.live import SUGGESTIONS, Live
from sign2sound.pictures import BrokenPicture, decode_picture
from sign2sound.profile import user_profile
from sign2sound.protocol import Model

FORMATS = ("JPEG", "PNG")  # what browsers make of a frame; other decoders stay out of a stranger's reach
TOP = 3
LONGEST_WORD = 20
LONGEST_TEXT = 100_000  # characters; each keeps the probabilities that it was read from
_LATEST = 1e9  # seconds; some 30 years after the page was opened


class Refused(Exception):
    """A message from the browser that can't be used. Its text says why, to whoever sent it."""


@dataclass(frozen=True)
class SessionOptions:
    """What all sessions share.

    model: as released; profile: what to read with instead, if given. dictionary: of `sign2sound.words`, or None.
    hand_model: path of the landmark model. frame_pixels: the most that a frame may decode to.
    """

    model: Model
    profile: Model | None = None
    dictionary: object = None
    hand_model: Path | None = None
    frame_pixels: int = 1920 * 1080


class Session:
    """One browser's stream. Use it from one thread at a time, and close it."""

    def __init__(self, options: SessionOptions, *, own: bool):
        """own: whoever sits at the browser is the user whose profile is kept on this machine; others teach for the length of
        their session only."""
        self._options = options
        self._own = own
        self._recognizer = Recognizer(options.model, hand_model=options.hand_model)
        self._teaching = Teaching(self._recognizer, keep=own)
        self.notice = ""  # about the profile, for the user
        if options.profile is not None:
            self._recognizer.use_model(options.profile)
        elif own:
            self.notice = adopt_user_profile(self._recognizer)
        self._has_profile = bool(self.notice)
        self._spelling = Live(self._recognizer, options.dictionary)
        self._practice = Live(self._recognizer)
        self._drill: Drill | None = None
        self._time = -math.inf  # of the newest frame

    @property
    def adapting(self) -> bool:
        """Whether a hand is being learnt, which wants the processor."""
        return self._teaching.adapting

    def frame(self, picture: bytes, timestamp: float) -> Step:
        """Read a JPEG or PNG taken at `timestamp` seconds. Raises Refused."""
        if not max(0, self._time) <= timestamp < _LATEST or timestamp == self._time:  # so that NaN is refused too
            raise Refused(f"a frame's time is a number of seconds from 0 on, later than {self._time:.3f} s; found {timestamp}")
        started = time.perf_counter()
        frame = decode(picture, self._options.frame_pixels)
        decoded = time.perf_counter() - started
        self._time = timestamp

        live = self._practice if self._drill or self._teaching.in_lesson else self._spelling
        step = live.step(frame, timestamp)
        reading = step.reading
        teaching = self._teaching.update(reading.hand, timestamp)
        if teaching and teaching.phase in ("adopted", "saved"):
            self._has_profile = True
        return Step(
            **self.state(),
            **describe(reading.probabilities, reading.hand, frame.shape),
            time=timestamp,
            hold=live.progress,
            event=step.event and Event(kind=step.event.kind, text=step.event.text),
            teaching=teaching,
            notice=reading.notice,
            practice=self._drill and self._drill.update(step.event, reading.hand, reading.label),
            ms={stage: 1000 * seconds for stage, seconds in {"decode": decoded, **step.seconds}.items()},
        )

    def command(self, command: Command) -> State:
        """Do what the page asks for. Returns the state after it. Raises Refused."""
        match command.do:
            case "write":
                if len(self._spelling.text) + len(command.text) > LONGEST_TEXT:
                    raise Refused(f"the text is full: {LONGEST_TEXT} characters; clear it")
                self._spelling.write(*("space" if character == " " else character for character in command.text))
            case "delete":
                self._spelling.write("del")
            case "correct":
                if len(command.text.strip()) != 1 or not self._spelling.correct(command.text.strip()):
                    raise Refused("there is no letter to correct, or none given to put in its place")
            case "take":
                if not self._spelling.take(command.index):
                    raise Refused(f"there is no suggestion {command.index}; expected 0 to {SUGGESTIONS - 1}, of those on show")
            case "clear":
                self._spelling.clear()
            case "practice":
                self._practise(command.text)
            case "teach":
                self._teach(command.text)
            case "skip":
                self._skip()
            case "spell":
                self._leave()
            case "forget":
                self._forget()
        return State(**self.state())

    def state(self) -> dict:
        """The fields of a `State`."""
        live = self._spelling
        return {
            "text": live.text,
            "word": live.word,
            "suggestions": live.suggestions,
            "readings": live.readings,
            "profile": self._has_profile,
        }

    def close(self) -> None:
        """Leave what is being adapted, and give MediaPipe back."""
        self._teaching.close()
        self._recognizer.close()

    def _practise(self, word: str) -> None:
        word = word.replace(" ", "")
        if not 0 < len(word) <= LONGEST_WORD:
            raise Refused(f"a word to practise has 1 to {LONGEST_WORD} letters, found {len(word)}")
        if not self._drill:
            self._leave()
            self._practice.reset()
            self._drill = Drill()
        self._drill.start(word)

    def _teach(self, letters: str) -> None:
        try:
            self._teaching.begin(letters)
        except UserError as error:
            raise Refused(str(error)) from error
        self._drill = None

    def _skip(self) -> None:
        if self._teaching.in_lesson:
            self._teaching.skip()
        elif self._drill:
            self._drill.skip()
        else:
            raise Refused("nothing to skip: neither practising nor teaching")

    def _leave(self) -> None:
        """Back to spelling."""
        self._drill = None
        self._teaching.cancel()

    def _forget(self) -> None:
        if self._own:
            try:
                user_profile().unlink(missing_ok=True)
            except UserError as error:
                raise Refused(str(error)) from error
            except OSError as error:
                raise Refused(f"{user_profile()} cannot be deleted ({error.strerror})") from error
        self._recognizer.use_model(self._options.profile or self._options.model)
        self._has_profile = False


def decode(picture: bytes, most_pixels: int) -> np.ndarray:
    """The picture, RGB uint8 (H, W, 3), turned as its EXIF data says. Raises Refused on what is no JPEG or PNG, is damaged, or,
    before any pixel is decoded, is larger than `most_pixels`."""
    try:
        return decode_picture(picture, most_pixels, FORMATS)
    except BrokenPicture as error:
        raise Refused(f"the picture cannot be read: {error}") from error


def describe(probabilities: np.ndarray, hand: Hand | None, shape: tuple[int, ...]) -> dict:
    """What was read, and the hand's 21 points as shares of the picture's width and height."""
    best = np.argsort(-probabilities)[:TOP]
    return {
        "label": LABELS[best[0]],
        "confidence": round(float(probabilities[best[0]]), 4),
        "top": [(LABELS[label], round(float(probabilities[label]), 4)) for label in best],
        "hand": hand and np.round(hand.landmarks[:, :2] / np.float32([shape[1], shape[0]]), 4).tolist(),
    }
