"""What the browser's own engine (page/engine/) reads with: its words, and every value of Python's that it follows."""

import json
from dataclasses import asdict
from pathlib import Path

from inference import practice
from inference.session import LONGEST_TEXT, LONGEST_WORD, TOP
from sign2sound import follower, recognizer, speller, words
from sign2sound.features import FRAME_RATE
from sign2sound.labels import LABELS, MOTION_LETTERS
from sign2sound.live import READINGS, SUGGESTIONS
from sign2sound.passes import CONFIDENCE, PASSES
from sign2sound.protocol import Model


def engine_words(dictionary: words.Dictionary) -> str:
    """A word per line, in the dictionary's order, and behind it its prior, where that is not the one of the line before."""
    lines, before = [], None
    for word, prior in zip(dictionary._words, dictionary._priors, strict=True):
        lines.append(word if prior == before else f"{word} {prior}")  # with digits enough to give this float32 again
        before = prior
    return "\n".join(lines)


def engine_values(options: speller.SpellerOptions | None = None) -> dict:
    """The values as JSON knows them, named as in Python."""
    from sign2sound import landmarker  # MediaPipe loads only where there is a site

    limits = {"longest_word": LONGEST_WORD, "longest_text": LONGEST_TEXT}
    return {
        "labels": LABELS,
        "session": {"top": TOP, "suggestions": SUGGESTIONS, "readings": READINGS, **limits},
        "recognizer": {"gap": recognizer.GAP, "frame_rate": FRAME_RATE, "side_memory": recognizer._SIDE_MEMORY},
        "follower": {
            "look_every": follower._LOOK_EVERY,
            "look_again": follower._LOOK_AGAIN,
            "looks": follower._LOOKS,
            "larger": follower._LARGER,
            "lost": follower._LOST,
        },
        "confidence": CONFIDENCE,
        "passes": [asdict(look) for look in PASSES],
        "grey": {
            "tint": landmarker.TINT,
            "coloured": landmarker._COLOURED,
            "few": landmarker._FEW,
            "contrast": landmarker._CONTRAST,
            "frames": recognizer._GREY_FRAMES,
            "notice": recognizer.GREY,
        },
        "speller": {
            **asdict(options or speller.SpellerOptions()),
            "frame_rate": FRAME_RATE,
            "first_shapes": speller._FIRST_SHAPES,
            "motion_letters": MOTION_LETTERS,
            "longest_step": speller._LONGEST_STEP,
            "unlikely": speller._UNLIKELY,
        },
        "practice": {
            "hands": {letter: hand.round(5).tolist() for letter, hand in practice._prototypes().items()},
            "fingers": practice.FINGERS,
            "thumb": practice._THUMB,
            "across": practice._ACROSS,
            "turn": practice.TURN,
            "far_turn": practice._FAR_TURN,
            "change": practice._CHANGE,
            "close": practice._CLOSE,
        },
        "words": {
            "misread": words._MISREAD,
            "missed": words._MISSED,
            "extra": words._EXTRA,
            "unknown": words._UNKNOWN,
            "most_distance": words._MOST_DISTANCE,
            "unfinished": words._UNFINISHED,
            "worthwhile": words._WORTHWHILE,
        },
    }


def built_engine(site: Path, model: Model) -> dict | None:
    """What a site built by `make site` tells its page to read with; None where there is no site, or one of
    another model or other values, with which the browser would not read as the server does."""
    for path in site.glob("engine-*.json"):
        about = json.loads(path.read_text(encoding="utf-8"))
        values = json.loads(json.dumps(engine_values()))  # tuples are lists there
        if about["model"]["fingerprint"] == model.fingerprint and about["values"] == values:
            return about
    return None
