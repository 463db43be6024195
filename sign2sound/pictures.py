"""Pictures and videos from files and bytes: the only reader of pixels, so that every program sees the same."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sign2sound.errors import UserError
from sign2sound.files import printable

with suppress(ImportError):
    import pillow_heif  # HEIC, where it is installed

    pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "AVIF", "HEIF")  # Pillow's names
MAX_PIXELS = 64_000_000  # decoded, 192 MB; a file of a few kB can claim to be far more
MAX_SIDE = 32_766  # pixels; the OpenCV within MediaPipe ends the process at 32,767 and more (SHRT_MAX)
_FRAME_RATE = 30  # frames/s where a video or camera does not say
_CLOCK_RATE = 1000  # what a WebM without a frame rate claims: its clock's ticks per second

Image.init()  # all formats that this Pillow knows


class BrokenPicture(Exception):
    """A file, or bytes, that give no picture. Its message is the reason."""


def read_picture(path: str | Path) -> np.ndarray:
    """The picture in a file, upright as its EXIF says, as RGB uint8 (H, W, 3).

    Transparent parts become white; 16 bits are scaled to 8; of an animation, the first picture. Raises BrokenPicture, also
    where there is no such file, or a picture of more than MAX_PIXELS or with a side of more than MAX_SIDE.
    """
    try:
        with open(path, "rb") as file:
            return _decode(file, MAX_PIXELS, FORMATS)
    except OSError as error:
        raise BrokenPicture(error.strerror or type(error).__name__) from error


def decode_picture(data: bytes, most_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = FORMATS) -> np.ndarray:
    """`read_picture` of a file's bytes. formats: those of FORMATS that are read; fewer are fewer decoders to attack."""
    return _decode(io.BytesIO(data), most_pixels, formats)


class Video:
    """The frames of a video file, in order. Iterate over it once, and close it (or use `with`).

    Iterating gives each frame, RGB uint8 (H, W, 3), with its own time in seconds since the first frame, always increasing.
    frame_rate: frames/s that the file claims, 30 where it claims none; its frames may lie at other times.
    Raises UserError when the file is missing, no video, or without frames.
    """

    def __init__(self, path: str | Path):
        with name_for_opencv(path) as name:
            self._capture = cv2.VideoCapture(name)
        self._next = self._read()
        if self._next is None:
            self.close()
            raise UserError(
                f"{printable(path)} is no video that OpenCV can read, or has no frames; expected for example an mp4"
            )
        height, width = self._next[0].shape[:2]
        if max(height, width) > MAX_SIDE:
            self.close()
            raise UserError(f"{printable(path)} has frames of {width} x {height} pixels; expected at most {MAX_SIDE} a side")
        self.frame_rate = frame_rate(self._capture)

    def __iter__(self) -> Iterator[tuple[np.ndarray, float]]:
        start = time = None
        while self._next is not None:
            picture, stored = self._next
            if start is None:
                start, time = stored, 0.0
            elif stored - start > time:
                time = stored - start
            else:  # the file, or OpenCV's reader of it, has no times
                time += 1 / self.frame_rate
            yield picture, time
            self._next = self._read()

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self) -> tuple[np.ndarray, float] | None:
        """The next frame and the time stored with it."""
        intact, picture = self._capture.read()
        if not intact:
            return None
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Frames/s that an open video or camera claims, 30 where it claims none that can be true."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 1 <= rate < _CLOCK_RATE else _FRAME_RATE


@contextmanager
def name_for_opencv(path: str | Path) -> Iterator[str]:
    """A name by which OpenCV opens the video file `path`, to read or to write it.

    It is absolute, since FFmpeg takes what stands before a colon in a relative name for a protocol. A name that is not UTF-8,
    on which OpenCV crashes, is replaced by a link's, which is there within the block only.
    """
    name = os.path.abspath(path)
    if printable(name) == name:
        yield name
        return
    with TemporaryDirectory() as folder:
        suffix = Path(name).suffix
        link = Path(folder, "video" + (suffix if printable(suffix) == suffix else ""))
        link.symlink_to(name)
        yield str(link)


def _decode(file: BinaryIO, most_pixels: int, formats: tuple[str, ...]) -> np.ndarray:
    # Pillow's decoders raise whatever a damaged file makes them stumble over.
    try:
        with Image.open(file, formats=[name for name in formats if name in Image.OPEN]) as image:
            width, height = image.size
            if width * height > most_pixels or max(width, height) > MAX_SIDE:
                raise BrokenPicture(f"{width} x {height} pixels, more than {most_pixels} in all or {MAX_SIDE} a side")
            return _rgb(ImageOps.exif_transpose(image))
    except BrokenPicture:
        raise
    except UnidentifiedImageError as error:
        file.seek(0)
        raise BrokenPicture(_reason(file.read(12), formats)) from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, which is higher
        raise BrokenPicture(f"more than {most_pixels} pixels in all") from error
    except Exception as error:
        raise BrokenPicture(f"damaged ({type(error).__name__}: {error})") from error


def _reason(start: bytes, formats: tuple[str, ...]) -> str:
    """Why Pillow knows no picture that starts with these bytes."""
    if not start:
        return "empty file"
    if "HEIF" in formats and start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "a HEIC picture; `pip install pillow-heif` lets it be read"
    return f"not a picture of the formats {', '.join(formats)}"


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
