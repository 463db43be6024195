"""Practice: a word to sign letter by letter, what the hand shows instead, and which finger to change. Time plays no part."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from sign2sound import Hand, SpellerEvent
from sign2sound.features import palm_clips
from sign2sound.labels import MOTION_LETTERS
from sign2sound.prototypes import load_prototypes

FINGERS = ("thumb", "index", "middle", "ring", "little")
TURN = 45.0  # degrees from the signer's hand; G and H, or P and K, are a quarter of a circle apart
_JOINTS = np.arange(1, 21).reshape(5, 4)  # of each finger, from knuckle to tip
_CHANGE = 0.1  # of a finger's length: how much straighter or more bent it must be to be called so
_CLOSE = 0.25  # palm sizes; a finger bent at its middle joint differs by 0.26 to 0.36


@dataclass(frozen=True)
class Comparison:
    """How a hand differs from the synthetic signer's.

    finger: the one that differs most, one of FINGERS; distance: of its joints, in palm sizes, in the mean; change: what to do
    with it, `straighten`, `bend` or `move`. turn: degrees that the whole hand is turned.
    """

    finger: str
    distance: float
    change: str
    turn: float

    @property
    def advice(self) -> str:
        """What to change, in a few words."""
        if self.distance < _CLOSE:
            return "turn your hand" if self.turn > TURN else ""
        return f"{self.change} your {self.finger}{'' if self.finger == 'thumb' else ' finger'}"


def compare(hand: Hand, letter: str) -> Comparison:
    """What distinguishes `hand` from the synthetic signer's `letter`, A to Z; of J and Z, their first moment.

    The finger named is the one without which the rest of the hand, turned as a whole, fits the signer's best. Of hands that
    show V for W, Y for I, S for A and the like, this names the right finger more often than laying the palms or the whole
    hands over each other. Raises KeyError on another label.
    """
    ours = palm_clips(hand.landmarks[None, None], np.array([hand.left_handed]))[0, 0].astype(np.float64)
    theirs = _prototypes()[letter]
    fits = [_fit(ours, theirs, np.append(0, np.delete(_JOINTS, finger, axis=0))) for finger in range(5)]
    odd = int(np.argmin([rest for rest, _, _ in fits]))
    _, distances, rotation = fits[odd]
    length = _reach(theirs, odd) - _reach(ours, odd)
    change = "move" if abs(length) < _CHANGE else "straighten" if length > 0 else "bend"
    turn = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    return Comparison(FINGERS[odd], float(distances[odd]), change, float(turn))


@dataclass(frozen=True)
class DrillState:
    """What to show: the word, how many of its letters are done, the score over all words (letters signed right, letters signed
    wrong), and what to change about the hand, if anything is known."""

    word: str
    done: int
    right: int
    wrong: int
    advice: str = ""


class Drill:
    """One word after another to be signed. A letter counts when the speller writes it, and again when it is corrected."""

    def __init__(self):
        self._word = ""
        self._done = self._right = self._wrong = 0
        self._last_wrong = False  # whether the last letter counted as wrong, which a correction takes back

    @property
    def letter(self) -> str:
        """The letter to sign now; empty when the word is done."""
        return self._word[self._done : self._done + 1]

    def start(self, word: str) -> None:
        """Ask for another word, A to Z. The score goes on."""
        self._word, self._done, self._last_wrong = word, 0, False

    def skip(self) -> None:
        """Go on to the next letter; neither right nor wrong."""
        self._done = min(self._done + 1, len(self._word))

    def update(self, event: SpellerEvent | None, hand: Hand | None, seen: str) -> DrillState:
        """event: what the speller said to the newest frame; hand: in it; seen: the label read from it."""
        if event is not None and event.kind in ("letter", "corrected") and self.letter:
            if event.kind == "corrected":
                self._wrong -= self._last_wrong
            self._last_wrong = event.text != self.letter
            if self._last_wrong:
                self._wrong += 1
            else:
                self._right += 1
                self._done += 1
        wanted = self.letter
        advice = ""
        if wanted and hand is not None and seen != wanted:
            advice = compare(hand, wanted).advice
            if not advice and wanted in MOTION_LETTERS:
                advice = "move your hand as the signer does"
        return DrillState(self._word, self._done, self._right, self._wrong, advice)


@cache
def _prototypes() -> dict[str, np.ndarray]:
    """Label -> (21, 3) in palm sizes, of the first moment."""
    first = np.stack([frames[0] for frames in load_prototypes().values()])
    hands = palm_clips(first[:, None].astype(np.float64), np.zeros(len(first), bool))[:, 0]
    return dict(zip(load_prototypes(), hands, strict=True))


def _fit(ours: np.ndarray, theirs: np.ndarray, joints: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Turn (21, 3) `ours` so that its `joints` come closest to `theirs`.

    Returns the mean distance of these joints, the mean distance per finger, and the rotation (3, 3). Kabsch, 1976:
    https://en.wikipedia.org/wiki/Kabsch_algorithm
    """
    ours, theirs = ours - ours[joints].mean(axis=0), theirs - theirs[joints].mean(axis=0)
    u, _, v = np.linalg.svd(ours[joints].T @ theirs[joints])
    u[:, 2] *= np.sign(np.linalg.det(u @ v))  # a turn, never a mirror image
    distances = np.linalg.norm(ours @ (u @ v) - theirs, axis=1)
    return float(distances[joints].mean()), distances[_JOINTS].mean(axis=1), u @ v


def _reach(hand: np.ndarray, finger: int) -> float:
    """Knuckle to tip, as a share of the way along the bones: 1 for a straight finger."""
    joints = hand[_JOINTS[finger]]
    bones = np.linalg.norm(np.diff(joints, axis=0), axis=1).sum()
    return float(np.linalg.norm(joints[-1] - joints[0]) / max(bones, 1e-6))
