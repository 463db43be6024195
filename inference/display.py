"""What the user sees: the annotated picture, and the window."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from inference.exercise import Exercise
from inference.teaching import TeachingState
from sign2sound.hand import BONES
from sign2sound.labels import LABELS
from sign2sound.prototypes import load_prototypes
from sign2sound.recognizer import Reading
from sign2sound.signer import PALM, draw_hand, place_hand

_SMALLEST = 480  # pixels of the shorter side; smaller pictures are enlarged, or nobody could read the text
_WHITE, _GREY, _ACCENT = (255, 255, 255), (215, 215, 215), (110, 235, 150)
_JOINT, _TROUGH, _DARK = (40, 170, 255), (90, 90, 90), (30, 30, 30)  # all colours are BGR
_FAINT = (150, 150, 150)
_TEXT_PANEL = 120  # of the 480 parts of the picture's shorter side
_SHOWN = 0.65  # of the signer's picture: its middle, where the hand is
_MOST = 200  # characters of the text of which as many are shown as fit
_TITLE = "Sign2Sound"
_NAMED_KEYS = {"\b": "backspace", "\x7f": "backspace", "\r": "enter", "\n": "enter", "\x1b": "escape"}
KEYS = (
    ("1 2 3", "take a suggestion"),
    ("4 5", "read the last letter otherwise"),
    ("space", "end the word"),
    ("backspace", "delete"),
    ("e", "type letters"),
    ("c", "clear the text"),
    ("p", "practise"),
    ("t", "teach it your hand"),
    ("n", "next camera"),
    ("m", "sound off or on"),
    ("f", "full screen"),
    ("s", "save the picture"),
    ("h", "this help"),
    ("Esc", "close what is open, or quit"),
    ("q", "quit"),
)
KEYS_HELP = "keys: " + ", ".join(f"{key} {meaning}" for key, meaning in KEYS if key != "h") + ", h help"


@dataclass(frozen=True, eq=False)
class View:
    """What is to be drawn over a picture.

    progress: of the next letter, 0 to 1. word: the end of text that is being spelled. readings: what its last letter may have
    been instead. frames_per_second, latency (seconds): not shown where they are 0, as no frames come. notice: a line for the
    user, in the place of todo: what to do now. sound: a few words on it. lesson, exercise: what goes on, if any. help: whether
    the keys are shown.
    """

    reading: Reading
    progress: float = 0.0
    text: str = ""
    word: str = ""
    suggestions: tuple[str, ...] = field(default=())
    readings: tuple[str, ...] = field(default=())
    frames_per_second: float = 0.0
    latency: float = 0.0
    notice: str = ""
    todo: str = ""
    sound: str = ""
    lesson: TeachingState | None = None
    exercise: Exercise | None = None
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
    left_handed = hand is not None and hand.left_handed
    if view.lesson:
        _draw_lesson(canvas, view.lesson, left_handed, unit)
    elif view.exercise:
        _draw_exercise(canvas, view.exercise, view.progress, left_handed, unit)
    else:
        _draw_letters(canvas, view, unit)
    _draw_state(canvas, view, unit)
    _draw_text(canvas, view, unit)
    if view.help:
        _draw_help(canvas, (350 if view.lesson or view.exercise else 172) * unit, unit)
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
    """A window that shows pictures and takes keys. Open it only where `has_display`; it appears with the first picture."""

    def __init__(self):
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # OpenCV's Qt misses fonts that nothing here uses
        self._open = self._full_screen = False

    def show(self, picture: np.ndarray, full_screen: bool = False) -> None:
        """Show a picture, BGR uint8 (H, W, 3), at the next `wait`."""
        if not self._open:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            height, width = picture.shape[:2]
            shrink = min(1.0, 960 / width, 720 / height)
            cv2.resizeWindow(_TITLE, round(width * shrink), round(height * shrink))
            self._open = True
        if full_screen != self._full_screen:
            mode = cv2.WINDOW_FULLSCREEN if full_screen else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(_TITLE, cv2.WND_PROP_FULLSCREEN, mode)
            self._full_screen = full_screen
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
        """Close the window."""
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
        _write(canvas, reading.label, 12 * unit, 56 * unit, (1.9 if len(reading.label) == 1 else 0.8) * unit, _WHITE)
        _write(canvas, f"{reading.confidence:.0%}", 116 * unit, 50 * unit, 0.75 * unit, _ACCENT)
    _draw_bar(canvas, 12 * unit, 66 * unit, 166 * unit, 8 * unit, view.progress)
    likeliest = np.argsort(-reading.probabilities, kind="stable")[:3] if reading.hand is not None else ()
    for row, label_id in enumerate(likeliest):
        probability = float(reading.probabilities[label_id])
        baseline = (98 + 25 * row) * unit
        _write(canvas, LABELS[label_id], 12 * unit, baseline, 0.55 * unit, _GREY)
        _draw_bar(canvas, 84 * unit, baseline - 10 * unit, 50 * unit, 10 * unit, probability)
        _write(canvas, f"{probability:.0%}", 140 * unit, baseline, 0.55 * unit, _GREY)


def _draw_state(canvas: np.ndarray, view: View, unit: float) -> None:
    """Upper right: sound, and below it the speed, while frames come."""
    lines = [[(f"{view.sound}   ", _WHITE if view.sound == "sound on" else _JOINT), ("h help", _WHITE)]]
    if view.frames_per_second:
        lines.append([(f"{view.frames_per_second:.0f} frames/s   {view.latency * 1000:.0f} ms", _WHITE)])
    room = max(sum(_text_width(part, 0.5 * unit) for part, _ in line) for line in lines)
    left = canvas.shape[1] - room - 20 * unit
    _darken(canvas, left, 0, room + 20 * unit, (8 + 22 * len(lines)) * unit)
    for row, line in enumerate(lines):
        _write_line(canvas, line, left + 10 * unit, (20 + 22 * row) * unit, room, 0.5 * unit)


def _draw_text(canvas: np.ndarray, view: View, unit: float) -> None:
    """Along the bottom: what to do or a notice, what may be taken by a key, and as much of the text's end as fits, with a
    cursor."""
    height, width = canvas.shape[:2]
    room = width - 24 * unit
    _darken(canvas, 0, height - _TEXT_PANEL * unit, width, _TEXT_PANEL * unit)
    line, size = ((view.notice, _ACCENT), 0.7) if view.notice else ((view.todo, _WHITE), 0.6)
    _write_line(canvas, [line], 12 * unit, height - 98 * unit, room, size * unit)
    choices = []
    for key, word in enumerate(view.suggestions, start=1):
        choices += [(f"{key} ", _ACCENT), (f"{word}    ", _WHITE)]
    if view.readings:
        choices.append((f"not {view.word[-1]}?  ", _GREY))
    for key, letter in enumerate(view.readings, start=4):
        choices += [(f"{key} ", _ACCENT), (f"{letter}    ", _WHITE)]
    _write_line(canvas, choices, 12 * unit, height - 64 * unit, room, 0.7 * unit)

    text, size = view.text[-_MOST:] + "_", 1.2 * unit
    while _text_width(text, size) > room:
        text = text[1:]
    start = text.rfind(view.word) if view.word else len(text)
    before, after = (text[:start], text[start:]) if start >= 0 else ("", text)
    parts = [(before, _WHITE), (after, _ACCENT if view.word else _WHITE)]
    _write_line(canvas, parts, 12 * unit, height - 18 * unit, room, size)


def _draw_lesson(canvas: np.ndarray, lesson: TeachingState, left_handed: bool, unit: float) -> None:
    """Left: the letter to sign, how the synthetic signer does it, and how far the countdown or the recording is."""
    _draw_guide(canvas, _signed(lesson.letter), left_handed, unit)
    _write(canvas, lesson.letter, 12 * unit, 56 * unit, 1.9 * unit, _WHITE)
    _write(canvas, f"{lesson.number} of {lesson.total}", 110 * unit, 50 * unit, 0.55 * unit, _GREY)
    recording = lesson.phase == "recording"
    if recording:
        status = lesson.hint or "recording"
    else:
        status = f"get ready: {np.ceil(lesson.seconds_left):.0f}"
    _write(canvas, status, 12 * unit, 274 * unit, 0.75 * unit, _ACCENT if recording and not lesson.hint else _WHITE)
    _draw_bar(canvas, 12 * unit, 284 * unit, 176 * unit, 10 * unit, lesson.progress if recording else 0.0)
    _write(canvas, "space skip   Esc cancel", 12 * unit, 318 * unit, 0.5 * unit, _GREY)


def _draw_exercise(canvas: np.ndarray, exercise: Exercise, progress: float, left_handed: bool, unit: float) -> None:
    """Left: the word to sign and how far it is done, the synthetic signer who spells the rest of it, and the score."""
    state, signer = exercise.state, exercise.signer
    edge = round(len(signer) * (1 - _SHOWN) / 2)
    _draw_guide(canvas, signer[edge : len(signer) - edge, edge : len(signer) - edge], left_handed, unit)
    done, now, later = state.word[: state.done], state.word[state.done : state.done + 1], state.word[state.done + 1 :]
    word = [(done, _ACCENT), (now, _WHITE), (later, _FAINT)]
    _write_line(canvas, word, 12 * unit, 48 * unit, 176 * unit, 1.2 * unit)
    _draw_bar(canvas, 12 * unit, 250 * unit, 176 * unit, 8 * unit, progress)
    _write(canvas, f"{state.right} right, {state.wrong} wrong", 12 * unit, 280 * unit, 0.55 * unit, _WHITE)
    _write(canvas, f"+ - speed {exercise.speed:g} letters/s", 12 * unit, 304 * unit, 0.45 * unit, _GREY)
    _write(canvas, "space skip   Esc back", 12 * unit, 324 * unit, 0.45 * unit, _GREY)


def _draw_guide(canvas: np.ndarray, signer: np.ndarray, left_handed: bool, unit: float) -> None:
    """The panel of a lesson or exercise, with the signer's picture, RGB, as the user's own hand looks in the mirrored one."""
    _darken(canvas, 0, 0, 200 * unit, 336 * unit)
    left, top, size = round(12 * unit), round(68 * unit), round(176 * unit)
    signer = cv2.cvtColor(cv2.resize(signer, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    canvas[top : top + size, left : left + size] = signer if left_handed else cv2.flip(signer, 1)


def _draw_help(canvas: np.ndarray, below: float, unit: float) -> None:
    """Every key and what it does, clear of all other panels: beside the left one, or in an upright picture below it."""
    height, width = canvas.shape[:2]
    left, top = (10 * unit, below) if width < height else (210 * unit, 62 * unit)
    room, row_height = width - left - 30 * unit, (height - top - (_TEXT_PANEL + 20) * unit) / len(KEYS)
    key_width, meaning_width = (max(_text_width(text, unit) for text in column) for column in zip(*KEYS, strict=True))
    gap = 40 * unit  # between the two columns
    shrink = min(0.6, row_height / (36 * unit), room / (key_width + gap + meaning_width))
    row_height, gap, size = min(row_height, 26 * unit), gap * shrink, shrink * unit
    panel = (key_width + meaning_width) * shrink + gap + 20 * unit, row_height * len(KEYS) + 12 * unit
    for _ in range(2):  # twice as dark, for what may lie below it
        _darken(canvas, left, top, *panel)
    for row, (key, meaning) in enumerate(KEYS, start=1):
        baseline = top + row * row_height
        _write(canvas, key, left + 10 * unit, baseline, size, _ACCENT)
        _write(canvas, meaning, left + 10 * unit + key_width * shrink + gap, baseline, size, _WHITE)


@lru_cache(maxsize=2)
def _signed(letter: str) -> np.ndarray:
    """The synthetic signer's hand, RGB uint8 (480, 480, 3)."""
    return draw_hand(place_hand(load_prototypes()[letter][0], palm=PALM / _SHOWN))


