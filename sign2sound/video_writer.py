"""Frames with their times -> a video that browsers and players show: H.264 in an MP4 file, by PyAV."""

import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sign2sound.errors import UserError
from sign2sound.files import atomic_write

_CLOCK = Fraction(1, 90_000)  # seconds; MPEG's own clock, on which the frames of all usual rates lie
# Half of ultrafast's speed, and a third of its size; without B-frames, whose order would make the file's length wrong.
_OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0"}
_LONGEST_STILL = 60.0  # seconds for which one frame is shown; a damaged time can be hours ahead


class VideoWriter:
    """Writes frames, each shown from its own time until that of the next one. The file is there once it is closed.

    A gap of more than a minute between two frames is shortened to one, which is said once on stderr. Raises UserError where
    the name does not end in .mp4; OSError where the file can't be written.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)
        if self._path.suffix.lower() != ".mp4":
            raise UserError(f"{path} cannot be written as a video; give it a name that ends in .mp4")
        self._open = ExitStack()
        self._container = None  # opened by the first frame, which says how large it is
        self._newest = 0.0  # timestamp
        self._ticks = -1  # where the newest frame stands in the file, on its clock
        self._left_out = 0.0  # seconds of the gaps that were shortened

    def write(self, picture: np.ndarray, timestamp: float) -> None:
        """Add a frame, RGB uint8 (H, W, 3), of the same size as the first, at `timestamp` seconds, which must increase."""
        gap, self._newest = timestamp - self._newest, timestamp
        if gap > _LONGEST_STILL:
            if not self._left_out:
                shortened = f"in {self._path} it lasts {_LONGEST_STILL:.0f} s, as all longer ones"
                print(f"a gap of {gap:.0f} s between two frames; {shortened}", file=sys.stderr, flush=True)
            self._left_out += gap - _LONGEST_STILL
        height, width = (side - side % 2 for side in picture.shape[:2])  # the colours of H.264 have half of the pixels
        if self._container is None:
            file = self._open.enter_context(atomic_write(self._path))
            self._container = av.open(file, "w", format="mp4")
            self._stream = self._container.add_stream("libx264", options=_OPTIONS)
            self._stream.width, self._stream.height = width, height
            self._stream.codec_context.time_base = _CLOCK
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]))
        frame.time_base = _CLOCK
        frame.pts = self._ticks = max(self._ticks + 1, round((timestamp - self._left_out) / _CLOCK))
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file; without a frame there is none."""
        if self._container is None:
            return
        container, self._container = self._container, None
        with self._open:  # where the rest can't be written, nothing is left of the file
            container.mux(self._stream.encode())
            container.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
