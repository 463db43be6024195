import dataclasses

import numpy as np
import pytest

from sign2sound import Hand
from sign2sound.hand import BONES


def test_holds_its_own_unchangeable_float32_copy():
    points = np.zeros((21, 3))
    hand = Hand(points)
    points[:] = 7
    assert hand.landmarks.dtype == np.float32
    assert not hand.landmarks.any()
    assert (hand.left_handed, hand.score) == (False, 1.0)
    with pytest.raises(ValueError, match="read-only"):
        hand.landmarks[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        hand.score = 0.5


@pytest.mark.parametrize("shape", [(21, 2), (20, 3), (63,), (1, 21, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"of shape \(21, 3\), found shape"):
        Hand(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value):
    points = np.zeros((21, 3))
    points[20, 2] = value
    with pytest.raises(ValueError, match="finite"):
        Hand(points)


def test_bones_join_every_landmark_to_the_wrist():
    reached = {0}
    for _ in range(len(BONES)):
        reached |= {end for bone in BONES if reached & set(bone) for end in bone}
    assert reached == set(range(21))
    assert len(set(BONES)) == 21