def _draw_bar(canvas: np.ndarray, left: float, top: float, width: float, height: float, share: float) -> None:
    for part, colour in ((1.0, _TROUGH), (share, _ACCENT)):
        canvas[round(top) : round(top + height), round(left) : round(left + part * width)] = colour


def _darken(canvas: np.ndarray, left: float, top: float, width: float, height: float) -> None:
    panel = canvas[max(0, round(top)) : round(top + height), max(0, round(left)) : round(left + width)]
    panel >>= 2  # to a quarter of its light, so that white text stands out on every picture


def _write_line(canvas: np.ndarray, parts: list[tuple], x: float, baseline: float, room: float, size: float) -> None:
    """Texts with their colours, one after another, smaller where they would be wider than `room`."""
    size *= min(1.0, room / max(1, sum(_text_width(part, size) for part, _ in parts)))
    for part, colour in parts:
        _write(canvas, part, x, baseline, size, colour)
        x += _text_width(part, size)


def _write(canvas: np.ndarray, text: str, x: float, baseline: float, size: float, colour: tuple[int, int, int]) -> None:
    position = (round(x), round(baseline))
    cv2.putText(canvas, text, position, cv2.FONT_HERSHEY_SIMPLEX, size, colour, _thickness(size), cv2.LINE_AA)


def _text_width(text: str, size: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, _thickness(size))[0][0]


def _thickness(size: float) -> int:
    return max(1, round(2 * size))
