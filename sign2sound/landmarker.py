"""MediaPipe's hand landmarker behind one thin module: an RGB picture or video frame -> Hand or None."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from sign2sound.errors import UserError
from sign2sound.hand import Hand
from sign2sound.hand_model import find_hand_model

CONFIDENCE = 0.5  # MediaPipe's default for detection, presence and tracking
SECOND_PASS_CONFIDENCE = 0.3
_SECOND_PASS_PADDING = 0.5  # of the picture's size, on every side


class Landmarker:
    """Finds the one hand of a picture. Close it (or use `with`) before the interpreter ends."""

    def __init__(self, *, video: bool = False, model_path: str | Path | None = None):
        """video: for the frames of one stream, in order of time; otherwise for stills. Raises UserError like `find_hand_model`,
        and where a system library that MediaPipe needs is missing."""
        self._model = str(find_hand_model(model_path))
        self._mode = vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
        self._first = self._open(CONFIDENCE)
        self._second = None  # opened by the first still that needs it
        self._clock = -1  # milliseconds; MediaPipe takes only increasing times
        self._found_any = False

    def find(self, picture: np.ndarray) -> tuple[Hand | None, int]:
        """The hand of one still, RGB uint8 (H, W, 3), and the pass that found it: 1, 2 (padded, lower confidence) or 0.

        Raises ValueError on a picture of another kind.
        """
        if hand := self._detect(self._first.detect, picture):
            return hand, 1
        height, width = picture.shape[:2]
        top, left = round(height * _SECOND_PASS_PADDING), round(width * _SECOND_PASS_PADDING)
        padded = cv2.copyMakeBorder(picture, top, top, left, left, cv2.BORDER_REPLICATE)
        if self._second is None:
            self._second = self._open(SECOND_PASS_CONFIDENCE)
        hand = self._detect(self._second.detect, padded)
        if hand is None:
            return None, 0
        return Hand(hand.landmarks - np.float32([left, top, 0]), hand.left_handed, hand.score), 2

    def track(self, frame: np.ndarray, timestamp: float) -> Hand | None:
        """The hand in a video frame, RGB uint8 (H, W, 3), at `timestamp` seconds.

        Raises ValueError on a frame of another kind.
        """
        self._clock = max(self._clock + 1, round(timestamp * 1000))
        return self._detect(self._first.detect_for_video, frame, self._clock)

    def close(self) -> None:
        for task in (self._first, self._second):
            if task is not None:
                task.close()
        self._first = self._second = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _open(self, confidence: float):
        options = vision.HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=self._model),
            running_mode=self._mode,
            num_hands=1,
            min_hand_detection_confidence=confidence,
            min_hand_presence_confidence=confidence,
        )
        try:
            with _quiet():
                return vision.HandLandmarker.create_from_options(options)
        except OSError as error:
            raise UserError(
                f"MediaPipe cannot start: {error}; "
                "on Debian or Ubuntu install what it needs: sudo apt-get install libegl1 libgles2"
            ) from error

    def _detect(self, detect, picture: np.ndarray, *clock: int) -> Hand | None:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            # MediaPipe reads the bytes of RGBA as if they were RGB, and never works again after an empty picture.
            raise ValueError(f"a picture must be RGB, uint8 (H, W, 3), found {picture.dtype} {picture.shape}")
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        with nullcontext() if self._found_any else _quiet():
            result = detect(image, *clock)
        if not result.hand_landmarks:
            return None
        self._found_any = True
        # x and y are shares of the picture's width and height; z is on x's scale.
        height, width = picture.shape[:2]
        points = np.array([(point.x, point.y, point.z) for point in result.hand_landmarks[0]], dtype=np.float32)
        side = result.handedness[0][0]
        return Hand(points * np.float32([width, height, width]), side.category_name == "Left", float(side.score))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what MediaPipe's C++ part writes to stderr on its way up to the first hand (no setting of its own stops it) off
    the terminal. Its errors reach Python as exceptions."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
