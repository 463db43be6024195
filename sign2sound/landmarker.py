"""MediaPipe's hand landmarker behind one thin module: an RGB picture or video frame -> Hand or None."""

import atexit
import importlib
import os
import reprlib
import sys
import threading
import types
import weakref
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from sign2sound.errors import UserError
from sign2sound.follower import Follower, hand_size
from sign2sound.hand import Hand
from sign2sound.hand_model import find_hand_model
from sign2sound.passes import CONFIDENCE, PASSES, Pass
from sign2sound.pictures import MAX_SIDE


def _import_mediapipe():
    """MediaPipe without matplotlib, half of the time that its import takes: it draws with it, which nobody here asks for. A
    stand-in loads it when it is used after all. And without sounddevice, half of the rest: to find a sound library it runs a
    compiler and a linker, the latter of which, run by root, removes what it finds at /dev/null if that is no device."""
    if "matplotlib" not in sys.modules:
        stand_in = types.ModuleType("matplotlib")
        stand_in.pyplot = types.ModuleType("matplotlib.pyplot")
        stand_in.pyplot.__getattr__ = lambda name: getattr(importlib.import_module("matplotlib.pyplot"), name)
        sys.modules |= {"matplotlib": stand_in, "matplotlib.pyplot": stand_in.pyplot}
    sys.modules.setdefault("sounddevice", None)  # MediaPipe takes it for not installed
    try:
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    finally:
        if getattr(sys.modules["matplotlib"], "__spec__", None) is None:
            del sys.modules["matplotlib"], sys.modules["matplotlib.pyplot"]
        if sys.modules["sounddevice"] is None:
            del sys.modules["sounddevice"]
    return mediapipe, BaseOptions, vision


mp, BaseOptions, vision = _import_mediapipe()

# Longest side in pixels before padding: a photo of 12 megapixels would take seconds and a gigabyte. MediaPipe's networks see
# 192 and 224 pixels, so that a hand large enough to be detected in a padded picture loses nothing.
_PADDED_SIDE = 1024


# Added to the red of pictures without colour, such as those of infra-red cameras: MediaPipe looks for skin. Chosen on 409
# pictures of `kaggle` and `crowd`, turned grey: the first pass finds the hand in 21 %, with 30 to 50 in 66 % (in colour in
# 81 %). On others, 280 of `rooms`: in 11 %, with 40 in 51 % (89 %); all passes in 56 %, with 40 in 93 % (100 %); on 1,049
# frames of nine videos, video mode: in 41 %, with 40 in 66 % (66 %). See scripts/check_grey.py.
TINT = 40
_COLOURED = 8  # from the weakest channel to the strongest; compression leaves less than that in a grey picture
_FEW = 0.01  # of a picture's pixels, which may be coloured in a grey one, such as a camera's clock
_CONTRAST = 40  # from the darkest to the brightest pixel; a covered camera's picture has less, whatever its colours


