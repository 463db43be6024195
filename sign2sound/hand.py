"""One detected hand."""

from dataclasses import dataclass

import numpy as np

LANDMARKS = 21

# Pairs of landmarks joined by a bone, in MediaPipe's hand order.
# https://ai.google.dev/edge/mediapipe/solutions/vision/hand_landmarker
BONES: tuple[tuple[int, int], ...] = (
    (0, 1), (1, 2), (2, 3), (3, 4),
    (0, 5), (5, 6), (6, 7), (7, 8),
    (5, 9), (9, 10), (10, 11), (11, 12),
    (9, 13), (13, 14), (14, 15), (15, 16),
    (13, 17), (17, 18), (18, 19), (19, 20), (0, 17),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand in one picture.

    landmarks: float32 (21, 3) in pixels of the unmirrored picture, MediaPipe's order: x right, y down, z on x's scale
        (negative towards the camera, zero at the wrist).
    left_handed: True for a left hand.
    score: the detector's confidence in the handedness, 0 to 1.
    found_in: the look at a still that found it, counted from 1, see `sign2sound.passes.PASSES`; 1 in a stream.

    Raises ValueError when the landmarks are not finite numbers of shape (21, 3).
    """

    landmarks: np.ndarray
    left_handed: bool = False
    score: float = 1.0
    found_in: int = 1

    def __post_init__(self):
        landmarks = np.array(self.landmarks, dtype=np.float32)
        if landmarks.shape != (LANDMARKS, 3) or not np.isfinite(landmarks).all():
            raise ValueError(f"landmarks must be finite and of shape (21, 3), found shape {landmarks.shape}")
        landmarks.setflags(write=False)
        object.__setattr__(self, "landmarks", landmarks)

    def __repr__(self) -> str:
        low, high = self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)
        (left, top), (width, height) = low.round().astype(int), (high - low).round().astype(int)
        return f"Hand({'left' if self.left_handed else 'right'}, {width}x{height} pixels at ({left}, {top}))"
