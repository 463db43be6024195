"""What the user sees: the annotated picture, the window, the annotated video."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from sign2sound.errors import UserError
from sign2sound.hand import BONES
from sign2sound.labels import LABELS
from sign2sound.recognizer import Reading

_SMALLEST = 360  # pixels of the shorter side; smaller pictures are enlarged, or nobody could read the text
_WHITE, _GREY, _ACCENT, _DARK = (255, 255, 255), (190, 190, 190), (80, 220, 120), (30, 30, 30)
_TITLE = "Sign2Sound"
_ACTIONS = {"q": "quit", " ": "space", "\b": "del", "\x7f": "del", "c": "clear", "s": "save"}
KEYS_HELP = "keys: q quit, space, backspace, c clear, s save picture"


def annotate(picture: np.ndarray, reading: Reading, text: str, frames_per_second: float, latency: float) -> np.ndarray:
    """The mirrored picture with the hand's skeleton, the letter, its confidence, the top 3, the text and the speed.

    picture: RGB uint8 (H, W, 3), unmirrored. latency: seconds. Returns BGR uint8 of the same shape, or enlarged so that the
    shorter side has 360 pixels; all that is drawn grows with the picture.
    """
    height, width = picture.shape[:2]
    enlarge = max(1.0, _SMALLEST / min(height, width))
    canvas = cv2.cvtColor(cv2.flip(picture, 1), cv2.COLOR_RGB2BGR)
    if enlarge > 1:
        canvas = cv2.resize(canvas, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_LINEAR)
    unit = min(canvas.shape[:2]) / 480

    if reading.hand is not None:
        points = reading.hand.landmarks[:, :2]
        _draw_skeleton(canvas, np.stack([width - 1 - points[:, 0], points[:, 1]], axis=1) * enlarge)
    _draw_letters(canvas, reading, unit)
    _draw_speed(canvas, f"{frames_per_second:.0f} frames/s   {latency * 1000:.0f} ms", unit)
    _draw_text(canvas, text, unit)
    return canvas


def action(key: int) -> str | None:
    """What a key code of OpenCV asks for: `quit`, `space`, `del`, `clear`, `save`, or None."""
    return _ACTIONS.get(chr(key & 0xFF).lower())


def has_display() -> bool:
    """Whether a window can be opened. OpenCV aborts the whole process where none can, so another process tries first."""
    if sys.platform != "linux":
        return True
    try:
        return (
            subprocess.run(
                [sys.executable, "-c", "import cv2; cv2.namedWindow('probe')"], capture_output=True, timeout=20
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:  # a display that takes the connection but never answers
        return False


class Window:
    """A window that shows pictures and takes keys. Open it only where `has_display`."""

    def __init__(self):
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # OpenCV's Qt misses fonts that nothing here uses
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._sized = False

    def show(self, picture: np.ndarray) -> None:
        if not self._sized:
            height, width = picture.shape[:2]
            shrink = min(1.0, 960 / width, 720 / height)
            cv2.resizeWindow(_TITLE, round(width * shrink), round(height * shrink))
            self._sized = True
        cv2.imshow(_TITLE, picture)

    def wait(self, seconds: float) -> str | None:
        """Show what was drawn, wait for a key, at most so long (at least a moment), and return its action.

        A closed window means `quit`.
        """
        key = cv2.waitKey(max(1, round(seconds * 1000)))
        if cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "quit"
        return action(key)

    def close(self) -> None:
        cv2.destroyAllWindows()


class Video:
    """A video file that keeps the stream's time: frames are repeated or left out to match their timestamps.

    Raises UserError at the first frame when the file can't be written.
    """

    def __init__(self, path: Path, frame_rate: float):
        self._path = path
        self._frame_rate = frame_rate
        self._writer = None
        self._written = 0

    def write(self, picture: np.ndarray, timestamp: float) -> None:
        if self._writer is None:
            height, width = picture.shape[:2]
            self._writer = cv2.VideoWriter(str(self._path), cv2.VideoWriter_fourcc(*"mp4v"), self._frame_rate, (width, height))
            if not self._writer.isOpened():
                raise UserError(
                    f"{self._path} cannot be written as a video; expected a name that ends in .mp4 in a writable folder"
                )
        while self._written <= round(timestamp * self._frame_rate):
            self._writer.write(picture)
            self._written += 1

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()


def _draw_skeleton(canvas: np.ndarray, points: np.ndarray) -> None:
    size = np.ptp(points, axis=0).max() / 100  # of the hand, so that a small one stays visible
    points = points.round().astype(int)
    for colour, thickness in ((_DARK, 3), (_ACCENT, 1.5)):
        for start, end in BONES:
            cv2.line(canvas, points[start], points[end], colour, max(1, round(thickness * size)), cv2.LINE_AA)
    for point in points:
        cv2.circle(canvas, point, max(2, round(2 * size)), _WHITE, cv2.FILLED, cv2.LINE_AA)


def _draw_letters(canvas: np.ndarray, reading: Reading, unit: float) -> None:
    """Upper left: the letter and its confidence, and below them the three likeliest with bars."""
    _darken(canvas, 0, 0, 190 * unit, 152 * unit)
    if reading.hand is None:
        _write(canvas, "no hand", 12 * unit, 48 * unit, 1.1 * unit, _GREY)
    else:
        _write(canvas, reading.label, 12 * unit, 56 * unit, (1.9 if len(reading.label) == 1 else 0.9) * unit, _WHITE)
        _write(canvas, f"{reading.confidence:.0%}", 122 * unit, 50 * unit, 0.75 * unit, _ACCENT)
    for row, label_id in enumerate(np.argsort(-reading.probabilities, kind="stable")[:3]):
        probability = float(reading.probabilities[label_id])
        baseline = (88 + 26 * row) * unit
        _write(canvas, LABELS[label_id], 12 * unit, baseline, 0.55 * unit, _GREY)
        left, right = round(84 * unit), round((84 + 50 * probability) * unit)
        cv2.rectangle(canvas, (left, round(baseline - 10 * unit)), (right, round(baseline)), _ACCENT, cv2.FILLED)
        _write(canvas, f"{probability:.0%}", 140 * unit, baseline, 0.55 * unit, _GREY)


def _draw_speed(canvas: np.ndarray, speed: str, unit: float) -> None:
    """Upper right."""
    width = _text_width(speed, 0.5 * unit) + 20 * unit
    left = canvas.shape[1] - width
    _darken(canvas, left, 0, width, 28 * unit)
    _write(canvas, speed, left + 10 * unit, 19 * unit, 0.5 * unit, _WHITE)


def _draw_text(canvas: np.ndarray, text: str, unit: float) -> None:
    """Along the bottom: as much of the text's end as fits, and a cursor."""
    height, width = canvas.shape[:2]
    text += "_"
    while _text_width(text, 1.2 * unit) > width - 24 * unit:
        text = text[1:]
    _darken(canvas, 0, height - 60 * unit, width, 60 * unit)
    _write(canvas, text, 12 * unit, height - 18 * unit, 1.2 * unit, _WHITE)


def _darken(canvas: np.ndarray, left: float, top: float, width: float, height: float) -> None:
    panel = canvas[round(top) : round(top + height), round(left) : round(left + width)]
    panel[:] = panel // 10 * 3


def _write(canvas: np.ndarray, text: str, x: float, baseline: float, size: float, colour: tuple[int, int, int]) -> None:
    position = (round(x), round(baseline))
    cv2.putText(canvas, text, position, cv2.FONT_HERSHEY_SIMPLEX, size, colour, _thickness(size), cv2.LINE_AA)


def _text_width(text: str, size: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, _thickness(size))[0][0]


def _thickness(size: float) -> int:
    return max(1, round(2 * size))