class Landmarker:
    """Finds the one hand of a picture. Close it (or use `with`) when it is no longer needed.

    grey: whether the newest picture had no colour. More hands are found in coloured ones.
    """

    grey = False

    def __init__(self, *, video: bool = False, model_path: str | Path | None = None):
        """video: for the frames of one stream, in order of time; otherwise for stills. Raises UserError like `find_hand_model`,
        and where a system library that MediaPipe needs is missing."""
        self._model = str(find_hand_model(model_path))
        self._mode = vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
        self._tasks = {PASSES[0]: self._open(PASSES[0])}  # the others are opened by the first still that needs them
        _opened.add(self)
        self._clock = -1  # milliseconds of the last frame that the tracker saw; MediaPipe takes only increasing times
        self._found_any = False
        if video:
            self._whole_frame = self._tasks["whole frame"] = self._open(PASSES[0], vision.RunningMode.IMAGE)
            self.reset()

    def find(self, picture: np.ndarray) -> Hand | None:
        """The hand of one still, RGB uint8 (H, W, 3); its `found_in` says in which of PASSES.

        Raises ValueError on a picture of another kind, or with a side of more than `sign2sound.pictures.MAX_SIDE` pixels.
        """
        _check(picture)
        for number, options in enumerate(PASSES, start=1):
            if hand := self._look(picture, options):
                return replace(hand, found_in=number)
        return None

    def track(self, frame: np.ndarray, timestamp: float) -> Hand | None:
        """The hand in a video frame, RGB uint8 (H, W, 3), at `timestamp` seconds.

        Of several hands the largest is followed for as long as it is seen, and until another has been larger for a while.
        Raises ValueError like `find`.
        """
        _check(frame)
        frame = self._tinted(frame)
        hand = self._track(frame if self._shown is None else _surroundings(frame, self._shown), timestamp)
        self._shown = None
        if hand is None and self._tracking:
            hand = self._track(frame, timestamp)  # having lost a hand, the tracker looks for one all over the frame
            self._tracking = False
        if not self._tracking:
            chosen = self._follower.found([hand, *self._others(frame, hand)] if hand else [], timestamp)
            if chosen is not hand:
                self._let_go(frame, timestamp)
                hand = self._shown = chosen
        elif self._follower.look_due(hand, timestamp) and self._follower.looked(self._others(frame, hand), timestamp):
            self._let_go(frame, timestamp)
            hand = None
        self._tracking = hand is not None
        return hand

    def reset(self) -> None:
        """Forget the frames that `track` saw: the next one begins a new stream, at any time and with any hand."""
        if self._clock >= 0:  # only a new tracker takes earlier times, and knows no hand
            self._tasks[PASSES[0]].close()
            self._tasks[PASSES[0]] = self._open(PASSES[0])
        self._clock = -1
        self._follower = Follower()
        self._tracking = False
        self._shown: Hand | None = None  # the tracker is to see its surroundings only, so that it takes up no other

    def _track(self, frame: np.ndarray, timestamp: float) -> Hand | None:
        self._clock = max(self._clock + 1, round(timestamp * 1000))
        hands = self._detect(self._tasks[PASSES[0]].detect_for_video, frame, self._clock)
        return hands[0] if hands else None

    def _let_go(self, frame: np.ndarray, timestamp: float) -> None:
        """MediaPipe's tracker holds on to a hand for as long as it sees one and has no call to let go of it: in a black frame
        it loses the hand, and takes up a new one in the next."""
        self._track(np.zeros_like(frame), timestamp)

    def _others(self, frame: np.ndarray, hand: Hand) -> list[Hand]:
        """The hand that a frame shows beside `hand`, if there is one. Asked for two at once, MediaPipe runs the landmark
        network on two places in most frames that hold none."""
        return self._detect(self._whole_frame.detect, _without(frame, hand))

    def close(self) -> None:
        """Give MediaPipe's memory and threads back."""
        for task in self._tasks.values():
            task.close()
        self._tasks.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _look(self, picture: np.ndarray, options: Pass) -> Hand | None:
        scale = min(1.0, _PADDED_SIDE / max(picture.shape)) if options.padding else 1.0
        if scale < 1:
            height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        top, left = (round(side * options.padding) for side in picture.shape[:2])
        if options.gamma != 1:
            picture = cv2.LUT(picture, np.uint8(np.round(255 * np.linspace(0, 1, 256) ** options.gamma)))
        if options.padding:
            border = cv2.BORDER_CONSTANT if options.black else cv2.BORDER_REPLICATE
            picture = cv2.copyMakeBorder(picture, top, top, left, left, border)
        if options not in self._tasks:
            self._tasks[options] = self._open(options)
        hands = self._detect(self._tasks[options].detect, self._tinted(picture))
        if not hands:
            return None
        hand = hands[0]
        return replace(hand, landmarks=(hand.landmarks - np.float32([left, top, 0])) / np.float32(scale))

    def _open(self, options: Pass, mode: vision.RunningMode | None = None):
        task_options = vision.HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=self._model),
            running_mode=mode or self._mode,
            min_hand_detection_confidence=options.detection,
            min_hand_presence_confidence=CONFIDENCE,
        )
        try:
            with _quiet:
                return vision.HandLandmarker.create_from_options(task_options)
        except OSError as error:
            raise UserError(
                f"MediaPipe cannot start: {error}; "
                "on Debian or Ubuntu install what it needs: sudo apt-get install libegl1 libgles2"
            ) from error

    def _tinted(self, picture: np.ndarray) -> np.ndarray:
        """The picture, reddened where it has no colour."""
        self.grey = _is_grey(picture)
        return cv2.add(picture, (TINT, 0, 0, 0)) if self.grey else picture

    def _detect(self, detect, picture: np.ndarray, *clock: int) -> list[Hand]:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        with nullcontext() if self._found_any else _quiet:
            result = detect(image, *clock)
        self._found_any = self._found_any or bool(result.hand_landmarks)
        # x and y are shares of the picture's width and height; z is on x's scale.
        height, width = picture.shape[:2]
        pixels = np.float32([width, height, width])
        return [
            Hand(
                np.array([(point.x, point.y, point.z) for point in points], np.float32) * pixels,
                side[0].category_name == "Left",
                float(side[0].score),
            )
            for points, side in zip(result.hand_landmarks, result.handedness, strict=True)
        ]


