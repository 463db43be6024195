"""Read fingerspelling live.

python inference/realtime_demo.py                                 camera 0, or the synthetic signer where there is none
python inference/realtime_demo.py --source sample --word HELLO --speed 3
python inference/realtime_demo.py --source video.mp4 --headless --output annotated.mp4 --report latency.json
python inference/realtime_demo.py --source rtsp://192.168.1.20/stream
python inference/realtime_demo.py --source folder_of_pictures --watch
python inference/realtime_demo.py --teach MNT                     teach it how you sign M, N and T
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np

from inference.controls import Controls
from inference.display import KEYS_HELP, Video, Window, annotate, has_display
from inference.latency import LatencyRecord
from inference.recording import Recording
from inference.sources import (
    Camera,
    Sample,
    VideoFile,
    find_pictures,
    is_stream,
    open_camera,
    open_stream,
    watch_pictures,
)
from inference.teaching import adopt_user_profile, lesson_letters
from sign2sound import BrokenPicture, Recognizer, UserError
from sign2sound.errors import run
from sign2sound.exported import RELEASED
from sign2sound.files import PICTURE_SUFFIXES, atomic_write, in_project, output_file, output_folder, printable
from sign2sound.live import Live
from sign2sound.pictures import read_picture
from sign2sound.profile import user_profile
from sign2sound.signer import SPEED
from sign2sound.speech import Speaker, Voice
from sign2sound.words import Dictionary

RESULTS = Path(in_project("results/run"))  # saved pictures, and the video of a headless sample
WORD = "HELLO"


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
            print(f"{self.frames} frames, {self.rate():.1f} frames/s, {self.dropped} dropped")

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


def main() -> None:
    arguments = _arguments()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it logs, our errors say in one line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # the same for FFmpeg within it
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # where torch reads: a step is done before a second thread has woken up
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends like Ctrl-C does: with all that is done written

    with ExitStack() as stack:
        recognizer = stack.enter_context(Recognizer.load(arguments.model, device=arguments.device, profile=arguments.profile))
        _use_own_profile(recognizer, arguments)
        if _is_stills(arguments.source):
            progress = Progress(str(arguments.source))
            _leave_results(stack, progress, arguments.report)
            pictures = watch_pictures(arguments.source) if arguments.watch else find_pictures(arguments.source)
            read_stills(pictures, recognizer, progress)
            return

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
        video = stack.enter_context(closing(Video(output, source.frame_rate))) if output else None
        window = stack.enter_context(closing(Window())) if display else None
        controls = stack.enter_context(closing(Controls(live, speaker, recording)))
        if arguments.teach is not None:
            controls.teach(arguments.teach)
        try:
            read_stream(source, controls, progress, window, video)
        finally:
            progress.text, progress.dropped = live.text, source.dropped
            if recording:
                recording.text = live.text
            if progress.frames:
                print(f"text: {progress.text}")
            if video:
                video.close()
            if output and progress.frames:
                print(f"annotated video: {output}")


def read_stream(
    source: Camera | VideoFile | Sample, controls: Controls, progress: Progress, window: Window | None, video: Video | None
):
    """Read a stream's frames until it ends or the user quits, printing each letter as it comes."""
    started = time.perf_counter()
    picture = None
    for frame in source:
        taken = time.perf_counter()
        stages = controls.frame(frame.picture, frame.timestamp)
        if window or video:
            drawn = time.perf_counter()
            picture = annotate(frame.picture, controls.view(progress.recent_rate(), progress.last_latency), picture)
            if video:
                video.write(picture, frame.timestamp)
            if window:
                window.show(picture)
            stages["drawing"] = time.perf_counter() - drawn
        progress.add(capture=frame.capture, **stages, total=frame.capture + time.perf_counter() - taken)

        if window:
            early = 0.0 if source.live else started + frame.timestamp - time.perf_counter()
            if not _obey(window.wait(early), controls, picture):
                break
    else:
        while window and _obey(window.wait(0.1), controls, picture):  # the end of a file or sample stays on show
            picture = annotate(frame.picture, controls.view(progress.recent_rate(), progress.last_latency), picture)
            window.show(picture)
    controls.finish()


