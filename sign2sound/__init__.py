"""American Sign Language fingerspelling -> text and speech."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names as below, for editors and type checkers
    from sign2sound.errors import UserError as UserError
    from sign2sound.hand import Hand as Hand
    from sign2sound.landmarker import Landmarker as Landmarker
    from sign2sound.live import Live as Live
    from sign2sound.live import Step as Step
    from sign2sound.pictures import BrokenPicture as BrokenPicture
    from sign2sound.pictures import Video as Video
    from sign2sound.recognizer import Reading as Reading
    from sign2sound.recognizer import Recognizer as Recognizer
    from sign2sound.speech import Speaker as Speaker
    from sign2sound.speech import Voice as Voice
    from sign2sound.speller import Speller as Speller
    from sign2sound.speller import SpellerEvent as SpellerEvent
    from sign2sound.speller import SpellerOptions as SpellerOptions
    from sign2sound.words import Dictionary as Dictionary

__version__ = "0.1.0"

_PUBLIC = {
    "BrokenPicture": "pictures",
    "Dictionary": "words",
    "Hand": "hand",
    "Landmarker": "landmarker",
    "Live": "live",
    "Reading": "recognizer",
    "Recognizer": "recognizer",
    "Speaker": "speech",
    "Speller": "speller",
    "SpellerEvent": "speller",
    "SpellerOptions": "speller",
    "Step": "live",
    "UserError": "errors",
    "Video": "pictures",
    "Voice": "speech",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str):
    """Load a public name when it is first used, so that `import sign2sound` is fast and needs neither torch nor MediaPipe."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'sign2sound' has no attribute {name!r}")
    return getattr(import_module(f"sign2sound.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
