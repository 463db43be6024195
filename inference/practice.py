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
_FAR_TURN = 70.0  # degrees; of a hand turned so far, fingers are not compared well
# Where the thumb of each letter goes. How it gets there is no matter of straight or bent.
_THUMB = {
    "A": "upright beside your fist",
    "B": "across your palm",
    "C": "opposite your fingers, in a curve",
    "D": "on the tip of your middle finger",
    "E": "bent below your fingertips",
    "F": "on the tip of your index finger",
    "G": "straight along your index finger",
    "K": "up between index and middle finger",
    "L": "straight out to the side",
    "M": "under three fingers",
    "N": "under two fingers",
    "O": "on your fingertips",
    "P": "between index and middle finger",
    "Q": "straight along your index finger",
    "S": "across the front of your fist",
    "T": "between index and middle finger",
    "W": "on your little finger",
    "Y": "straight out to the side",
}
_ACROSS = "across your folded fingers"  # of all others
_JOINTS = np.arange(1, 21).reshape(5, 4)  # of each finger, from knuckle to tip
_CHANGE = 0.1  # of a finger's length: how much straighter or more bent it must be to be called so
_CLOSE = 0.25  # palm sizes; a finger bent at its middle joint differs by 0.26 to 0.36


@dataclass(frozen=True)
class Comparison:
    """How a hand differs from the synthetic signer's.

    finger: the one that differs most, one of FINGERS; distance: of its joints, in palm sizes, in the mean; change: what to do
    with it. turn: degrees that the whole hand is turned; facing: how it is to be turned.
    """

    finger: str
    distance: float
    change: str
    turn: float
    facing: str

    @property
    def advice(self) -> str:
        """What to change, in a few words: `change`, `facing`, or nothing."""
        fits = self.distance < _CLOSE
        if self.turn > (TURN if fits else _FAR_TURN):
            return self.facing
        return "" if fits else self.change


def compare(hand: Hand, letter: str) -> Comparison:
    """What distinguishes `hand` from the synthetic signer's `letter`, A to Z; of J and Z, their first moment.

    The finger named is the one without which the rest of the hand, turned as a whole, fits the signer's best. Of hands that
    show V for W, Y for I, S for A and the like, this names the right finger more often than laying the palms or the whole
    hands over each other. Raises KeyError on another label.
    """
    ours = palm_clips(hand.landmarks[None, None], np.array([hand.left_handed]))[0, 0].astype(np.float64)
    theirs = _prototypes()[letter]
    fits = [_fit(ours, theirs, np.append(0, np.delete(_JOINTS, finger, axis=0))) for finger in range(5)]
    odd = int(np.argmin([rest for rest, _, _, _ in fits]))
    _, distances, way, rotation = fits[odd]
    turn = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    change = _change(FINGERS[odd], _reach(theirs, odd) - _reach(ours, odd), way[_JOINTS[odd, -1]], theirs, letter)
    return Comparison(FINGERS[odd], float(distances[odd]), change, float(turn), _facing(ours, theirs))


def _change(finger: str, length: float, way: np.ndarray, theirs: np.ndarray, letter: str) -> str:
    """What to do with a finger. length: how much straighter the signer's is; way: from its tip to the signer's, (3,)."""
    if finger == "thumb":
        return f"put your thumb {_THUMB.get(letter, _ACROSS)}"
    if abs(length) >= _CHANGE:
        return f"{'straighten' if length > 0 else 'bend'} your {finger} finger"
    up, across, out = _axes(theirs)
    if letter == "R" and finger in ("index", "middle"):
        return "cross your index and middle finger"
    if abs(way @ across) > abs(way @ out):
        return f"move your {finger} finger towards your {'little finger' if way @ across > 0 else 'thumb'}"
    return f"move your {finger} finger {'forwards' if way @ out > 0 else 'backwards'}"


def _facing(ours: np.ndarray, theirs: np.ndarray) -> str:
    """How to turn the hand as a whole."""
    their_up, _, their_out = _axes(theirs)
    if _axes(ours)[0] @ their_up < np.cos(np.radians(TURN)):
        x, y, _ = their_up
        return f"point your hand {'to the side' if abs(x) > abs(y) else 'up' if y < 0 else 'down'}"
    return f"turn your palm {'to the camera' if their_out[2] < -0.5 else 'away' if their_out[2] > 0.5 else 'to the side'}"


