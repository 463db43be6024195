"""What the browser's own engine (page/engine/) reads with: the model's weights, the words, and every value that follows Python's."""

from dataclasses import asdict

from inference import practice
from inference.session import LONGEST_TEXT, LONGEST_WORD, TOP
from sign2sound import follower, recognizer, speller, words
from sign2sound.features import FEATURES, FRAME_RATE
from sign2sound.labels import LABELS, MOTION_LETTERS
from sign2sound.live import SUGGESTIONS
from sign2sound.model import LandmarkGRU
from sign2sound.passes import CONFIDENCE, PASSES


def engine_weights(model: LandmarkGRU) -> bytes:
    """All weights, float32, little-endian, one tensor after another in the checkpoint's order."""
    return b"".join(weight.cpu().numpy().astype("<f4").tobytes() for weight in model.state_dict().values())


def engine_words(dictionary: words.Dictionary) -> str:
    """A word per line, in the dictionary's order; behind it its share on a log scale, where that is not the one of the line before."""
    lines, before = [], None
    for word, prior in zip(dictionary._words, dictionary._priors, strict=True):
        lines.append(word if prior == before else f"{word} {prior}")  # as many digits as tell this float32 from all others
        before = prior
    return "\n".join(lines)


def engine_values(model: LandmarkGRU, options: speller.SpellerOptions | None = None) -> dict:
    """The values as JSON knows them, named as in Python."""
    return {
        "labels": LABELS,
        "session": {"top": TOP, "suggestions": SUGGESTIONS, "longest_word": LONGEST_WORD, "longest_text": LONGEST_TEXT},
        "model": {
            "features": FEATURES,
            "hidden": model.hidden,
            "layers": model.sizes["layers"],
            "temperature": model.temperature,
        },
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
            "turn": practice.TURN,
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
