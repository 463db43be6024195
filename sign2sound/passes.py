"""How `Landmarker.find` looks at a still: one pass after another, until one finds the hand."""

from dataclasses import dataclass

CONFIDENCE = 0.5  # MediaPipe's default for detection, presence and tracking


@dataclass(frozen=True)
class Pass:
    """One look at a picture.

    detection: least confidence of MediaPipe's palm detector. That of its landmark network, which keeps out what is no hand, is
        CONFIDENCE in all passes.
    padding: added on every side, as a share of the picture's size; black: black, else the border's pixels repeated.
    gamma: exponent of the pixels in [0, 1]; below 1 brightens.
    """

    detection: float = CONFIDENCE
    padding: float = 0.0
    black: bool = False
    gamma: float = 1.0


# Measured on the 2,600 letters of 29 x 100 pictures of the Kaggle ASL Alphabet set: the first pass finds a hand in 77.5 %, the
# second (hands against the light, and most of those cropped tightly) makes it 97.3 %, the third (the rest of these) 97.7 %.
# None finds one in the 100 pictures of `nothing`; a landmark network content with 0.1 sees hands in up to 6 of them.
PASSES = (
    Pass(),
    Pass(detection=0.1, padding=1.0, black=True, gamma=0.5),
    Pass(detection=0.3, padding=0.5),
)
