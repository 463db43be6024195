"""What a session leaves on disk when the user asks for it: landmarks and text, never pictures."""

import json
from pathlib import Path

import numpy as np

from sign2sound import Reading, SpellerEvent, UserError
from sign2sound.files import atomic_write
from sign2sound.hand import LANDMARKS

_NO_HAND = np.full((LANDMARKS, 3), np.nan, np.float32)


class Recording:
    """A new folder with `landmarks.npz` and `text.json`, written when it is closed.

    landmarks.npz, for T frames: `landmarks` float32 (T, 21, 3), pixels of the unmirrored picture, NaN without a hand;
    `left_handed` bool (T,); `timestamps` float64 (T,), seconds; `label` str (T,) and `confidence` float32 (T,) as read.
    text.json: `source`, `text`, and `events`, each with `kind`, `text`, `timestamp` and `since` as in SpellerEvent.
    """

    def __init__(self, folder: Path, source: str):
        """Raises UserError where the folder holds something, or cannot be made."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UserError(f"{folder} is not empty, and no recording is overwritten; give --record a new folder")
        except OSError as error:
            raise UserError(f"{folder} cannot be made ({error.strerror}); give --record another folder") from error
        self._folder = folder
        self._source = source
        self._frames: list[tuple] = []
        self._events: list[SpellerEvent] = []
        self.text = ""

    def add(self, reading: Reading, timestamp: float, event: SpellerEvent | None = None) -> None:
        """A frame, and what it wrote."""
        hand = reading.hand
        landmarks, left_handed = (_NO_HAND, False) if hand is None else (hand.landmarks, hand.left_handed)
        self._frames.append((landmarks, left_handed, timestamp, reading.label, reading.confidence))
        if event:
            self._events.append(event)

    def close(self) -> None:
        """Write both files, each whole or not at all. Raises UserError where that is impossible."""
        landmarks, left_handed, timestamps, labels, confidences = zip(*self._frames, strict=True) if self._frames else [()] * 5
        text = {"source": self._source, "text": self.text, "events": [vars(event) for event in self._events]}
        try:
            with atomic_write(self._folder / "landmarks.npz") as file:
                np.savez_compressed(
                    file,
                    landmarks=np.array(landmarks, np.float32).reshape(-1, LANDMARKS, 3),
                    left_handed=np.array(left_handed, bool),
                    timestamps=np.array(timestamps, np.float64),
                    label=np.array(labels, np.str_),
                    confidence=np.array(confidences, np.float32),
                )
            with atomic_write(self._folder / "text.json") as file:
                file.write(json.dumps(text, indent=2).encode())
        except OSError as error:
            raise UserError(f"the recording {self._folder} cannot be written ({error.strerror})") from error
