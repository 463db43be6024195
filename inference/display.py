"""What the user sees: the annotated picture, and the window."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from inference.teaching import TeachingState
from sign2sound.hand import BONES
from sign2sound.labels import LABELS
from sign2sound.prototypes import load_prototypes
from sign2sound.recognizer import Reading
from sign2sound.signer import draw_hand, place_hand

_SMALLEST = 480  # pixels of the shorter side; smaller pictures are enlarged, or nobody could read the text
_WHITE, _GREY, _ACCENT = (255, 255, 255), (215, 215, 215), (110, 235, 150)
_JOINT, _TROUGH, _DARK = (40, 170, 255), (90, 90, 90), (30, 30, 30)  # all colours are BGR
_MOST = 200  # characters of the text of which as many are shown as fit
_TITLE = "Sign2Sound"
_NAMED_KEYS = {"\b": "backspace", "\x7f": "backspace", "\r": "enter", "\n": "enter", "\x1b": "escape"}
KEYS = (
    ("1 2 3", "take a suggestion"),
    ("space", "end the word"),
    ("backspace", "delete"),
    ("c", "clear the text"),
    ("t", "teach it your hand"),
    ("m", "sound off or on"),
    ("s", "save the picture"),
    ("h", "this help"),
    ("q or Esc", "quit"),
)
KEYS_HELP = "keys: " + ", ".join(f"{key} {meaning}" for key, meaning in KEYS if key != "h") + ", h help"


@dataclass(frozen=True, eq=False)
class View:
    """What is to be drawn over a picture.

    progress: of the next letter, 0 to 1. word: the end of text that is being spelled. latency: seconds. notice: a line for
    the user. lesson: the lesson that goes on, if any. help: whether the keys are shown.
    """

    reading: Reading
    progress: float = 0.0
    text: str = ""
    word: str = ""
    suggestions: tuple[str, ...] = field(default=())
    frames_per_second: float = 0.0
    latency: float = 0.0
    notice: str = ""
    lesson: TeachingState | None = None
    help: bool = False


def annotate(picture: np.ndarray, view: View, canvas: np.ndarray | None = None) -> np.ndarray:
    """The mirrored picture with the hand's skeleton and all that `view` holds.

    picture: RGB uint8 (H, W, 3), unmirrored. canvas: what an earlier call returned, to be drawn over: fresh memory for every
    frame takes longer than all the drawing. Returns BGR uint8 of the same shape, or enlarged so that the shorter side has 480
    pixels; all that is drawn grows with the picture.
    """
    height, width = picture.shape[:2]
    enlarge = max(1.0, _SMALLEST / min(height, width))
    if enlarge > 1:
        size = round(width * enlarge), round(height * enlarge)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    canvas = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR, canvas)
    cv2.flip(canvas, 1, canvas)
    unit = min(canvas.shape[:2]) / 480

    hand = view.reading.hand
    if hand is not None:
        points = hand.landmarks[:, :2]
        _draw_skeleton(canvas, np.stack([width - 1 - points[:, 0], points[:, 1]], axis=1) * enlarge)
    if view.lesson is None:
        _draw_letters(canvas, view, unit)
    else:
        _draw_lesson(canvas, view.lesson, hand is not None and hand.left_handed, unit)
    _draw_speed(canvas, f"{view.frames_per_second:.0f} frames/s   {view.latency * 1000:.0f} ms   h help", unit)
    _draw_text(canvas, view, unit)
    if view.help:
        _draw_help(canvas, unit)
    return canvas


def key_name(code: int) -> str | None:
    """What a key code of OpenCV means: a character, in lower case, or `backspace`, `enter`, `escape`; None for no key."""
    character = chr(code & 0xFF).lower()
    if code < 0 or not (character.isprintable() or character in _NAMED_KEYS):
        return None
    return _NAMED_KEYS.get(character, character)


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
        """Show what was drawn, wait for a key, at most so long (at least a moment), and return its name.

        A closed window means `closed`.
        """
        code = cv2.waitKey(max(1, round(seconds * 1000)))
        if cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "closed"
        return key_name(code)

    def close(self) -> None:
        cv2.destroyAllWindows()


def _draw_skeleton(canvas: np.ndarray, points: np.ndarray) -> None:
    size = np.ptp(points, axis=0).max() / 100  # of the hand, so that a small one stays visible
    points = points.round().astype(int)
    bones = [points[[start, end]] for start, end in BONES]
    # Smooth lines take twice as long, and the dark edge needs none.
    for colour, thickness, smooth in ((_DARK, 3, cv2.LINE_8), (_ACCENT, 1.5, cv2.LINE_AA)):
        cv2.polylines(canvas, bones, False, colour, max(1, round(thickness * size)), smooth)
    for point in points:
        cv2.circle(canvas, point, max(2, round(2 * size)), _JOINT, cv2.FILLED, cv2.LINE_AA)


def _draw_letters(canvas: np.ndarray, view: View, unit: float) -> None:
    """Upper left: the letter, its confidence and how far the next one is, and below them the three likeliest with bars."""
    reading = view.reading
    _darken(canvas, 0, 0, 190 * unit, 160 * unit)
    if reading.hand is None:
        _write(canvas, "no hand", 12 * unit, 48 * unit, 1.0 * unit, _GREY)
    else:
        _write(canvas, reading.label, 12 * unit, 56 * unit, (1.9 if len(reading.label) == 1 else 0.9) * unit, _WHITE)
        _write(canvas, f"{reading.confidence:.0%}", 116 * unit, 50 * unit, 0.75 * unit, _ACCENT)
    _draw_bar(canvas, 12 * unit, 66 * unit, 166 * unit, 8 * unit, view.progress)
    likeliest = np.argsort(-reading.probabilities, kind="stable")[:3] if reading.hand is not None else ()
    for row, label_id in enumerate(likeliest):
        probability = float(reading.probabilities[label_id])
        baseline = (98 + 25 * row) * unit
        _write(canvas, LABELS[label_id], 12 * unit, baseline, 0.55 * unit, _GREY)
        _draw_bar(canvas, 84 * unit, baseline - 10 * unit, 50 * unit, 10 * unit, probability)
        _write(canvas, f"{probability:.0%}", 140 * unit, baseline, 0.55 * unit, _GREY)


def _draw_speed(canvas: np.ndarray, speed: str, unit: float) -> None:
    """Upper right."""
    width = _text_width(speed, 0.5 * unit) + 20 * unit
    left = canvas.shape[1] - width
    _darken(canvas, left, 0, width, 28 * unit)
    _write(canvas, speed, left + 10 * unit, 19 * unit, 0.5 * unit, _WHITE)


def _draw_text(canvas: np.ndarray, view: View, unit: float) -> None:
    """Along the bottom: a line of suggestions or a notice, and below it as much of the text's end as fits, with a cursor."""
    height, width = canvas.shape[:2]
    _darken(canvas, 0, height - 92 * unit, width, 92 * unit)
    line = [(view.notice, _ACCENT)] if view.notice else []
    for key, word in enumerate(() if view.notice else view.suggestions, start=1):
        line += [(f"{key} ", _ACCENT), (f"{word}    ", _WHITE)]
    room, size = width - 24 * unit, 0.7 * unit
    size *= min(1.0, room / max(1, sum(_text_width(part, size) for part, _ in line)))
    x = 12 * unit
    for part, colour in line:
        _write(canvas, part, x, height - 66 * unit, size, colour)
        x += _text_width(part, size)

    text, size = view.text[-_MOST:] + "_", 1.2 * unit
    while _text_width(text, size) > room:
        text = text[1:]
    start = text.rfind(view.word) if view.word else len(text)
    before, after = (text[:start], text[start:]) if start >= 0 else ("", text)
    _write(canvas, before, 12 * unit, height - 18 * unit, size, _WHITE)
    _write(canvas, after, 12 * unit + _text_width(before, size), height - 18 * unit, size, _ACCENT if view.word else _WHITE)


