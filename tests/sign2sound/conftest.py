import numpy as np
import pytest

from sign2sound import hand_model


@pytest.fixture(scope="session")
def hand_model_file():
    """A good `hand_landmarker.task`: the one this user has already. No test fetches it."""
    path = hand_model.cached_path()
    if hand_model._problem_with(path):
        pytest.skip(f"needs the hand landmark model at {path}: python -m sign2sound.hand_model")
    return path


@pytest.fixture
def right_hand() -> np.ndarray:
    """Landmarks (21, 3) of a right hand worked out by hand: wrist at (100, 200, 0), palm bones 50, 50, 50, 50 and 60 pixels
    long, so a palm of 52; its thumb's tip stands half a palm right, 2 palms up and a quarter behind the wrist."""
    hand = np.tile(np.float32([100, 200, 0]), (21, 1))
    hand[5] += [-30, -40, 0]
    hand[9] += [0, -50, 0]
    hand[13] += [0, -30, 40]
    hand[17] += [30, -40, 0]
    hand[4] += [26, -104, 13]
    return hand
