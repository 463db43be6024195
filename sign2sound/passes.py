"""How `Landmarker.find` looks at a still: one pass after another, until one finds the hand."""

from dataclasses import dataclass

CONFIDENCE = 0.5  # MediaPipe's default for detection, presence and tracking


@dataclass(frozen=True)
class Pass:
    """One look at a picture.

    detection: least confidence of MediaPipe's palm detector; presence: of its landmark network, that it sees a hand.
    padding: added on every side, as a share of the picture's size; black: black, else the border's pixels repeated.
    gamma: exponent of the pixels in [0, 1]; below 1 brightens.
    """

    detection: float = CONFIDENCE
    presence: float = CONFIDENCE
    padding: float = 0.0
    black: bool = False
    gamma: float = 1.0


# Measured on 2,600 pictures of letters of the Kaggle ASL Alphabet set: 77.5 % are found by the first pass, 85.5 % by the second
# too (hands cropped tightly), 97.7 % by the third too (hands against the light). None of them finds one in its 100 pictures of
# `nothing`; with presence 0.1 instead of 0.5, a padded pass saw hands in up to 6 of these.
PASSES = (
    Pass(),
    Pass(detection=0.3, presence=0.3, padding=0.5),
    Pass(detection=0.1, padding=1.0, black=True, gamma=0.5),
)
