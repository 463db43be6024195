"""What a Recognizer asks of a model, whatever form it has."""

from typing import Protocol

import numpy as np


class Model(Protocol):
    """What a Recognizer reads with: an OnnxModel, or a `sign2sound.model.LandmarkGRU`."""

    fingerprint: str  # which model it is, whatever its form
    hidden: int  # how wide it is

    def read(
        self, landmarks: np.ndarray, left_handed: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Clips -> the letters at their ends, and the state, which goes in again with the frames that follow.

        landmarks: float32 (N, T, 21, 3), pixels, frames 1/30 s apart, NaN in a frame without a hand; left_handed: bool (N,).
        Returns probabilities, float32 (N, 29), at the last of these frames with a hand, `nothing` where none has one, and the
        state, float32 (N, S), the same whatever form of the model reads on.
        """

    def to_device(self, device) -> "Model":
        """The model on "cpu", "cuda" or "auto". Raises UserError where it can't be."""

    def with_weights(self, weights: dict[str, np.ndarray]) -> "Model":
        """A copy with some weights replaced, by name."""

    def check_adaptable(self) -> None:
        """Raises UserError where it can't be adapted to a hand: without torch, or with 8-bit weights."""

    def to_torch(self):
        """The model as a `LandmarkGRU`. Raises what `check_adaptable` raises."""
