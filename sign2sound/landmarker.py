"""MediaPipe's hand landmarker behind one thin module: an RGB picture or video frame -> Hand or None."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from sign2sound.errors import UserError
from sign2sound.hand import Hand
from sign2sound.hand_model import find_hand_model
from sign2sound.passes import CONFIDENCE, PASSES, Pass

# Longest side in pixels before padding: a photo of 12 megapixels would take seconds and a gigabyte. MediaPipe's networks see
# 192 and 224 pixels, so that a hand large enough to be detected in a padded picture loses nothing.
_PADDED_SIDE = 1024


class Landmarker:
    """Finds the one hand of a picture. Close it (or use `with`) before the interpreter ends."""

    def __init__(self, *, video: bool = False, model_path: str | Path | None = None):
        """video: for the frames of one stream, in order of time; otherwise for stills. Raises UserError like `find_hand_model`,
        and where a system library that MediaPipe needs is missing."""
        self._model = str(find_hand_model(model_path))
        self._mode = vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
        self._tasks = {PASSES[0]: self._open(PASSES[0])}  # the others are opened by the first still that needs them
        self._clock = -1  # milliseconds; MediaPipe takes only increasing times
        self._found_any = False

    def find(self, picture: np.ndarray) -> tuple[Hand | None, int]:
        """The hand of one still, RGB uint8 (H, W, 3), and which of PASSES found it: 1, 2, … or 0 for none.

        Raises ValueError on a picture of another kind.
        """
        for number, options in enumerate(PASSES, start=1):
            if hand := self._look(picture, options):
                return hand, number
        return None, 0

    def track(self, frame: np.ndarray, timestamp: float) -> Hand | None:
        """The hand in a video frame, RGB uint8 (H, W, 3), at `timestamp` seconds.

        Raises ValueError on a frame of another kind.
        """
        self._clock = max(self._clock + 1, round(timestamp * 1000))
        return self._detect(self._tasks[PASSES[0]].detect_for_video, frame, self._clock)

    def close(self) -> None:
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
        hand = self._detect(self._tasks[options].detect, picture)
        return hand and replace(hand, landmarks=(hand.landmarks - np.float32([left, top, 0])) / np.float32(scale))

    def _open(self, options: Pass):
        task_options = vision.HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=self._model),
            running_mode=self._mode,
            num_hands=1,
            min_hand_detection_confidence=options.detection,
            min_hand_presence_confidence=CONFIDENCE,
        )
        try:
            with _quiet():
                return vision.HandLandmarker.create_from_options(task_options)
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
