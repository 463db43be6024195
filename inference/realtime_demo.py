"""Read fingerspelling live.

python inference/realtime_demo.py                                 camera 0, or the synthetic signer where there is none
python inference/realtime_demo.py --source sample --word HELLO --speed 3
python inference/realtime_demo.py --source video.mp4 --headless --output annotated.mp4 --report latency.json
python inference/realtime_demo.py --source rtsp://192.168.1.20/stream
python inference/realtime_demo.py --source 1 --resolution 1280x720   --list-cameras says which there are
python inference/realtime_demo.py --teach MNT                     teach it how you sign M, N and T
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import json
import os
import platform
import re
import signal
import sys
import time
from collections import deque
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import cv2
import numpy as np

from inference.controls import Controls
from inference.display import KEYS_HELP, Window, annotate, has_display
from inference.latency import LatencyRecord
from inference.recording import Recording
from inference.teaching import adopt_user_profile, lesson_letters
from sign2sound import Recognizer, UserError
from sign2sound.errors import run
from sign2sound.exported import RELEASED
from sign2sound.files import atomic_write, counted, in_project, output_file, output_folder
from sign2sound.live import Live
from sign2sound.profile import user_profile
from sign2sound.signer import SPEED
from sign2sound.sources import (
    Camera,
    Sample,
    VideoFile,
    is_stills,
    list_cameras,
    next_camera,
    open_camera,
    open_source,
    parse_source,
    silence_opencv,
)
from sign2sound.speech import Speaker, Voice, find_engine
from sign2sound.video_writer import VideoWriter
from sign2sound.words import Dictionary

RESULTS = Path(in_project("results/run"))  # saved pictures, and the video of a headless sample
WORD = "HELLO"
_AT_END = 0.1  # seconds from one picture to the next where no frames come

Source = Camera | VideoFile | Sample


class Progress:
    """What a run has done so far: frames, their latency, the text."""

    def __init__(self, source: str):
        self.source = source
        self.text = ""
        self.latency = LatencyRecord()
        self.frames = 0
        self.dropped = 0
        self.last_latency = 0.0  # seconds, of the frame before
        self._first_done = 0.0
        self._done = deque(maxlen=30)  # when the last frames were done

    def add(self, **seconds: float) -> None:
        """Count a frame and the seconds that each stage of it took."""
        for stage, duration in seconds.items():
            self.latency.add(stage, duration)
        self.last_latency = seconds["total"]
        self._done.append(time.perf_counter())
        if self.frames == 0:
            self._first_done = self._done[0]
        self.frames += 1

    def rate(self) -> float:
        """Frames/s after the first, which waits for everything to start."""
        return (self.frames - 1) / (self._done[-1] - self._first_done) if self.frames > 1 else 0.0

    def recent_rate(self) -> float:
        """Frames/s of the last 30 frames."""
        return (len(self._done) - 1) / (self._done[-1] - self._done[0]) if self.frames > 1 else 0.0

    def print_summary(self) -> None:
        """Print latency and frames, if there were any."""
        if self.frames:
            print(self.latency.table())
            rate = f"{self.rate():.1f}" if self.frames > 1 else "–"
            print(f"{counted(self.frames, 'frame')}, {rate} frames/s, {self.dropped} dropped")

    def write_report(self, path: Path) -> None:
        """Write what `print_summary` prints and more as JSON. Raises OSError where that is impossible."""
        report = {
            "source": self.source,
            "text": self.text,
            "frames": self.frames,
            "dropped": self.dropped,
            "frames_per_second": self.rate(),
            "latency_ms": self.latency.summary(),
            "machine": {
                "platform": platform.platform(),
                "processor": platform.processor() or platform.machine(),
                "cores": os.cpu_count(),
            },
        }
        with atomic_write(path) as file:
            file.write(json.dumps(report, indent=2).encode())
        print(f"wrote {path}")


def main() -> None:
    arguments = _arguments()
    silence_opencv()
    if arguments.list_cameras:
        print("\n".join(list_cameras()) or "no camera opens; plug one in, or end the program that uses it")
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # where torch reads: a step is done before a second thread has woken up
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends like Ctrl-C does: with all that is done written

    with ExitStack() as stack:
        recognizer = stack.enter_context(Recognizer.load(arguments.model, device=arguments.device, profile=arguments.profile))
        _use_own_profile(recognizer, arguments)
        live = Live(recognizer, Dictionary.load(arguments.words or arguments.language))
        display = not arguments.headless and has_display()
        source = stack.enter_context(closing(_open_source(arguments)))
        output = arguments.output
        if not display and isinstance(source, Sample) and output is None:
            output = output_file(RESULTS / "sample.mp4")
        recording = stack.enter_context(closing(Recording(arguments.record, source.name))) if arguments.record else None
        speaker = _open_speaker(stack, arguments, display)
        print(_announcement(source, display, arguments))

        progress = Progress(source.name)
        _leave_results(stack, progress, arguments.report)
        video = stack.enter_context(VideoWriter(output)) if output else None
        window = stack.enter_context(closing(Window())) if display else None
        controls = stack.enter_context(closing(Controls(live, speaker, recording, arguments.speed)))
        if arguments.teach is not None:
            controls.teach(arguments.teach)
        try:
            Player(controls, progress, window, video, arguments.resolution).play(source)
        finally:
            progress.text = live.text
            if recording:
                recording.text = live.text
            if progress.frames:
                print(f"text: {progress.text}")
            if video:
                video.close()
            if output and progress.frames:
                print(f"annotated video: {output}, which browsers and players show")


class Player:
    """Takes one source after another through the controls, and shows and writes what is drawn over its frames."""

    def __init__(
        self,
        controls: Controls,
        progress: Progress,
        window: Window | None,
        video: VideoWriter | None,
        resolution: tuple[int, int] | None,
    ):
        """resolution: to ask cameras for that the user opens."""
        self._controls = controls
        self._progress = progress
        self._window = window
        self._video = video
        self._resolution = resolution
        self._canvas: np.ndarray | None = None
        self._video_size: tuple[int, int] | None = None

    def play(self, source: Source) -> None:
        """Read a source and then each camera that the user opens, until they quit; without a window, until its end."""
        while source:
            self._controls.begin(source.name, source.live)
            with closing(source):
                try:
                    following = self._read(source)
                finally:
                    self._progress.dropped += source.dropped
            if following:
                self._controls.tell(f"Reading {following.name}")
            source = following
        self._controls.finish()

    def _read(self, source: Source) -> Source | None:
        """Read a source's frames, printing each letter as it comes. Returns the camera to go on with, if any."""
        controls, window = self._controls, self._window
        started = time.perf_counter()
        for frame in source:
            taken = time.perf_counter()
            stages = controls.frame(frame.picture, frame.timestamp)
            if window or self._video:
                drawn = time.perf_counter()
                self._draw(frame.picture)
                if self._video:
                    self._write()
                stages["drawing"] = time.perf_counter() - drawn
            self._progress.add(capture=frame.capture, **stages, total=frame.capture + time.perf_counter() - taken)
            if window:
                early = 0.0 if source.live else started + frame.timestamp - time.perf_counter()
                following = self._obey(window.wait(early), source)
                if following is not source:
                    return following
        controls.end()
        while window:  # the end of a file or sample stays on show
            controls.wait()
            self._draw(frame.picture)
            following = self._obey(window.wait(_AT_END), source)
            if following is not source:
                return following
        return None

    def _draw(self, picture: np.ndarray) -> None:
        view = self._controls.view(self._progress.recent_rate(), self._progress.last_latency)
        self._canvas = annotate(picture, view, self._canvas)
        if self._window:
            self._window.show(self._canvas, self._controls.full_screen)

    def _write(self) -> None:
        """Into the video, which has one size: that of the first picture."""
        height, width = self._canvas.shape[:2]
        self._video_size = self._video_size or (width, height)
        picture = self._canvas if self._video_size == (width, height) else cv2.resize(self._canvas, self._video_size)
        self._video.write(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), self._controls.now)

    def _obey(self, key: str | None, source: Source) -> Source | None:
        """Do what a key asks for. Returns what is to be read next: the same source, another camera, None to quit."""
        action = self._controls.key(key) if key else None
        if action == "quit":
            return None
        if action == "save":
            self._save()
        if action == "next camera" or self._controls.needs_camera:
            try:
                return next_camera(source.number, self._resolution)
            except UserError as error:
                self._controls.no_camera(str(error))
        return source

    def _save(self) -> None:
        path = RESULTS / time.strftime("picture-%Y%m%d-%H%M%S.png")
        try:
            with atomic_write(path) as file:
                file.write(cv2.imencode(".png", self._canvas)[1])
            self._controls.tell(f"Saved {path}")
        except OSError as error:
            self._controls.tell(f"{path} cannot be written ({error.strerror})")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read fingerspelling live.", epilog=KEYS_HELP)
    parser.add_argument(
        "--source",
        type=_source,
        help="camera number, MJPEG or RTSP address, video file, or sample (default: camera 0 if one opens, else sample)",
    )
    parser.add_argument("--list-cameras", action="store_true", help="say which cameras open, and stop")
    parser.add_argument(
        "--resolution", type=_resolution, metavar="WIDTHxHEIGHT", help="to ask the camera for (default: the camera's own)"
    )
    parser.add_argument("--word", help=f"what the sample spells (default: {WORD})")
    parser.add_argument(
        "--speed", type=float, metavar="LETTERS_PER_SECOND", help=f"how fast the signer spells, 0.5 to 6 (default: {SPEED})"
    )
    parser.add_argument(
        "--model", type=Path, default=RELEASED, help="an exported .onnx or a .pth checkpoint (default: as released)"
    )
    parser.add_argument("--profile", type=Path, help="a hand's, by training/personalize.py (default: what --teach saved)")
    parser.add_argument(
        "--teach", nargs="?", const="", metavar="LETTERS", help="teach it how you sign these (default: all 24 still letters)"
    )
    parser.add_argument("--forget-profile", action="store_true", help="delete what --teach saved, and read without it")
    parser.add_argument("--language", default="en", help="of the words and the voice (default: %(default)s)")
    parser.add_argument("--words", type=Path, help="word list to suggest from: a word per line, with its count if you like")
    parser.add_argument(
        "--speech", action=argparse.BooleanOptionalAction, help="speak letters and words (default: if there is a window)"
    )
    parser.add_argument("--speech-output", type=output_file, help="speak into this .wav file")
    parser.add_argument("--voice", help="one of espeak-ng's (default: the language's own)")
    parser.add_argument("--rate", type=int, default=Voice.rate, help="words/min (default: %(default)s)")
    parser.add_argument(
        "--record", type=output_folder, metavar="FOLDER", help="keep landmarks and text in a new folder, never pictures"
    )
    parser.add_argument("--headless", action="store_true", help="open no window")
    parser.add_argument("--output", type=output_file, help="write the annotated video, an .mp4 file")
    parser.add_argument("--report", type=output_file, help="write the latency report, a .json file")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA where there is one")
    arguments = parser.parse_args()

    for option, default in (("word", WORD), ("speed", SPEED)):
        if getattr(arguments, option) is None:
            setattr(arguments, option, default)
        elif arguments.source in (None, "sample"):
            arguments.source = "sample"
        else:
            raise UserError(f"--{option} is for the sample, but the source is {arguments.source}; leave one of them out")
    if arguments.resolution and not isinstance(arguments.source, int | None):
        raise UserError(f"--resolution is for cameras, but the source is {arguments.source}; leave one of them out")
    if arguments.teach is not None:
        lesson_letters(arguments.teach)
    source, output = arguments.source, arguments.output
    if is_stills(source):
        raise UserError(f"{source} is no stream; read pictures with: python -m sign2sound read {source}")
    if isinstance(source, Path) and output:
        if output.exists() and output.samefile(source):
            raise UserError(f"--output is the source {source} itself; give it another name")
    return arguments


