"""Which of several hands a stream follows."""

import math

import numpy as np

from sign2sound.hand import Hand

# Told to track two hands, MediaPipe looks for the second in every frame and takes 2.4 times as long while there is only one.
# So it tracks one, and every so many seconds a look at the whole frame says whether another hand should be followed instead.
_LOOK_EVERY = 1.0
_LOOK_AGAIN = 0.2  # seconds, while another hand seems to be the better one
_LOOKS = 3  # in a row that must agree
_LARGER = 1.3  # times the size of the hand followed
_LOST = 0.3  # seconds during which a hand that was lost is waited for, and between two hands: no movement joins them then


class Follower:
    """Which of several hands is followed: the larger, steadier one, without flicker. A pure state machine.

    A hand is followed for as long as it is seen, and waited for when it was lost. Another takes over when several looks in a
    row find it in the same place, and so much larger that the two do not change places again and again.
    """

    def __init__(self):
        self._hand: Hand | None = None
        self._seen = -math.inf  # when
        self._look_at = -math.inf
        self._rival: Hand | None = None
        self._agreeing = 0  # looks in a row that found the rival
        self._free_from = -math.inf  # no hand is followed before

    def found(self, hands: list[Hand], timestamp: float) -> Hand | None:
        """The hand to follow, of all in a frame where none is tracked."""
        if timestamp < self._free_from:
            return None
        if self._hand is not None and timestamp - self._seen <= _LOST:
            hands = [hand for hand in hands if hand_distance(hand, self._hand) < 2 * hand_size(self._hand)]
            hand = min(hands, key=lambda hand: hand_distance(hand, self._hand), default=None)
        else:
            hand = max(hands, key=hand_size, default=None)
            self._look_at = timestamp + _LOOK_EVERY
        if hand is not None:
            self._hand, self._seen = hand, timestamp
        return hand

    def look_due(self, hand: Hand, timestamp: float) -> bool:
        """Take the hand tracked in this frame. Whether the other hands are to be looked at."""
        self._hand, self._seen = hand, timestamp
        return timestamp >= self._look_at

    def looked(self, hands: list[Hand], timestamp: float) -> bool:
        """Take the other hands of this frame. Whether another takes over; no hand is to be followed for a moment then."""
        others = [hand for hand in hands if hand_distance(hand, self._hand) > hand_size(self._hand) / 2]
        rival = max(others, key=hand_size, default=None)
        if rival is None or hand_size(rival) < _LARGER * hand_size(self._hand):
            self._rival, self._agreeing, self._look_at = None, 0, timestamp + _LOOK_EVERY
            return False
        steady = self._rival is not None and hand_distance(rival, self._rival) < hand_size(rival)
        self._rival, self._agreeing, self._look_at = rival, self._agreeing + 1 if steady else 1, timestamp + _LOOK_AGAIN
        if self._agreeing < _LOOKS:
            return False
        self._hand, self._rival, self._agreeing, self._free_from = None, None, 0, timestamp + _LOST
        return True


def hand_size(hand: Hand) -> float:
    """Pixels from the wrist to the knuckles, which no closing of the fingers changes."""
    return float(np.linalg.norm(hand.landmarks[[5, 9, 13, 17]] - hand.landmarks[0], axis=1).mean())


def hand_distance(a: Hand, b: Hand) -> float:
    """Pixels between the middles of two hands."""
    return float(np.linalg.norm((a.landmarks - b.landmarks)[:, :2].mean(axis=0)))
