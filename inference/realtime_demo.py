"""Read fingerspelling live.

python inference/realtime_demo.py                                 camera 0, or the synthetic signer where there is none
python inference/realtime_demo.py --source sample --word HELLO
python inference/realtime_demo.py --source video.mp4 --headless --output annotated.mp4 --report latency.json
python inference/realtime_demo.py --source folder_of_pictures
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections import deque
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np
import torch

from inference.display import KEYS_HELP, Video, Window, annotate, has_display
from inference.latency import LatencyRecord
from inference.sources import Camera, Sample, VideoFile, find_pictures, open_camera, read_picture
from sign2sound import Landmarker, Recognizer, Speller, UserError
from sign2sound.errors import run
from sign2sound.files import PICTURE_SUFFIXES, atomic_write

MODEL = Path("checkpoints/best_model.pth")
RESULTS = Path("results/run")  # saved pictures, and the video of a headless sample
WORD = "HELLO"


class Session:
    """What a run has done so far: frames, their latency, the text."""

    def __init__(self, source: str):
        self.source = source
        self.speller = Speller()
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
        if self.frames:
            print(self.latency.table())
            print(f"{self.frames} frames, {self.rate():.1f} frames/s, {self.dropped} dropped")

    def write_report(self, path: Path) -> None:
        report = {
            "source": self.source,
            "text": self.speller.text,
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
        try:
            with atomic_write(path) as file:
                file.write(json.dumps(report, indent=2).encode())
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}); give --report another path") from error


def main() -> None:
    arguments = _arguments()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it logs, our errors say in one line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # the same for FFmpeg within it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends like Ctrl-C does: with all that is done written
    for option, path in (("--output", arguments.output), ("--report", arguments.report)):
        if path:
            _check_writable(option, path)

    torch.set_num_threads(1)  # a step of so small a network is done before a second thread has woken up

    with ExitStack() as stack:
        recognizer = stack.enter_context(Recognizer.load(arguments.model, device=arguments.device, profile=arguments.profile))
        if _is_stills(arguments.source):
            session = Session(str(arguments.source))
            _leave_results(stack, session, arguments.report)
            read_stills(find_pictures(arguments.source), recognizer, session)
            return

        display = not arguments.headless and has_display()
        source = stack.enter_context(closing(_open_source(arguments)))
        output = arguments.output
        if not display and isinstance(source, Sample) and output is None:
            output = RESULTS / "sample.mp4"
            _check_writable("--output", output)
        print(_announcement(source, display, arguments))

        session = Session(source.name)
        _leave_results(stack, session, arguments.report)
        video = stack.enter_context(closing(Video(output, source.frame_rate))) if output else None
        window = stack.enter_context(closing(Window())) if display else None
        try:
            read_stream(source, recognizer, session, window, video)
        finally:
            session.dropped = source.dropped
            if session.frames:
                print(f"text: {session.speller.text}")
            if output and session.frames:
                print(f"annotated video: {output}")


def read_stream(source: Camera | VideoFile | Sample, recognizer, session: Session, window: Window | None, video: Video | None):
    """Read a stream's frames until it ends or the user quits, printing each letter as it comes."""
    speller = session.speller
    started = time.perf_counter()
    for frame in source:
        taken = time.perf_counter()
        reading = recognizer.read(frame.picture, frame.timestamp)
        if event := speller.update(frame.timestamp, reading.probabilities):
            print(f"{event.timestamp:7.2f} s  {event.kind:<8}{event.text}", flush=True)
        stages = {"capture": frame.capture, "landmarks": reading.latency.landmarks, "features+model": reading.latency.model}
        if window or video:
            drawn = time.perf_counter()
            picture = annotate(frame.picture, reading, speller.text, session.recent_rate(), session.last_latency)
            if video:
                video.write(picture, frame.timestamp)
            if window:
                window.show(picture)
            stages["drawing"] = time.perf_counter() - drawn
        session.add(**stages, total=frame.capture + time.perf_counter() - taken)

        if window:
            early = 0.0 if source.live else started + frame.timestamp - time.perf_counter()
            if not _obey(window.wait(early), speller, picture):
                return
    while window and _obey(window.wait(0.1), speller, picture):  # the end of a file or sample stays on show
        picture = annotate(frame.picture, reading, speller.text, session.recent_rate(), session.last_latency)
        window.show(picture)


