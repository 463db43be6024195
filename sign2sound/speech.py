"""Text -> sound by espeak-ng, offline. Each text is spoken by a process of its own, so that one that hangs can be ended."""

import html
import io
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sign2sound.errors import UserError

INSTALL = {
    "linux": "install it with sudo apt install espeak-ng, or sudo dnf install espeak-ng",
    "darwin": "install it with brew install espeak-ng",
    "win32": "install it with winget install eSpeak-NG.eSpeak-NG",
}
RATES = (80, 450)  # words/min, espeak-ng's range
LATE = 1.0  # seconds; a letter that would begin later than this after it was said is left out
PATIENCE = 5.0  # seconds that espeak-ng may take beyond the length of what it speaks


@dataclass(frozen=True)
class Voice:
    """language: what is pronounced (`espeak-ng --voices` lists them). name: who speaks, one of `voices()`; None is the
    language's own voice. rate: words/min, 80-450; 175 is espeak-ng's own."""

    language: str = "en-us"
    name: str | None = None
    rate: int = 175


class Speaker:
    """Speaks what is said, in order, aloud or into the WAV file `output`, which is whole after every text.

    An engine that is missing, fails or hangs is reported on stderr once, and only its texts are lost. Raises UserError
    for an unknown voice and for an output that cannot be written; `close` does where that comes out later, as on a full disk,
    and leaves no part of it.
    """

    def __init__(self, voice: Voice | None = None, output: Path | None = None):
        self._voice = voice or Voice()
        self._muted = False
        self._stopping = False
        self.problem = ""  # what kept it from speaking, as it was reported
        self._process: subprocess.Popen | None = None
        if not RATES[0] <= self._voice.rate <= RATES[1]:
            raise UserError(f"a rate of {self._voice.rate} words/min; expected {RATES[0]} to {RATES[1]}")
        self._engine = find_engine()
        if self._engine is None:
            self._report(f"no espeak-ng found; {_install_line()}")
        else:
            self._check_voice()
        self._recording = _Recording(Path(output)) if output else None
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="speech", daemon=True)
        self._worker.start()

    def say(self, text: str, timestamp: float | None = None) -> None:
        """Have `text` spoken and return at once; a single letter is spoken by its name, and left out if it would come late.

        timestamp: seconds since the stream began, never falling: where the output file has it; None is after what was said
        before.
        """
        if self._engine and not self._muted and text.strip():
            self._queue.put((text, timestamp, time.monotonic()))

    @property
    def muted(self) -> bool:
        """While True, nothing is spoken, what is being spoken aloud stops, and what is said is forgotten."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        if muted and not self._recording:
            self._end_process()

    def finish(self) -> None:
        """Wait until all that was said is spoken. Nothing can be said after it."""
        self._queue.put(None)
        self._worker.join()

    def close(self) -> None:
        """Finish what was said; after 5 s leave out the rest."""
        self._queue.put(None)
        self._worker.join(PATIENCE)
        if self._worker.is_alive():
            self._stopping = True
            self._report(f"espeak-ng was not done after {PATIENCE:g} s; what it had still to say is left out")
            self._end_process()
            self._worker.join(1)
        if self._recording and (error := self._recording.failure):
            place = self._recording.path
            raise UserError(
                f"{place} cannot be written to its end ({error.strerror}); make room, or give the sound another path"
            )

    def __enter__(self) -> "Speaker":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _work(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # the engine inherits it: Ctrl-C is the program's, which finishes what was said
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (said := self._queue.get()) and not self._stopping:
            with self._problems_reported():
                self._speak(*said)
        if self._recording:
            self._recording.close()

    def _speak(self, text: str, timestamp: float | None, said_at: float) -> None:
        if not self._recording:
            late = time.monotonic() - said_at
        elif timestamp is not None:
            late = self._recording.seconds - timestamp
        else:
            late = 0.0
        if len(text) == 1 and late > LATE:
            return
        if self._recording:
            self._recording.add(self._run(text, "-z", "--stdout"), timestamp)
        elif not self._muted:
            self._run(text)

    @contextmanager
    def _problems_reported(self) -> Iterator[None]:
        try:
            yield
        except _EngineError as error:
            self._report(str(error))
        except OSError as error:
            self._report(f"{error.filename}: {error.strerror}")

    def _run(self, text: str, *options: str) -> bytes:
        """Run the engine on `text` and return what it writes to stdout. Raises _EngineError."""
        if len(text) == 1:  # by its name: a plain Spanish Y would be read as the word y
            text, options = f'<say-as interpret-as="characters">{html.escape(text)}</say-as>', (*options, "-m")
        elif text.isupper():
            text = text.lower()  # US, IT and DR are words here, not abbreviations
        with subprocess.Popen(
            [self._engine, "-v", _voice_option(self._voice), "-s", str(self._voice.rate), "--stdin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        ) as process:
            self._process = process
            try:
                line = f"{text}\n".encode()  # without the line's end, espeak-ng 1.51 speaks a letter after it
                sound, complaints = process.communicate(line, PATIENCE + len(text) * 60 / self._voice.rate)
            except subprocess.TimeoutExpired:
                process.kill()
                raise _EngineError("espeak-ng hangs, and was ended; it is tried again with the next text") from None
            finally:
                self._process = None
        complaint = complaints.decode(errors="replace").strip().rpartition("\n")[2]
        failed = process.returncode or complaint.lower().startswith("error")  # without a sound device its status is 0
        if failed and not self._muted and not self._stopping:
            raise _EngineError(f"espeak-ng failed ({complaint or f'status {process.returncode}'}); is there a sound device?")
        return sound

    def _end_process(self) -> None:
        if process := self._process:
            process.kill()

    def _check_voice(self) -> None:
        voice = self._voice
        try:
            if _ask(self._engine, "-q", "-v", voice.language, "").returncode:
                raise UserError(f"espeak-ng knows no language {voice.language}; espeak-ng --voices lists those it knows")
            if voice.name and voice.name not in voices():
                raise UserError(f"espeak-ng knows no voice {voice.name}; espeak-ng --voices=variant lists those it knows")
        except subprocess.TimeoutExpired:
            self._engine = None
            self._report("espeak-ng hangs; check that espeak-ng hello works")

    def _report(self, problem: str) -> None:
        if not self.problem:
            self.problem = problem
            print(f"speech: {problem}", file=sys.stderr, flush=True)


class _EngineError(Exception):
    """The engine could not speak a text."""


class _Recording:
    """A WAV file that grows text by text; its header is right after each, so that nothing that ends the program spoils it.

    failure: why it could not be written to its end, if so; then nothing is left of it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.failure: OSError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}); give the sound another path") from error
        self._wav = wave.open(self._file, "wb")
        self._wav.setparams((1, 2, 22050, 0, "NONE", None))  # mono, 16 bits: what espeak-ng gives

    @property
    def seconds(self) -> float:
        return self._wav.getnframes() / self._wav.getframerate()

    def add(self, sound: bytes, timestamp: float | None) -> None:
        """Add a WAV file's `sound`, at `timestamp` seconds or when what stands before it ends."""
        try:
            with wave.open(io.BytesIO(sound)) as spoken:
                samples = spoken.readframes(spoken.getnframes())
                if not self._wav.getnframes():
                    self._wav.setframerate(spoken.getframerate())  # MBROLA voices have 16000
        except (wave.Error, EOFError):
            raise _EngineError("espeak-ng wrote something else than a WAV file") from None
        silence = round((timestamp or 0) * self._wav.getframerate()) - self._wav.getnframes()
        with self._whole_or_gone():
            self._wav.writeframes(bytes(2 * max(0, silence)) + samples)
            self._file.flush()

    def close(self) -> None:
        with self._whole_or_gone():
            self._wav.close()
        self._wav.close()  # again, where the first time failed
        self._file.close()

    @contextmanager
    def _whole_or_gone(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._file.fileno())  # what is buffered, and comes yet, goes there
            if self.path.is_file():  # and no device
                self.path.unlink()


def voices() -> list[str]:
    """Names of the engine's voices, each of which speaks every language. Raises UserError where there is no engine."""
    listed = _ask(needed_engine(), "--voices=variant").stdout
    return re.findall(r"!v[/\\](.+?)(?:\s\s|\s*$)", listed, re.MULTILINE)


def needed_engine() -> str:
    """`find_engine`, for what is of no use without. Raises UserError, which says how to install it."""
    engine = find_engine()
    if engine is None:
        raise UserError(f"no espeak-ng found; {_install_line()}")
    return engine


def find_engine() -> str | None:
    """The espeak-ng program's path; its installer for Windows does not put it on the PATH."""
    return shutil.which("espeak-ng") or shutil.which(r"C:\Program Files\eSpeak NG\espeak-ng.exe")


def _ask(engine: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([engine, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


def _voice_option(voice: Voice) -> str:
    return f"{voice.language}+{voice.name}" if voice.name else voice.language


def _install_line() -> str:
    return INSTALL.get(sys.platform, "install it")
