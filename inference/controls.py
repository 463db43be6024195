"""What frames and keys do in the window: spelling, and teaching it your hand."""

from inference.display import View
from inference.live import Live
from inference.recording import Recording
from inference.teaching import Adapting, Lesson, LessonState, begin_lesson
from sign2sound import Reading, UserError
from sign2sound.labels import STATIC_LETTERS
from sign2sound.profile import save_profile, user_profile
from sign2sound.speech import Speaker

NOTICE = 5.0  # seconds for which a line for the user stays


class Controls:
    """A live stream that keys steer. Time is the frames' own."""

    def __init__(self, live: Live, speaker: Speaker | None = None, recording: Recording | None = None):
        self.live = live
        self.reading: Reading | None = None  # of the last frame
        self.help = False
        self._speaker = speaker
        self._recording = recording
        self._now = 0.0
        self._notice, self._notice_until = "", 0.0
        self._typed: str | None = None  # letters chosen so far, while the user chooses those to teach
        self._lesson: Lesson | None = None
        self._shown: LessonState | None = None
        self._adapting: Adapting | None = None

    def frame(self, picture, timestamp: float) -> dict[str, float]:
        """Read a frame, RGB uint8 (H, W, 3), unmirrored. Returns the seconds that each stage took."""
        self._now = timestamp
        if self._adapting and self._adapting.done():
            self._adopt()
        if self._lesson:
            return self._teach(picture, timestamp)
        step = self.live.step(picture, timestamp)
        self.reading = step.reading
        if step.event:
            print(f"{step.event.timestamp:7.2f} s  {step.event.kind:<10}{step.event.text}", flush=True)
            if step.event.kind != "deleted":
                self._say(step.event.text)
        if self._recording:
            self._recording.add(step.reading, timestamp, step.event)
        return step.seconds

    def view(self, frames_per_second: float, latency: float) -> View:
        """What is to be drawn over the last frame. latency: seconds."""
        live = self.live
        notice = self._notice if self._now < self._notice_until else ""
        if self._typed is not None:
            notice = f"Letters to teach: {self._typed or 'all'}   type some, Enter starts, Esc cancels"
        return View(
            self.reading, live.progress, live.text, live.word, live.suggestions, frames_per_second, latency,
            notice, self._shown if self._lesson else None, self.help,
        )  # fmt: skip

    def key(self, name: str) -> str | None:
        """Do what a key asks for, as `inference.display.key_name` names it; `quit` or `save` where it asks for these."""
        if name == "closed":
            return "quit"
        if self._typed is not None:
            self._choose(name)
        elif self._lesson and name in ("escape", " "):
            if name == " ":
                self._lesson.skip()
            else:
                self._lesson = None
                self.tell("Nothing learnt")
        else:
            return self._spell(name)
        return None

    def teach(self, letters: str) -> None:
        """Begin a lesson of these letters; all when none. Raises UserError where they can't be learnt."""
        self._lesson = begin_lesson(letters, self.live.recognizer.adopted)
        self._shown = None

    def finish(self) -> None:
        """Wait for what is being learnt, and keep it."""
        if self._adapting:
            if not self._adapting.done():
                print("learning your hand; Ctrl-C leaves it out", flush=True)
            self._adopt()

    def close(self) -> None:
        """Leave what is being learnt."""
        if self._adapting:
            self._adapting.close()

    def tell(self, notice: str) -> None:
        """Show the user a line for a while."""
        self._notice, self._notice_until = notice, self._now + NOTICE

    def _spell(self, name: str) -> str | None:
        text = self.live.text
        match name:
            case "q" | "escape":
                return "quit"
            case "s":
                return "save"
            case "1" | "2" | "3":
                if self.live.take(int(name) - 1):
                    self._say(self.live.word)
            case " ":
                self.live.write("space")
                if self.live.text != text:
                    self._say(self.live.word)
            case "backspace":
                self.live.write("del")
            case "c":
                self.live.clear()
            case "h":
                self.help = not self.help
            case "m" if self._speaker:
                self._speaker.muted = not self._speaker.muted
                self.tell("Sound off" if self._speaker.muted else "Sound on")
            case "t" if self._adapting:
                self.tell(f"Still learning your hand: {self._adapting.progress:.0%}")
            case "t":
                self._lesson, self._typed = None, ""
        return None

    def _choose(self, name: str) -> None:
        letter = name.upper()
        if name == "escape":
            self._typed = None
        elif name == "enter":
            letters, self._typed = self._typed, None
            try:
                self.teach(letters)
            except UserError as error:
                self.tell(str(error))
        elif name == "backspace":
            self._typed = self._typed[:-1]
        elif letter in STATIC_LETTERS and letter not in self._typed:
            self._typed += letter

    def _teach(self, picture, timestamp: float) -> dict[str, float]:
        self.reading = self.live.recognizer.read(picture, timestamp)
        before, self._shown = self._shown, self._lesson.update(self.reading.hand, timestamp)
        if before is None or (self._shown.letter, self._shown.phase) != (before.letter, before.phase):
            print(f"{timestamp:7.2f} s  {self._shown.phase:<11}{self._shown.letter}", flush=True)
        if self._shown.phase == "done":
            samples = self._lesson.samples()
            self._lesson = None
            if samples[1]:
                self._adapting = Adapting(self.live.recognizer.adopted, samples)  # what was learnt before stays
                self.tell("Learning your hand; go on spelling")
            else:
                self.tell("Nothing learnt")
        latency = self.reading.latency
        return {"landmarks": latency.landmarks, "features+model": latency.model}

    def _adopt(self) -> None:
        recognizer, path = self.live.recognizer, user_profile()
        adapted, self._adapting = self._adapting.model, None
        recognizer.adopt(adapted)
        try:
            save_profile(path, adapted, recognizer.model)
        except OSError as error:
            self.tell(f"Reading your hand now, but {path} cannot be written ({error.strerror})")
        else:
            self.tell("Learnt: your hand is read with it, now and at the next start")
        print(self._notice, flush=True)

    def _say(self, text: str) -> None:
        if self._speaker:
            self._speaker.say(text, self._now)