def _source(name: str) -> int | str | Path:
    return name if name == "sample" else parse_source(name)


def _resolution(text: str) -> tuple[int, int]:
    match = re.fullmatch("([1-9][0-9]{1,4})x([1-9][0-9]{1,4})", text.lower())
    if not match:
        raise UserError(f"--resolution {text} is no picture's size; expected for example 1280x720")
    return int(match[1]), int(match[2])


def _open_source(arguments: argparse.Namespace) -> Source:
    if arguments.source not in (None, "sample"):
        return open_source(arguments.source, arguments.resolution)
    if arguments.source is None:
        with suppress(UserError):
            return open_camera(0, arguments.resolution)
    return Sample(arguments.word, arguments.speed)


def _use_own_profile(recognizer: Recognizer, arguments: argparse.Namespace) -> None:
    """The user's own profile is deleted, or used unless another was given."""
    if arguments.forget_profile:
        path = user_profile()
        existed = path.exists()
        path.unlink(missing_ok=True)
        print(f"deleted {path}" if existed else "there was no profile to delete")
    elif arguments.profile is None and (line := adopt_user_profile(recognizer)):
        print(line)


def _open_speaker(stack: ExitStack, arguments: argparse.Namespace, display: bool) -> Speaker | None:
    """Who speaks: as asked for, else into the file if one was given, else aloud if there is a window."""
    if not (arguments.speech or arguments.speech is None and (display or arguments.speech_output)):
        return None
    voice = Voice("en-us" if arguments.language == "en" else arguments.language, arguments.voice, arguments.rate)
    speaker = stack.enter_context(Speaker(voice, arguments.speech_output))
    return speaker if find_engine() else None


def _announcement(source: Source, display: bool, arguments: argparse.Namespace) -> str:
    """The line that says what is about to be done, and what is missing for what the user may expect."""
    missing = []
    if arguments.source is None and isinstance(source, Sample):
        missing.append("camera")
    if not display and not arguments.headless:
        missing.append("display")
    found = f"no {' and no '.join(missing)} found: " if missing else ""
    size = f" at {source.size[0]}x{source.size[1]}" if isinstance(source, Camera) else ""
    where = f"in a window; {KEYS_HELP}" if display else "without a window; Ctrl-C stops it"
    return f"{found}reading {source.name}{size} {where}"


def _leave_results(stack: ExitStack, progress: Progress, report: Path | None) -> None:
    """Whatever ends the run, print the summary and then write the report."""
    if report:
        stack.callback(progress.write_report, report)
    stack.callback(progress.print_summary)


if __name__ == "__main__":
    run(main)
