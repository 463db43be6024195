"""Where the pictures come from: a camera, a network stream, a video file, the synthetic signer, a folder of stills."""

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from sign2sound.errors import UserError
from sign2sound.files import PICTURE_SUFFIXES, natural_order, printable
from sign2sound.pictures import Video, frame_rate
from sign2sound.signer import SPEED, sign_word

CAMERAS = range(10)  # numbers that are tried
STREAMS = ("http", "https", "rtsp")
_PATIENCE = 5000  # milliseconds that a network stream may take to open, and to send the next picture
_LOOK_EVERY = 0.2  # seconds between looks into a folder that is being filled


@dataclass(frozen=True, eq=False)
class Frame:
    """picture: uint8 (H, W, 3), RGB, unmirrored. timestamp: seconds since the first frame, always increasing.
    capture: seconds it took, as `LatencyRecord` defines them."""

    picture: np.ndarray
    timestamp: float
    capture: float


class Camera:
    """The newest frame of a camera, whenever asked; the frames that nobody asked for in time are counted in `dropped`.

    Iterating ends in UserError when the camera stops delivering.
    """

    live = True

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        check: str = "its cable, or whether another program took it",
        number: int = -1,
    ):
        """check: what to look at when it stops delivering. number: of a camera of this machine; -1 for what is none."""
        self.name = name
        self.number = number
        self._check = check
        self.size = tuple(int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.frame_rate = frame_rate(capture)
        self.dropped = 0
        self._capture = capture
        self._newest = queue.Queue(maxsize=1)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._keep_newest, daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[Frame]:
        first = None
        while newest := self._newest.get():
            picture, arrived = newest
            first = arrived if first is None else first
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), arrived - first, time.perf_counter() - arrived)
        raise UserError(f"{self.name} delivers no more pictures; check {self._check}")

    def close(self) -> None:
        """Give the camera back."""
        self._closing.set()
        self._reader.join(timeout=2)
        if not self._reader.is_alive():  # else it hangs in the driver, and a release beneath it would crash
            self._capture.release()

    def _keep_newest(self) -> None:
        while not self._closing.is_set() and self._capture.grab():
            arrived = time.perf_counter()
            intact, picture = self._capture.retrieve()
            if intact:
                self._replace((picture, arrived))
        self._replace(None)

    def _replace(self, newest) -> None:
        with suppress(queue.Empty):
            self._newest.get_nowait()
            self.dropped += 1
        self._newest.put(newest)


class VideoFile:
    """Every frame of a video file, in order. Raises UserError when it is missing, no video, or without frames."""

    live = False
    number = -1
    dropped = 0

    def __init__(self, path: Path):
        self.name = printable(path)
        self._video = Video(path)
        self.frame_rate = self._video.frame_rate

    def __iter__(self) -> Iterator[Frame]:
        return _timed(self._video)

    def close(self) -> None:
        """Close the file."""
        self._video.close()


class Sample:
    """The synthetic signer spelling a word, at `speed` letters/s. Raises UserError when it cannot spell it so."""

    live = False
    number = -1
    dropped = 0
    frame_rate = 25

    def __init__(self, word: str, speed: float = SPEED):
        self.name = f"sample ({word})"
        self._frames = sign_word(word, frame_rate=self.frame_rate, speed=speed)

    def __iter__(self) -> Iterator[Frame]:
        return _timed(self._frames)

    def close(self) -> None:
        """Stop drawing."""
        self._frames.close()


