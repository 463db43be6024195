"""The 29 classes and their order, which is the order of every model output."""

import string

LABELS: tuple[str, ...] = (*string.ascii_uppercase, "del", "nothing", "space")
LABEL_IDS: dict[str, int] = {label: index for index, label in enumerate(LABELS)}

NOTHING = LABEL_IDS["nothing"]
MOTION_LETTERS = ("J", "Z")
STATIC_LETTERS = tuple(letter for letter in string.ascii_uppercase if letter not in MOTION_LETTERS)

_BY_LOWERCASE = {label.lower(): label for label in LABELS}


def find_label(name: str) -> str | None:
    """The label whose name is `name` in any case (`a` -> `A`, `Space` -> `space`), or None."""
    return _BY_LOWERCASE.get(name.lower())