def _draw_lesson(canvas: np.ndarray, lesson: TeachingState, left_handed: bool, unit: float) -> None:
    """Left: the letter to sign, how the synthetic signer does it, and how far the countdown or the recording is."""
    width = 200 * unit
    _darken(canvas, 0, 0, width, 330 * unit)
    _write(canvas, lesson.letter, 12 * unit, 56 * unit, 1.9 * unit, _WHITE)
    _write(canvas, f"{lesson.number} of {lesson.total}", 110 * unit, 50 * unit, 0.55 * unit, _GREY)
    hand = _signed(lesson.letter, round(176 * unit), left_handed)
    left, top = round(12 * unit), round(68 * unit)
    canvas[top : top + hand.shape[0], left : left + hand.shape[1]] = hand
    recording = lesson.phase == "recording"
    if recording:
        status = lesson.hint or "recording"
    else:
        status = f"get ready: {np.ceil(lesson.seconds_left):.0f}"
    _write(canvas, status, 12 * unit, 274 * unit, 0.75 * unit, _ACCENT if recording and not lesson.hint else _WHITE)
    _draw_bar(canvas, 12 * unit, 284 * unit, 176 * unit, 10 * unit, lesson.progress if recording else 0.0)
    _write(canvas, "space skip   Esc cancel", 12 * unit, 318 * unit, 0.5 * unit, _GREY)


def _draw_help(canvas: np.ndarray, unit: float) -> None:
    """In the middle: every key and what it does."""
    height, width = canvas.shape[:2]
    panel_width, panel_height = 330 * unit, (26 * len(KEYS) + 28) * unit
    left, top = (width - panel_width) / 2, (height - panel_height) / 2
    for _ in range(2):  # twice as dark, for what may lie below it
        _darken(canvas, left, top, panel_width, panel_height)
    for row, (key, meaning) in enumerate(KEYS, start=1):
        baseline = top + (10 + 26 * row) * unit
        _write(canvas, key, left + 18 * unit, baseline, 0.6 * unit, _ACCENT)
        _write(canvas, meaning, left + 140 * unit, baseline, 0.6 * unit, _WHITE)


@lru_cache(maxsize=2)
def _signed(letter: str, size: int, left_handed: bool) -> np.ndarray:
    """The synthetic signer's hand, BGR (size, size, 3), as the user's own looks in the mirrored picture."""
    picture = draw_hand(place_hand(load_prototypes()[letter][0], palm=0.33))
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture if left_handed else cv2.flip(picture, 1), cv2.COLOR_RGB2BGR)


def _draw_bar(canvas: np.ndarray, left: float, top: float, width: float, height: float, share: float) -> None:
    for part, colour in ((1.0, _TROUGH), (share, _ACCENT)):
        canvas[round(top) : round(top + height), round(left) : round(left + part * width)] = colour


def _darken(canvas: np.ndarray, left: float, top: float, width: float, height: float) -> None:
    panel = canvas[max(0, round(top)) : round(top + height), max(0, round(left)) : round(left + width)]
    panel >>= 2  # to a quarter of its light, so that white text stands out on every picture


def _write(canvas: np.ndarray, text: str, x: float, baseline: float, size: float, colour: tuple[int, int, int]) -> None:
    position = (round(x), round(baseline))
    cv2.putText(canvas, text, position, cv2.FONT_HERSHEY_SIMPLEX, size, colour, _thickness(size), cv2.LINE_AA)


def _text_width(text: str, size: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, _thickness(size))[0][0]


def _thickness(size: float) -> int:
    return max(1, round(2 * size))