def silence_opencv() -> None:
    """What OpenCV and FFmpeg within it log of a camera or file that does not open, our errors say in one line."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def parse_source(name: str) -> int | str | Path:
    """What a user named: a camera's number, a stream's address, or the path of a video, a picture or a folder of pictures.

    Raises UserError where it is none of these.
    """
    if is_stream(name):
        return name
    if name.isdecimal():
        return int(name)
    if not Path(name).exists():
        raise UserError(
            f"no file or folder {printable(name)}; expected a picture, a folder of pictures, a video, a camera's number, or "
            "the address of an MJPEG or RTSP stream"
        )
    return Path(name)


def is_stills(source: int | str | Path | None) -> bool:
    """Whether it is a picture or a folder, which is read picture by picture."""
    return isinstance(source, Path) and (source.is_dir() or source.suffix.lower() in PICTURE_SUFFIXES)


def open_source(source: int | str | Path, resolution: tuple[int, int] | None = None) -> Camera | VideoFile:
    """The stream that `parse_source` gave; resolution: see `open_camera`. Raises UserError when it does not open."""
    if isinstance(source, Path):
        return VideoFile(source)
    return open_camera(source, resolution) if isinstance(source, int) else open_stream(source)


def open_camera(number: int, resolution: tuple[int, int] | None = None) -> Camera:
    """resolution: width and height to ask for; a camera that lacks it gives its nearest, see its `size`.

    Raises UserError when no camera of that number opens and delivers a picture.
    """
    with suppress(cv2.error):  # a number beyond what OpenCV takes
        capture = cv2.VideoCapture(number)
        if resolution:
            for side, pixels in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), resolution, strict=True):
                capture.set(side, pixels)
        if capture.read()[0]:
            return Camera(capture, f"camera {number}", number=number)
        capture.release()
    raise UserError(f"camera {number} does not open; check that it is plugged in and free, or name a video file")


def next_camera(number: int, resolution: tuple[int, int] | None = None) -> Camera:
    """The next camera after `number` that opens, from the first one on again behind the last. Raises UserError when no other
    does."""
    for other in (*CAMERAS[number + 1 :], *CAMERAS[: max(number, 0)]):
        with suppress(UserError):
            return open_camera(other, resolution)
    raise UserError(f"no {'other ' if number >= 0 else ''}camera opens; plug one in, or end the program that uses it")


def list_cameras() -> list[str]:
    """A line for each camera that opens."""
    lines = []
    for number in CAMERAS:
        with suppress(UserError), closing(open_camera(number)) as camera:
            lines.append(f"{camera.name}: {camera.size[0]}x{camera.size[1]}, {camera.frame_rate:g} frames/s")
    return lines


def is_stream(name: str) -> bool:
    """Whether `name` is the address of a network stream."""
    return urlsplit(name).scheme in STREAMS


def open_stream(url: str) -> Camera:
    """An MJPEG (http, https) or RTSP stream. Raises UserError when none is there that OpenCV can read."""
    parts = urlsplit(url)
    name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # without a password
    options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, options)
    if capture.read()[0]:
        return Camera(capture, name, "the network and the camera's own page")
    capture.release()
    raise UserError(
        f"no stream at {name} that OpenCV can read; check the address with a video player, its user and password too"
    )


def find_pictures(path: Path) -> list[Path]:
    """The pictures in the folder `path`, 2.jpg before 10.jpg, or `path` itself. Raises UserError when there is none."""
    if path.is_file():
        return [path]
    pictures = [picture for picture in path.iterdir() if picture.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        raise UserError(f"no picture in {path}; expected a video file or a folder with {', '.join(PICTURE_SUFFIXES)} files")
    return sorted(pictures, key=lambda picture: natural_order(picture.name))


def watch_pictures(folder: Path) -> Iterator[Path]:
    """The pictures in `folder`, then each that is added, when its file no longer grows. Never ends."""
    seen: dict[Path, int] = {}  # size at the last look; -1 when it was given
    while True:
        found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and seen.get(path) != -1]
        for path in sorted(found, key=lambda path: natural_order(path.name)):
            with suppress(FileNotFoundError):  # deleted since
                size = path.stat().st_size
                if size and size == seen.get(path):
                    seen[path] = -1
                    yield path
                else:
                    seen[path] = size
        time.sleep(_LOOK_EVERY)


def _timed(frames: Iterable[tuple[np.ndarray, float]]) -> Iterator[Frame]:
    """Pictures and their times as frames, which say how long they took to get."""
    started = time.perf_counter()
    for picture, timestamp in frames:
        yield Frame(picture, timestamp, time.perf_counter() - started)
        started = time.perf_counter()