def read_stills(paths: list[Path], recognizer: Recognizer, session: Session) -> None:
    """Read each picture on its own and print `path  label  confidence`; what can't be read is said, counted and skipped."""
    broken = missed = 0
    with Landmarker() as landmarker:
        for path in paths:
            started = time.perf_counter()
            picture = read_picture(path)
            if picture is None:
                print(f"{path}  is no picture that OpenCV can read, skipped", file=sys.stderr)
                broken += 1
                continue
            captured = time.perf_counter()
            hand, _ = landmarker.find(picture)
            found = time.perf_counter()
            stages = {"capture": captured - started, "landmarks": found - captured}
            if hand is None:
                print(f"{path}  no hand found")
                missed += 1
            else:
                probabilities = recognizer.predict(hand.landmarks[None], np.array([hand.left_handed]))[0]
                stages["features+model"] = time.perf_counter() - found
                best = probabilities.argmax()
                print(f"{path}  {recognizer.labels[best]}  {probabilities[best]:.2f}", flush=True)
            session.add(**stages, total=time.perf_counter() - started)
    print(f"{len(paths)} pictures: {len(paths) - broken - missed} read, {missed} without a hand, {broken} broken")


def _obey(action: str | None, speller: Speller, picture: np.ndarray) -> bool:
    """Do what a key asked for; False when it asked to quit."""
    if action == "clear":
        speller.clear()
    elif action == "save":
        path = RESULTS / time.strftime("picture-%Y%m%d-%H%M%S.png")
        try:
            with atomic_write(path) as file:
                file.write(cv2.imencode(".png", picture)[1])
            print(f"saved {path}")
        except OSError as error:
            print(f"{path} cannot be written ({error.strerror})", file=sys.stderr)
    elif action in ("space", "del"):
        speller.write(action)
    return action != "quit"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read fingerspelling live.", epilog=KEYS_HELP)
    parser.add_argument(
        "--source",
        type=_source,
        help="camera number, video file, folder of images, or sample (default: camera 0 if one opens, else sample)",
    )
    parser.add_argument("--word", help=f"what the sample spells (default: {WORD})")
    parser.add_argument("--model", type=Path, default=MODEL, help="checkpoint (default: %(default)s)")
    parser.add_argument("--profile", type=Path, help="your own hand's, by training/personalize.py")
    parser.add_argument("--headless", action="store_true", help="open no window")
    parser.add_argument("--output", type=Path, help="write the annotated video, an .mp4 file")
    parser.add_argument("--report", type=Path, help="write the latency report, a .json file")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA where there is one")
    arguments = parser.parse_args()

    if arguments.word is None:
        arguments.word = WORD
    elif arguments.source in (None, "sample"):
        arguments.source = "sample"
    else:
        raise UserError(f"--word is what the sample spells, but the source is {arguments.source}; leave one of them out")
    source, output = arguments.source, arguments.output
    if isinstance(source, Path) and output:
        if _is_stills(source):
            raise UserError(f"--output writes a stream's video, but {source} is stills; leave --output out")
        if output.exists() and output.samefile(source):
            raise UserError(f"--output is the source {source} itself; give it another name")
    return arguments


def _source(name: str) -> int | str | Path:
    if name == "sample":
        return name
    if name.isdecimal():
        return int(name)
    if not Path(name).exists():
        raise UserError(f"no file or folder {name}; expected a camera number, a video file, a folder of images, or sample")
    return Path(name)


def _is_stills(source: int | str | Path | None) -> bool:
    return isinstance(source, Path) and (source.is_dir() or source.suffix.lower() in PICTURE_SUFFIXES)


def _open_source(arguments: argparse.Namespace) -> Camera | VideoFile | Sample:
    match arguments.source:
        case Path() as path:
            return VideoFile(path)
        case int() as number:
            return open_camera(number)
        case "sample":
            return Sample(arguments.word)
    try:
        return open_camera(0)
    except UserError:
        return Sample(arguments.word)


def _announcement(source: Camera | VideoFile | Sample, display: bool, arguments: argparse.Namespace) -> str:
    """The line that says what is about to be done, and what is missing for what the user may expect."""
    missing = []
    if arguments.source is None and isinstance(source, Sample):
        missing.append("camera")
    if not display and not arguments.headless:
        missing.append("display")
    found = f"no {' and no '.join(missing)} found: " if missing else ""
    return f"{found}reading {source.name} " + (f"in a window; {KEYS_HELP}" if display else "without a window; Ctrl-C stops it")


def _check_writable(option: str, path: Path) -> None:
    """Find out before the work, not after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder of {option} {path} cannot be made ({error.strerror}); give another path") from error
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{option} {path} is a folder or not writable; give the path of a file that can be written")


def _leave_results(stack: ExitStack, session: Session, report: Path | None) -> None:
    """Whatever ends the run, print the summary and then write the report."""
    if report:
        stack.callback(session.write_report, report)
    stack.callback(session.print_summary)


if __name__ == "__main__":
    run(main)
