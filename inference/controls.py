"""What frames and keys do in the window: spelling, typing, practice, and teaching it your hand."""

import string
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inference.display import View
from inference.exercise import LONGEST_WORD, Exercise
from inference.recording import Recording
from inference.teaching import Teaching, TeachingState
from sign2sound import Reading, UserError
from sign2sound.labels import STATIC_LETTERS
from sign2sound.live import Live
from sign2sound.signer import SPEED
from sign2sound.speech import Speaker

NOTICE = 5.0  # seconds for which a line for the user stays
CALM = 0.5  # seconds for which the line that says what to do stays at least, so that it can be read
BETWEEN = 1.0  # seconds of the stream between two sources, so that no letter goes on from one into the other

# What is typed for what, with the line that says so.
_QUESTIONS = {
    "text": "Typing; Enter or Esc goes back to signing",
    "word": "Word to practise: {}   type one, Enter starts, Esc cancels",
    "letters": "Letters to teach: {}   type some, Enter starts, Esc cancels",
}
_EMPTY = {"word": "any", "letters": "all"}  # what nothing typed stands for
_LESSON_HINTS = {"no hand": "Show your hand to the camera", "hold still": "Hold still"}


class Controls:
    """A live stream that keys steer. Time is the frames' own, from one source into the next; lines to be read go by a clock.

    help, full_screen: whether they are on. now: seconds of the stream.
    """

    def __init__(
        self,
        live: Live,
        speaker: Speaker | None = None,
        recording: Recording | None = None,
        speed: float = SPEED,
        clock: Callable[[], float] = time.monotonic,
    ):
        """speed: of the signer in practice, letters/s. clock: seconds, which go on also when no frame comes."""
        self.live = live
        self.reading: Reading | None = None  # of the last frame
        self.now = 0.0
        self.help = self.full_screen = False
        self._speaker = speaker
        self._recording = recording
        self._speed = speed
        self._clock = clock
        self._source, self._source_is_live, self._ended = "", True, False
        self._start = 0.0  # of the source, in the stream
        self._notice, self._notice_until = "", 0.0
        self._todo, self._todo_until = "", 0.0
        self._asked_to_quit = False
        self._typing: str | None = None  # for what the user types, one of _QUESTIONS
        self._typed = ""
        self._exercise: Exercise | None = None
        self._teaching = Teaching(live.recognizer)

    def begin(self, name: str, live: bool) -> None:
        """The next frames are another source's. live: whether it is a camera."""
        if self.reading is not None:
            self._start = self.now + BETWEEN
            self.live.recognizer.reset()
        self._source, self._source_is_live, self._ended = Path(name).name, live, False

    def end(self) -> None:
        """The source has no more frames."""
        self._ended = True

    def frame(self, picture, timestamp: float) -> dict[str, float]:
        """Read a frame, RGB uint8 (H, W, 3), unmirrored, at `timestamp` seconds of its source. Returns the seconds that each
        stage took."""
        self.now = self._start + timestamp
        if self._exercise:
            step = self._exercise.step(picture, self.now)
        elif self._teaching.in_lesson or self._typing:  # what the hand does meanwhile is not spelled
            self.reading = self.live.recognizer.read(picture, self.now)
            self._pass_on(self.reading.notice)
            self._teach()
            latency = self.reading.latency
            return {"landmarks": latency.landmarks, "features+model": latency.model}
        else:
            step = self.live.step(picture, self.now)
            self._written(step)
        self.reading = step.reading
        self._pass_on(step.reading.notice)
        self._teach()
        return step.seconds

    def wait(self) -> None:
        """Go on with what needs no frames."""
        if self._teaching.adapting:
            self._teach()

    def view(self, frames_per_second: float, latency: float) -> View:
        """What is to be drawn over the last frame. latency: seconds."""
        live, teaching, exercise, now = self.live, self._teaching.state, self._exercise, self._clock()
        if now >= self._todo_until and self._todo != (todo := self._what_to_do()):
            self._todo, self._todo_until = todo, now + CALM
        return View(
            self.reading,
            exercise.progress if exercise else live.progress,
            live.text,
            live.word,
            live.suggestions,
            live.readings,
            0.0 if self._ended else frames_per_second,
            0.0 if self._ended else latency,
            self._question() or (self._notice if now < self._notice_until else ""),
            self._todo,
            "no sound" if self._speaker is None else "sound off" if self._speaker.muted else "sound on",
            teaching if self._teaching.in_lesson else None,
            exercise,
            self.help,
        )

    def key(self, name: str) -> str | None:
        """Do what a key asks for, as `inference.display.key_name` names it; `quit`, `save` or `next camera` where it asks for
        these."""
        self._todo_until = 0.0
        if name == "closed":
            return "quit"
        if self._asked_to_quit:
            self._asked_to_quit = False
            return "quit" if name in ("enter", "escape", "q") else None
        if name == "escape":
            self._close_something()
        elif self._typing:
            self._type(name)
        elif self._teaching.in_lesson and name == " ":
            self._teaching.skip()
        elif self._exercise and name in (" ", "enter", "+", "=", "-"):
            self._steer(self._exercise, name)
        else:
            return self._spell(name)
        return None

    @property
    def needs_camera(self) -> bool:
        """Whether the user is to be shown how to sign, but no frames come."""
        return self._ended and (self._typing in ("word", "letters") or self._teaching.in_lesson or self._exercise is not None)

    def no_camera(self, reason: str) -> None:
        """None could be opened."""
        if self._ended:
            self._typing = self._exercise = None
            self._teaching.cancel()
        self.tell(reason)

    def teach(self, letters: str) -> None:
        """Begin a lesson of these letters; all when none. Raises UserError where they can't be taught."""
        self._teaching.begin(letters)
        self._exercise = None

    def practise(self, word: str) -> None:
        """Ask for a word, A to Z, or for one of ours when it is empty."""
        self._teaching.cancel()
        if self._exercise:
            self._exercise.start(word)
        else:
            self._exercise = Exercise(self.live.recognizer, word, self._speed)

    def finish(self) -> None:
        """Wait for what is being adapted, and keep it."""
        if self._teaching.adapting:
            print("adapting to your hand; Ctrl-C leaves it out", flush=True)
            self._tell_of(self._teaching.finish())

    def close(self) -> None:
        """Leave what is being adapted."""
        self._teaching.close()

    def tell(self, notice: str) -> None:
        """Show the user a line for a while."""
        self._notice, self._notice_until = notice, self._clock() + NOTICE

    def _question(self) -> str:
        if self._asked_to_quit:
            return "Quit?   Enter or Esc: yes, any other key: no"
        if self._typing:
            return _QUESTIONS[self._typing].format(self._typed or _EMPTY.get(self._typing))
        return ""

    def _what_to_do(self) -> str:
        if self.reading is None:
            return ""
        lesson = self._teaching.state
        if self.help:
            return "h or Esc closes the keys"
        if self._teaching.in_lesson and lesson:
            if lesson.phase == "countdown":
                return f"Get ready to sign {lesson.letter} as shown"
            return _LESSON_HINTS.get(lesson.hint, f"Hold the {lesson.letter} and turn your hand a little")
        if self._exercise:
            return self._exercise.todo(self.reading)
        if self._ended:
            return f"This is the end of {self._source}. p, t, n open a camera, Esc quits"
        if not self._source_is_live:
            return f"Reading {self._source}; h shows the keys"
        if self.reading.hand is None:
            return "Show one hand to the camera"
        begun = self.live.word and not self.live.text.endswith(" ")
        return "Lower your hand to end the word" if begun else "Spell letter by letter"

    def _close_something(self) -> None:
        """Leave what was entered last; where nothing was, ask whether to quit."""
        if self.help:
            self.help = False
        elif self._typing:
            self._typing = None
        elif self._teaching.in_lesson:
            self._teaching.cancel()
            self.tell("Nothing taught")
        elif self._exercise:
            self._exercise = None
        elif self.full_screen:
            self.full_screen = False
        else:
            self._asked_to_quit = True

    def _spell(self, name: str) -> str | None:
        match name:
            case "q":
                return "quit"
            case "s":
                return "save"
            case "n":
                return "next camera"
            case "1" | "2" | "3":
                if self.live.take(int(name) - 1):
                    self._say(self.live.word)
            case "4" | "5" if int(name) - 4 < len(self.live.readings):
                letter = self.live.readings[int(name) - 4]
                self.live.correct(letter)
                self._say(letter)
            case " " | "backspace":
                self._edit(name)
            case "c":
                self.live.clear()
            case "e":
                self._typing = "text"
            case "p":
                self._typing, self._typed = "word", ""
            case "h":
                self.help = not self.help
            case "f":
                self.full_screen = not self.full_screen
            case "m" if self._speaker:
                self._speaker.muted = not self._speaker.muted
                self.tell("Sound off" if self._speaker.muted else "Sound on")
            case "m":
                self.tell("No sound: espeak-ng is missing, or --no-speech was given")
            case "t" if self._teaching.adapting:
                self.tell(f"Still adapting to your hand: {self._teaching.state.progress:.0%}")
            case "t":
                self._teaching.cancel()
                self._typing, self._typed = "letters", ""
        return None

    def _edit(self, name: str) -> None:
        """A key that writes or deletes a character."""
        text = self.live.text
        self.live.write({" ": "space", "backspace": "del"}.get(name, name.upper()))
        if name == " " and self.live.text != text:
            self._say(self.live.word)

    def _type(self, name: str) -> None:
        letter = name.upper() if name.upper() in string.ascii_uppercase else ""
        if name == "enter":
            purpose, self._typing = self._typing, None
            self._start_with_typed(purpose)
        elif self._typing == "text":
            if letter or name in (" ", "backspace"):
                self._edit(name)
            elif name in "12345":
                self._spell(name)
        elif name == "backspace":
            self._typed = self._typed[:-1]
        elif self._typing == "letters":
            if letter in STATIC_LETTERS and letter not in self._typed:
                self._typed += letter
        elif len(self._typed) < LONGEST_WORD:
            self._typed += letter

    def _start_with_typed(self, purpose: str) -> None:
        if purpose == "word":
            self.practise(self._typed)
        elif purpose == "letters":
            try:
                self.teach(self._typed)
            except UserError as error:
                self.tell(str(error))

    def _steer(self, exercise: Exercise, name: str) -> None:
        match name:
            case " ":
                exercise.skip()
            case "enter":
                exercise.start()
            case _:
                exercise.change_speed(-1 if name == "-" else 1)  # = is the key of + without shift
                self._speed = exercise.speed

    def _written(self, step) -> None:
        """Print, speak and keep what a frame wrote."""
        if step.event:
            print(f"{step.event.timestamp:7.2f} s  {step.event.kind:<10}{step.event.text}", flush=True)
            if step.event.kind != "deleted":
                self._say(step.event.text)
        if self._recording:
            self._recording.add(step.reading, self.now, step.event)

    def _teach(self) -> None:
        before, state = self._teaching.state, self._teaching.update(self.reading.hand, self.now)
        if state and (before is None or (state.letter, state.phase) != (before.letter, before.phase)):
            self._tell_of(state)

    def _tell_of(self, state: TeachingState) -> None:
        """Say that the teaching has come to its next letter or phase."""
        match state.phase:
            case "countdown" | "recording":
                print(f"{self.now:7.2f} s  {state.phase:<11}{state.letter}", flush=True)
                return
            case "adapting":
                self.tell("Adapting to your hand; go on spelling")
            case "nothing":
                self.tell("Nothing taught")
            case "saved":
                self.tell("Your hand is read with its profile, now and at the next start")
            case "adopted":
                self.tell(f"Your hand is read with its profile now, but {state.hint}")
        print(self._notice, flush=True)

    def _pass_on(self, notice: str) -> None:
        """Tell the user what a reading has to say, in the window and in the terminal."""
        if notice:
            self.tell(notice)
            print(notice, file=sys.stderr, flush=True)

    def _say(self, text: str) -> None:
        if self._speaker:
            self._speaker.say(text, self.now)