def read_stills(paths: Iterable[Path], recognizer: Recognizer, progress: Progress) -> None:
    """Read each picture on its own and print `path  label  confidence`; what can't be read is said, counted and skipped."""
    counts = {"read": 0, "without a hand": 0, "broken": 0}
    try:
        for path in paths:
            counts[_read_still(path, recognizer, progress)] += 1
    finally:
        print(f"{sum(counts.values())} pictures: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def _read_still(path: Path, recognizer: Recognizer, progress: Progress) -> str:
    """Which of the counts it belongs to."""
    started = time.perf_counter()
    try:
        picture = read_picture(path)
    except BrokenPicture as error:
        print(f"{printable(path)}  cannot be read, skipped: {error}", file=sys.stderr)
        return "broken"
    captured = time.perf_counter()
    reading = recognizer.read_picture(picture)
    if reading.notice:
        print(f"{printable(path)}: {reading.notice}", file=sys.stderr)
    stages = {"capture": captured - started, "landmarks": reading.latency.landmarks}
    if reading.hand is None:
        print(f"{printable(path)}  no hand found", flush=True)
    else:
        stages["features+model"] = reading.latency.model
        print(f"{printable(path)}  {reading.label}  {reading.confidence:.2f}", flush=True)
    progress.add(**stages, total=time.perf_counter() - started)
    return "without a hand" if reading.hand is None else "read"


def _obey(key: str | None, controls: Controls, picture: np.ndarray) -> bool:
    """Do what a key asks for; False when it asks to quit."""
    action = controls.key(key) if key else None
    if action == "save":
        path = RESULTS / time.strftime("picture-%Y%m%d-%H%M%S.png")
        try:
            with atomic_write(path) as file:
                file.write(cv2.imencode(".png", picture)[1])
            controls.tell(f"Saved {path}")
        except OSError as error:
            controls.tell(f"{path} cannot be written ({error.strerror})")
    return action != "quit"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read fingerspelling live.", epilog=KEYS_HELP)
    parser.add_argument(
        "--source",
        type=_source,
        help="camera number, MJPEG or RTSP address, video file, folder of images, or sample "
        "(default: camera 0 if one opens, else sample)",
    )
    parser.add_argument("--watch", action="store_true", help="read what is added to the folder of images, until Ctrl-C")
    parser.add_argument("--word", help=f"what the sample spells (default: {WORD})")
    parser.add_argument(
        "--speed", type=float, metavar="LETTERS_PER_SECOND", help=f"how fast the sample spells, 0.5 to 6 (default: {SPEED})"
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
    if arguments.teach is not None:
        lesson_letters(arguments.teach)
    source, output = arguments.source, arguments.output
    if arguments.watch and not (isinstance(source, Path) and source.is_dir()):
        raise UserError("--watch is for a folder that is being filled; give it as --source FOLDER, or leave --watch out")
    if _is_stills(source):
        for option in ("output", "record", "teach", "speech_output"):
            if getattr(arguments, option) is not None:
                option = f"--{option.replace('_', '-')}"
                raise UserError(f"{option} is for streams, but {source} is stills; leave {option} out")
    if isinstance(source, Path) and output:
        if output.exists() and output.samefile(source):
            raise UserError(f"--output is the source {source} itself; give it another name")
    return arguments


def _source(name: str) -> int | str | Path:
    if name == "sample" or is_stream(name):
        return name
    if name.isdecimal():
        return int(name)
    if not Path(name).exists():
        raise UserError(
            f"no file or folder {name}; expected a camera number, an MJPEG or RTSP address, a video file, a folder of images, "
            "or sample"
        )
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
            return Sample(arguments.word, arguments.speed)
        case str() as url:
            return open_stream(url)
    try:
        return open_camera(0)
    except UserError:
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
    return stack.enter_context(Speaker(voice, arguments.speech_output))


def _announcement(source: Camera | VideoFile | Sample, display: bool, arguments: argparse.Namespace) -> str:
    """The line that says what is about to be done, and what is missing for what the user may expect."""
    missing = []
    if arguments.source is None and isinstance(source, Sample):
        missing.append("camera")
    if not display and not arguments.headless:
        missing.append("display")
    found = f"no {' and no '.join(missing)} found: " if missing else ""
    return f"{found}reading {source.name} " + (f"in a window; {KEYS_HELP}" if display else "without a window; Ctrl-C stops it")


def _leave_results(stack: ExitStack, progress: Progress, report: Path | None) -> None:
    """Whatever ends the run, print the summary and then write the report."""
    if report:
        stack.callback(progress.write_report, report)
    stack.callback(progress.print_summary)


if __name__ == "__main__":
    run(main)
