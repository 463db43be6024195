"""American Sign Language fingerspelling -> text and speech."""

from importlib import import_module

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
    return sorted([*globals(), *_PUBLIC])
