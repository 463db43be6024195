"""One typical hand for each sign: what the synthetic signer draws, practice compares with, and adapting keeps apart."""

from pathlib import Path

import numpy as np

PROTOTYPES = Path(__file__).with_name("prototypes.npz")
MOTION_RATE = 30  # frames/s of the prototypes that move


def load_prototypes() -> dict[str, np.ndarray]:
    """The signs of the synthetic signer: A to Z and `space` -> float32 (T, 21, 3), T = 1 unless the sign is a motion.

    Right hands in palm sizes, frames 1/30 s apart; made by `scripts/make_prototypes.py`.
    """
    with np.load(PROTOTYPES) as file:
        return dict(file)
