"""Frames or landmarks -> letter probabilities: what an application uses."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sign2sound.exported import RELEASED, open_model
from sign2sound.features import FRAME_RATE
from sign2sound.hand import Hand
from sign2sound.labels import LABELS, NOTHING
from sign2sound.profile import load_profile
from sign2sound.protocol import Model

GAP = 0.3  # seconds without a hand after which what was seen before no longer counts
GREY = "The pictures have no colour, so fewer hands are found: give the hand more light, or switch the camera from infra-red"
_GREY_FRAMES = 30  # in a row, until that is said of a stream; a camera that starts may give a few
_BATCH = 4096  # clips predicted at once
_SIDE_MEMORY = 0.9  # share of the running handedness kept at each frame: one frame's mistake does not mirror the hand
_NO_HAND = np.eye(len(LABELS), dtype=np.float32)[NOTHING]
_NO_HAND.setflags(write=False)


@dataclass(frozen=True)
class Latency:
    """Seconds one reading took: finding the landmarks (0 when they were given), and features with the model."""

    landmarks: float
    model: float


@dataclass(frozen=True, eq=False)
class Reading:
    """What one frame of a stream, or a picture, shows.

    label: the likeliest of the 29; confidence: its probability; probabilities: float32 (29,) in the order of LABELS;
    hand: the hand they were read from, None where none was found (then `nothing` has probability 1). notice: what the user
    should be told, once for all readings of a recognizer, else empty: GREY.
    """

    label: str
    confidence: float
    probabilities: np.ndarray
    hand: Hand | None
    latency: Latency
    notice: str = ""

    def __repr__(self) -> str:
        return f"Reading({self.label!r}, confidence={self.confidence:.2f}, hand={self.hand})"


class Recognizer:
    """Reads letters from stills, clips and streams. Close it (or use `with`) to free what reading frames takes."""

    labels = LABELS

    def __init__(self, model: Model, device: str = "cpu", hand_model: str | Path | None = None):
        """model: a `sign2sound.model.LandmarkGRU`, or an exported one. device: as to `load`."""
        self._device = device
        self.model = model  # as released; a profile keeps what distinguishes another from it
        self.use_model(model)
        self._hand_model = hand_model
        self._stream_landmarker = self._still_landmarker = None  # opened by the first frame, or picture
        self._grey_frames = 0  # in a row
        self._said_grey = False
        self.reset()

    @classmethod
    def load(
        cls,
        path: str | Path = RELEASED,
        device: str = "auto",
        hand_model: str | Path | None = None,
        profile: str | Path | None = None,
    ) -> "Recognizer":
        """A recognizer with the checkpoint (.pth) or exported model (.onnx) at `path`; the latter needs no torch.

        device: "cpu", "cuda", or "auto" for CUDA where there is one; an exported model is read on the CPU. hand_model: path of
        `hand_landmarker.task`, fetched when None. profile: a person's own, made for this model by `training/personalize.py`.
        Raises UserError when the model or profile is missing or does not fit, or the device is not there.
        """
        model = open_model(path)
        recognizer = cls(model, device, hand_model)
        if profile is not None:
            recognizer.use_model(load_profile(profile, model))
        recognizer.predict(np.zeros((1, 21, 3)))  # torch's first prediction takes 0.2 s longer than all others
        return recognizer

    def predict(self, landmarks: np.ndarray, left_handed: np.ndarray | None = None) -> np.ndarray:
        """Read clips: probabilities, float32 (N, 29), of stills (N, 21, 3) or clips (N, T, 21, 3) at 30 frames/s, in pixels.

        left_handed: bool (N,), all right hands when None. A frame without a hand is NaN; a clip is read at the last frame
        that has one, and is `nothing` where none has. Raises ValueError on other shapes.
        """
        landmarks = np.asarray(landmarks, dtype=np.float32)
        if landmarks.ndim == 3:
            landmarks = landmarks[:, None]
        if landmarks.ndim != 4 or landmarks.shape[2:] != (21, 3) or landmarks.shape[1] == 0:
            raise ValueError(f"landmarks must be (N, 21, 3) or (N, T, 21, 3), found {landmarks.shape}")
        if left_handed is None:
            left_handed = np.zeros(len(landmarks), dtype=bool)
        left_handed = np.asarray(left_handed, dtype=bool)
        if left_handed.shape != (len(landmarks),):
            raise ValueError(f"left_handed must be ({len(landmarks)},), found {left_handed.shape}")

        parts = [slice(start, start + _BATCH) for start in range(0, len(landmarks), _BATCH)]
        read = [self.model_in_use.read(landmarks[part], left_handed[part])[0] for part in parts]
        return np.concatenate([np.empty((0, len(LABELS)), np.float32), *read])

    def update(self, hand: Hand | None, timestamp: float) -> Reading:
        """Read a hand: take the next frame's (None: no hand) at `timestamp` seconds and read the letter being signed.

        The model takes a step every 1/30 s whatever the stream's rate, on landmarks interpolated between frames; a frame that
        completes no step repeats the last reading. Raises ValueError when time does not increase.
        """
        started = time.perf_counter()
        probabilities = self._read_stream(hand, timestamp)
        return _reading(probabilities, hand, Latency(0.0, time.perf_counter() - started))

    def read(self, frame: np.ndarray, timestamp: float) -> Reading:
        """Read a frame, RGB uint8 (H, W, 3), unmirrored: `update` with the hand in it."""
        if self._stream_landmarker is None:
            self._stream_landmarker = self._open_landmarker(video=True)
        started = time.perf_counter()
        hand = self._stream_landmarker.track(frame, timestamp)
        found = time.perf_counter()
        probabilities = self._read_stream(hand, timestamp)
        self._grey_frames = self._grey_frames + 1 if self._stream_landmarker.grey else 0
        notice = self._notice(self._grey_frames >= _GREY_FRAMES)
        return _reading(probabilities, hand, Latency(found - started, time.perf_counter() - found), notice)

    def read_picture(self, picture: str | Path | np.ndarray) -> Reading:
        """The letter in a picture on its own, which no stream is disturbed by: a file's path, or RGB uint8 (H, W, 3).

        Raises `sign2sound.BrokenPicture` where the file gives no picture, ValueError on an array of another kind.
        """
        if isinstance(picture, str | Path):
            from sign2sound.pictures import read_picture  # OpenCV loads only for those who read pictures

            picture = read_picture(picture)
        if self._still_landmarker is None:
            self._still_landmarker = self._open_landmarker(video=False)
        started = time.perf_counter()
        hand = self._still_landmarker.find(picture)
        found = time.perf_counter()
        probabilities = _NO_HAND
        if hand is not None:
            probabilities = self.predict(hand.landmarks[None], np.array([hand.left_handed]))[0]
        notice = self._notice(self._still_landmarker.grey)
        return _reading(probabilities, hand, Latency(found - started, time.perf_counter() - found), notice)

    def use_model(self, model: Model) -> None:
        """Read with `model` from now on, such as one adapted to a person's hand, or `self.model` again; the stream goes on."""
        self.model_in_use = model.to_device(self._device)

    def reset(self) -> None:
        """Forget the stream so far, and whose hand it followed; the next one may start at any time."""
        self._time = -math.inf
        self._stream = None
        if self._stream_landmarker is not None:
            self._stream_landmarker.reset()

    def close(self) -> None:
        """Give MediaPipe's memory and threads back; frames open it again."""
        for landmarker in (self._stream_landmarker, self._still_landmarker):
            if landmarker is not None:
                landmarker.close()
        self._stream_landmarker = self._still_landmarker = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self) -> str:
        return f"Recognizer({type(self.model_in_use).__name__} {self.model.fingerprint[:8]}, device={self._device!r})"

    def _notice(self, grey: bool) -> str:
        if not grey or self._said_grey:
            return ""
        self._said_grey = True
        return GREY

    def _open_landmarker(self, *, video: bool):
        from sign2sound.landmarker import Landmarker  # MediaPipe and OpenCV load only for those who read frames

        return Landmarker(video=video, model_path=self._hand_model)

    def _read_stream(self, hand: Hand | None, timestamp: float) -> np.ndarray:
        if not timestamp > self._time:  # so that NaN is refused too
            raise ValueError(f"time must increase: {timestamp} s after {self._time} s; call reset() before a new stream")
        self._time = timestamp
        if hand is None:
            return _NO_HAND
        stream = self._stream
        if stream is None or timestamp - stream.time > GAP:
            stream = self._stream = _Stream(timestamp, hand.landmarks, timestamp, float(hand.left_handed))
            steps = hand.landmarks[None]
        else:
            steps = stream.steps_to(timestamp, hand.landmarks)
            stream.time, stream.landmarks = timestamp, hand.landmarks
            stream.step_time += len(steps) / FRAME_RATE
            stream.left_handed = _SIDE_MEMORY * stream.left_handed + (1 - _SIDE_MEMORY) * hand.left_handed
        if len(steps):
            side = np.array([stream.left_handed > 0.5])
            probabilities, stream.state = self.model_in_use.read(steps[None], side, stream.state)
            stream.probabilities = probabilities[0]
        return stream.probabilities


@dataclass
class _Stream:
    """A hand followed from frame to frame: the newest frame, when the model's last step was (at or before it), what it left."""

    time: float
    landmarks: np.ndarray
    step_time: float
    left_handed: float  # share of the latest frames that saw a left hand, each weighing less than the one after it
    state: np.ndarray | None = None
    probabilities: np.ndarray | None = None

    def steps_to(self, time: float, landmarks: np.ndarray) -> np.ndarray:
        """Landmarks (T, 21, 3) at the steps due up to a new frame; T can be 0."""
        due = int((time - self.step_time) * FRAME_RATE + 1e-6)
        times = self.step_time + np.arange(1, due + 1) / FRAME_RATE
        share = ((times - self.time) / (time - self.time)).astype(np.float32)[:, None, None]
        return self.landmarks * (1 - share) + landmarks * share


def _reading(probabilities: np.ndarray, hand: Hand | None, latency: Latency, notice: str = "") -> Reading:
    best = int(probabilities.argmax())
    return Reading(LABELS[best], float(probabilities[best]), probabilities, hand, latency, notice)
