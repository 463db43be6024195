import numpy as np
import pytest

from sign2sound.follower import Follower
from sign2sound.hand import Hand
from sign2sound.recognizer import GAP


@pytest.fixture
def hand(right_hand):
    """A hand at x pixels, `size` times as large as the others."""
    return lambda x, size=1.0: Hand((right_hand - right_hand[0]) * size + np.float32([x, 300, 0]))


def follow(follower: Follower, hands_at, start: float, seconds: float) -> list:
    """What is followed at 30 frames/s, if a tracker keeps the hand it was given for as long as that is there."""
    followed = []
    for frame in range(round(seconds * 30)):
        time = start + frame / 30
        hands = hands_at(time)
        tracked = min(hands, key=lambda hand: abs(hand.landmarks[0, 0] - followed[-1])) if hands and followed else None
        if tracked is None or followed[-1] is None:
            tracked = follower.found(hands, time)
        elif follower.look_due(tracked, time) and follower.looked(hands, time):
            tracked = None
        followed.append(None if tracked is None else float(tracked.landmarks[0, 0]))
        if followed[-1] is None:
            break
    return followed


def test_the_largest_hand_is_taken_up_and_kept_while_others_are_no_larger(hand):
    follower = Follower()
    assert set(follow(follower, lambda time: [hand(100, 0.8), hand(500), hand(900, 0.9)], 0.0, 1.0)) == {500}
    flicker = lambda time: [hand(500), hand(900, 1.25 if round(time * 30) % 2 else 0.8)]  # noqa: E731
    assert set(follow(follower, flicker, 1.0, 5.0)) == {500}


def test_a_larger_hand_takes_over_after_three_looks_and_a_moment_without_a_hand(hand):
    follower = Follower()
    one, two = hand(500), hand(900, 1.4)
    follow(follower, lambda time: [one], 0.0, 0.5)
    followed = follow(follower, lambda time: [one, two], 0.5, 3.0)
    assert set(followed[:-1]) == {500} and followed[-1] is None
    over = 0.5 + (len(followed) - 1) / 30
    assert over == pytest.approx(1.4, abs=0.05)  # a look 1 s after the first hand, two more 0.2 s apart
    assert follower.found([one, two], over + GAP - 0.02) is None  # or the recognizer would join the two by a movement
    assert follower.found([one, two], over + GAP + 0.02) is two
    assert set(follow(follower, lambda time: [one, two], over + 0.4, 3.0)) == {900}


def test_a_larger_hand_that_passes_by_does_not_take_over(hand):
    follower = Follower()
    follow(follower, lambda time: [hand(500)], 0.0, 0.5)
    followed = follow(follower, lambda time: [hand(500), hand(600 + 500 * (time % 2), 1.6)], 0.5, 6.0)
    assert len(followed) == 180 and set(followed) == {500}


def test_a_lost_hand_is_waited_for_before_another_is_taken(hand):
    follower = Follower()
    follow(follower, lambda time: [hand(500)], 0.0, 1.0)
    seen = 29 / 30
    other = hand(1200, 1.2)
    assert follower.found([], 1.0) is None
    assert follower.found([other], seen + 0.28) is None
    assert follower.found([hand(540), other], seen + 0.29).landmarks[0, 0] == 540
    assert follower.found([other], seen + 0.7) is other
