"""What frames and keys do in the window: spelling, and teaching it your hand."""

import sys

from inference.display import View
from inference.recording import Recording
from inference.teaching import Teaching, TeachingState
from sign2sound import Reading, UserError
from sign2sound.labels import STATIC_LETTERS
from sign2sound.live import Live
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
        self._teaching = Teaching(live.recognizer)

    def frame(self, picture, timestamp: float) -> dict[str, float]:
        """Read a frame, RGB uint8 (H, W, 3), unmirrored. Returns the seconds that each stage took."""
        self._now = timestamp
        if self._teaching.in_lesson:  # what is signed for it is not spelled
            self.reading = self.live.recognizer.read(picture, timestamp)
            self._pass_on(self.reading.notice)
            self._teach()
            latency = self.reading.latency
            return {"landmarks": latency.landmarks, "features+model": latency.model}
        step = self.live.step(picture, timestamp)
        self.reading = step.reading
        self._pass_on(step.reading.notice)
        self._teach()
        if step.event:
            print(f"{step.event.timestamp:7.2f} s  {step.event.kind:<10}{step.event.text}", flush=True)
            if step.event.kind != "deleted":
                self._say(step.event.text)
        if self._recording:
            self._recording.add(step.reading, timestamp, step.event)
        return step.seconds

    def view(self, frames_per_second: float, latency: float) -> View:
        """What is to be drawn over the last frame. latency: seconds."""
        live, teaching = self.live, self._teaching.state
        notice = self._notice if self._now < self._notice_until else ""
        if self._typed is not None:
            notice = f"Letters to teach: {self._typed or 'all'}   type some, Enter starts, Esc cancels"
        return View(
            self.reading, live.progress, live.text, live.word, live.suggestions, frames_per_second, latency,
            notice, teaching if teaching and teaching.in_lesson else None, self.help,
        )  # fmt: skip

    def key(self, name: str) -> str | None:
        """Do what a key asks for, as `inference.display.key_name` names it; `quit` or `save` where it asks for these."""
        if name == "closed":
            return "quit"
        if self._typed is not None:
            self._choose(name)
        elif self._teaching.in_lesson and name == " ":
            self._teaching.skip()
        elif self._teaching.in_lesson and name == "escape":
            self._teaching.cancel()
            self.tell("Nothing taught")
        else:
            return self._spell(name)
        return None

    def teach(self, letters: str) -> None:
        """Begin a lesson of these letters; all when none. Raises UserError where they can't be taught."""
        self._teaching.begin(letters)

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
            case "t" if self._teaching.adapting:
                self.tell(f"Still adapting to your hand: {self._teaching.state.progress:.0%}")
            case "t":
                self._teaching.cancel()
                self._typed = ""
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

    def _teach(self) -> None:
        before, state = self._teaching.state, self._teaching.update(self.reading.hand, self._now)
        if state and (before is None or (state.letter, state.phase) != (before.letter, before.phase)):
            self._tell_of(state)

    def _tell_of(self, state: TeachingState) -> None:
        """Say that the teaching has come to its next letter or phase."""
        match state.phase:
            case "countdown" | "recording":
                print(f"{self._now:7.2f} s  {state.phase:<11}{state.letter}", flush=True)
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
            self._speaker.say(text, self._now)
