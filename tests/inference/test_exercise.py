import string

import numpy as np
import pytest

from inference.exercise import LONGEST_WORD, WORDS, Demonstration, faster
from sign2sound.signer import sign_word


def test_the_words_have_every_letter():
    assert set("".join(WORDS)) == set(string.ascii_uppercase) and max(map(len, WORDS)) <= LONGEST_WORD


@pytest.mark.parametrize("speed", [0.5, 3.0])
def test_the_signer_spells_at_the_speed_again_and_again(speed):
    expected = [picture for picture, _ in sign_word("AL", frame_rate=15, speed=speed)]
    signer = Demonstration("AL", speed)
    shown = [signer.at(100 + step / 30) for step in range(2 * len(expected))]  # a camera twice as fast
    for picture, on_time in zip(expected + expected[:1], shown[:1] + shown[1::2], strict=True):
        np.testing.assert_array_equal(on_time, picture)


def test_a_stream_that_stood_still_is_not_made_up_for():
    signer = Demonstration("A", 1.0)
    signer.at(0.0)
    signer.at(60.0)
    assert signer._time == pytest.approx(0.2)  # not a minute of frames


def test_speeds_are_round_and_within_the_signers_range():
    assert [faster(0.8, 1), faster(0.8, -1), faster(1.0, 1), faster(1.0, -1)] == [1.0, 0.5, 1.5, 0.5]
    assert faster(0.5, -1) == 0.5 and faster(6.0, 1) == 6.0
