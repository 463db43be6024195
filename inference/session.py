"""What one browser does with its frames: spells, practises, or teaches its hand. Knows nothing of the network."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, StringConstraints

from inference.practice import Drill
from inference.teaching import Adapting, Lesson, adopt_user_profile, begin_lesson
from sign2sound import Hand, Reading, Recognizer, UserError
from sign2sound.labels import LABELS
from sign2sound.live import SUGGESTIONS, Live
from sign2sound.pictures import BrokenPicture, decode_picture
from sign2sound.profile import save_profile, user_profile
from sign2sound.protocol import Model

FORMATS = ("JPEG", "PNG")  # what browsers make of a frame; other decoders stay out of a stranger's reach
TOP = 3
LONGEST_WORD = 20
_LATEST = 1e9  # seconds; some 30 years after the page was opened


class Refused(Exception):
    """A message from the browser that can't be used. Its text says why, to whoever sent it."""


class Command(BaseModel):
    """What the page asks for besides reading frames.

    write: text, A to Z and spaces, as if typed. delete: the last character. take: suggestion `index`. clear: the text.
    practice: the word `text`; teach: the letters `text`; skip: the letter on show in either; spell: leave either.
    forget: the user's profile.
    """

    model_config = ConfigDict(extra="forbid")
    do: Literal["write", "delete", "take", "clear", "practice", "teach", "skip", "spell", "forget"]
    text: Annotated[str, StringConstraints(to_upper=True, max_length=2000, pattern="^[A-Za-z ]*$")] = ""
    index: int = 0


@dataclass(frozen=True)
class Options:
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

    def __init__(self, options: Options, *, own: bool):
        """own: whoever sits at the browser is the user whose profile is kept on this machine; others' hands are learnt for the
        length of their session only."""
        self._options = options
        self._own = own
        self._recognizer = Recognizer(options.model, hand_model=options.hand_model)
        self._has_profile = own and user_profile().exists()
        self.notice = ""  # about the profile, for the user
        if options.profile is not None:
            self._recognizer.use_model(options.profile)
        elif own:
            self.notice = adopt_user_profile(self._recognizer)
        self._spelling = Live(self._recognizer, options.dictionary)
        self._practice = Live(self._recognizer)
        self._drill = Drill()
        self._drilling = False
        self._lesson: Lesson | None = None
        self._adapting: Adapting | None = None
        self._time = -math.inf

    def frame(self, picture: bytes, timestamp: float) -> dict:
        """Read a JPEG or PNG taken at `timestamp` seconds, and return what the page shows. Raises Refused."""
        if not self._time < timestamp < _LATEST:  # so that NaN is refused too
            raise Refused(f"a frame's time must be a number of seconds, later than {self._time:.3f} s; found {timestamp}")
        started = time.perf_counter()
        frame = decode(picture, self._options.frame_pixels)
        decoded = time.perf_counter() - started
        self._time = timestamp

        live = self._practice if self._drilling or self._lesson is not None else self._spelling
        step = live.step(frame, timestamp)
        reading = step.reading
        answer = {
            "type": "step",
            "time": timestamp,
            **describe(reading.probabilities, reading.hand, frame.shape),
            "hold": live.progress,
            "event": step.event and {"kind": step.event.kind, "text": step.event.text},
            **self.state(),
        }
        if self._lesson is not None or self._adapting is not None:
            answer["lesson"] = self._teach(reading, timestamp)
        elif self._drilling:
            answer["practice"] = asdict(self._drill.update(step.event, reading.hand, reading.label))
        answer["ms"] = {stage: 1000 * seconds for stage, seconds in {"decode": decoded, **step.seconds}.items()}
        return answer

    def command(self, command: Command) -> dict:
        """Do what the page asks for. Returns the state after it. Raises Refused."""
        match command.do:
            case "write":
                for character in command.text:
                    self._spelling.write("space" if character == " " else character)
            case "delete":
                self._spelling.write("del")
            case "take":
                if not self._spelling.take(command.index):
                    raise Refused(f"there is no suggestion {command.index}; expected 0 to {SUGGESTIONS - 1}, of those on show")
            case "clear":
                self._spelling.clear()
            case "practice":
                self._practise(command.text)
            case "teach":
                self._start_lesson(command.text)
            case "skip":
                self._skip()
            case "spell":
                self._leave()
            case "forget":
                self._forget()
        return {"type": "state", **self.state()}

    def state(self) -> dict:
        """The text, and what else the page shows at all times."""
        live = self._spelling
        return {"text": live.text, "word": live.word, "suggestions": live.suggestions, "profile": self._has_profile}

    def close(self) -> None:
        if self._adapting is not None:
            self._adapting.close()
        self._recognizer.close()

    def _practise(self, word: str) -> None:
        word = word.replace(" ", "")
        if not 0 < len(word) <= LONGEST_WORD:
            raise Refused(f"a word to practise has 1 to {LONGEST_WORD} letters, found {len(word)}")
        if not self._drilling:
            self._leave()
            self._practice.reset()
        self._drilling = True
        self._drill.start(word)

    def _start_lesson(self, letters: str) -> None:
        if self._adapting is not None:
            raise Refused("your hand is being learnt; wait until that is done")
        try:
            lesson = begin_lesson(letters, self._recognizer.model_in_use)
        except UserError as error:
            raise Refused(str(error)) from error
        self._leave()
        self._lesson = lesson

    def _skip(self) -> None:
        if self._lesson is not None:
            self._lesson.skip()
        elif self._drilling:
            self._drill.skip()
        else:
            raise Refused("nothing to skip: neither practising nor teaching")

    def _leave(self) -> None:
        """Back to spelling. A lesson is cancelled; what is already being learnt of one is not."""
        self._drilling = False
        self._drill = Drill()
        self._lesson = None

    def _forget(self) -> None:
        if self._own:
            user_profile().unlink(missing_ok=True)
        self._recognizer.use_model(self._options.profile or self._options.model)
        self._has_profile = False

    def _teach(self, reading: Reading, timestamp: float) -> dict:
        """Go on with the lesson, or with learning from it; what the page shows of either."""
        if self._lesson is not None:
            state = self._lesson.update(reading.hand, timestamp)
            if state.phase != "done":
                return asdict(state)
            samples = self._lesson.samples()
            self._lesson = None
            if not samples[1]:
                return {"phase": "nothing"}
            self._adapting = Adapting(self._recognizer.model_in_use, samples)  # what was learnt before stays
        if not self._adapting.done():
            return {"phase": "learning", "progress": self._adapting.progress}
        adapted, self._adapting = self._adapting.model, None
        self._recognizer.use_model(adapted)
        self._has_profile = True
        saved = self._own
        if self._own:
            try:
                save_profile(user_profile(), adapted, self._options.model)
            except OSError:  # a full disk or a folder that can't be written; the session still reads with it
                saved = False
        return {"phase": "learnt", "saved": saved}


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
        "left_handed": hand and hand.left_handed,
    }