def _axes(hand: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a right hand: from wrist to fingers, from thumb to little finger, and out of the palm; unit vectors (3,)."""
    up, across = hand[9] - hand[0], hand[17] - hand[5]
    return tuple(axis / max(np.linalg.norm(axis), 1e-6) for axis in (up, across, np.cross(up, across)))


@dataclass(frozen=True)
class DrillState:
    """What to show: the word, how many of its letters are done, the score over all words (letters signed right, letters signed
    wrong), and what to change about the hand, if anything is known, and which finger, one of FINGERS, if it is one."""

    word: str
    done: int
    right: int
    wrong: int
    advice: str = ""
    finger: str = ""


class Drill:
    """One word after another to be signed. A letter counts when the speller writes it, and again when it is corrected; one that
    it takes back, since the hand only passed through it, does not count as wrong."""

    def __init__(self):
        self._word = ""
        self._done = self._right = self._wrong = 0
        self._last = ""  # letter that counted
        self._wrong_letters: set[str] = set()  # those that counted as wrong when they were last written

    @property
    def letter(self) -> str:
        """The letter to sign now; empty when the word is done."""
        return self._word[self._done : self._done + 1]

    def start(self, word: str) -> None:
        """Ask for another word, A to Z. The score goes on."""
        self._word, self._done, self._last = word, 0, ""
        self._wrong_letters.clear()

    def skip(self) -> None:
        """Go on to the next letter; neither right nor wrong."""
        self._done = min(self._done + 1, len(self._word))

    def update(self, event: SpellerEvent | None, hand: Hand | None, seen: str) -> DrillState:
        """event: what the speller said to the newest frame; hand: in it; seen: the label read from it."""
        if event is not None and event.kind == "deleted":
            self._forgive(event.text)
        elif event is not None and event.kind in ("letter", "corrected") and self.letter:
            if event.kind == "corrected":
                self._forgive(self._last)
            self._last = event.text
            if event.text == self.letter:
                self._right += 1
                self._done += 1
                self._wrong_letters.discard(event.text)
            else:
                self._wrong += 1
                self._wrong_letters.add(event.text)
        wanted = self.letter
        advice = finger = ""
        if wanted and hand is not None and seen != wanted:
            found = compare(hand, wanted)
            advice, finger = found.advice, found.finger if found.advice == found.change else ""
            if not advice and wanted in MOTION_LETTERS:
                advice = "move your hand as the signer does"
        return DrillState(self._word, self._done, self._right, self._wrong, advice, finger)

    def _forgive(self, letter: str) -> None:
        if letter in self._wrong_letters:
            self._wrong_letters.remove(letter)
            self._wrong -= 1


@cache
def _prototypes() -> dict[str, np.ndarray]:
    """Label -> (21, 3) in palm sizes, of the first moment."""
    first = np.stack([frames[0] for frames in load_prototypes().values()])
    hands = palm_clips(first[:, None].astype(np.float64), np.zeros(len(first), bool))[:, 0]
    return dict(zip(load_prototypes(), hands, strict=True))


def _fit(ours: np.ndarray, theirs: np.ndarray, joints: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Turn (21, 3) `ours` so that its `joints` come closest to `theirs`.

    Returns the mean distance of these joints, the mean distance per finger, the ways (21, 3) from our joints to theirs, and the
    rotation (3, 3). Kabsch, 1976:
    https://en.wikipedia.org/wiki/Kabsch_algorithm
    """
    ours, theirs = ours - ours[joints].mean(axis=0), theirs - theirs[joints].mean(axis=0)
    u, _, v = np.linalg.svd(ours[joints].T @ theirs[joints])
    u[:, 2] *= np.sign(np.linalg.det(u @ v))  # a turn, never a mirror image
    ways = theirs - ours @ (u @ v)
    distances = np.linalg.norm(ways, axis=1)
    return float(distances[joints].mean()), distances[_JOINTS].mean(axis=1), ways, u @ v


def _reach(hand: np.ndarray, finger: int) -> float:
    """Knuckle to tip, as a share of the way along the bones: 1 for a straight finger."""
    joints = hand[_JOINTS[finger]]
    bones = np.linalg.norm(np.diff(joints, axis=0), axis=1).sum()
    return float(np.linalg.norm(joints[-1] - joints[0]) / max(bones, 1e-6))