def _is_grey(picture: np.ndarray) -> bool:
    few = picture[:: max(1, picture.shape[0] // 32), :: max(1, picture.shape[1] // 32)]
    few = np.ascontiguousarray(few.transpose(2, 0, 1))  # a tenth of the time that it takes as it lies
    low, high = few.min(axis=0), few.max(axis=0)
    return bool((high - low > _COLOURED).mean() < _FEW and np.ptp(high) > _CONTRAST)


_opened: weakref.WeakSet = weakref.WeakSet()


@atexit.register
def _leave_open() -> None:
    """MediaPipe closes what nobody closed when half of Python is gone already, which fails with a traceback; the end of the
    process does it as well."""
    for landmarker in _opened:
        for task in landmarker._tasks.values():
            task._handle = None


def _check(picture: np.ndarray) -> None:
    """Refuse what MediaPipe would not: it reads the bytes of RGBA as if they were RGB, and never works again after an empty
    picture."""
    if not isinstance(picture, np.ndarray):
        raise ValueError(f"a picture must be RGB, uint8 (H, W, 3), found {reprlib.repr(picture)}")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(f"a picture must be RGB, uint8 (H, W, 3), found {picture.dtype} {picture.shape}")
    if max(picture.shape) > MAX_SIDE:
        raise ValueError(f"a picture's sides must have at most {MAX_SIDE} pixels, found {picture.shape}")


def _surroundings(frame: np.ndarray, hand: Hand) -> np.ndarray:
    """The frame, black but for the hand and a hand's width around it."""
    there = _box(hand, hand_size(hand))
    shown = np.zeros_like(frame)
    shown[there] = frame[there]
    return shown


def _without(frame: np.ndarray, hand: Hand) -> np.ndarray:
    """The frame, the hand in it black."""
    shown = frame.copy()
    shown[_box(hand, hand_size(hand) / 2)] = 0
    return shown


def _box(hand: Hand, margin: float) -> tuple[slice, slice]:
    """Rows and columns of a picture: those of the hand and `margin` pixels around it."""
    low, high = hand.landmarks[:, :2].min(axis=0), hand.landmarks[:, :2].max(axis=0)
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.maximum(high + margin, 0).astype(int)
    return slice(top, bottom), slice(left, right)


class _Quiet:
    """Keeps what MediaPipe's C++ part writes to stderr on its way up to the first hand (no setting of its own stops it) off
    the terminal, while any thread is within it. MediaPipe's errors reach Python as exceptions."""

    def __init__(self):
        self._lock = threading.Lock()
        self._within = 0
        self._terminal = -1

    def __enter__(self):
        with self._lock:
            self._within += 1
            if self._within == 1:
                self._terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)

    def __exit__(self, *_):
        with self._lock:
            self._within -= 1
            if self._within == 0:
                os.dup2(self._terminal, 2)
                os.close(self._terminal)


_quiet = _Quiet()
