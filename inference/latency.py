"""How long each stage of the live path takes, frame by frame."""

from array import array

import numpy as np

STAGES = ("capture", "landmarks", "features+model", "text", "drawing", "total")
_COLUMNS = ("p50", "p95", "p99", "max")


class LatencyRecord:
    """Seconds per frame and stage.

    capture: reading and decoding a file's frame, or drawing the sample's; of a camera, the age of a frame (decoding and
        waiting for the frame before it) when the work on it begins.
    landmarks, features+model: as in `sign2sound.recognizer.Latency`. text: speller and suggestions.
    drawing: the overlay, the window, the video file.
    total: from the start of capture until the frame is done.
    """

    def __init__(self):
        self._seconds = {stage: array("d") for stage in STAGES}  # 8 bytes a number: a day at 30 frames/s fits in memory

    def add(self, stage: str, seconds: float) -> None:
        """Note that a stage of a frame took so many seconds."""
        self._seconds[stage].append(seconds)

    def summary(self) -> dict[str, dict[str, float | int]]:
        """Per stage `count` and, in milliseconds, `p50`, `p95`, `p99`, `max`; a stage that never ran has only `count`: 0."""
        return {stage: _summary(np.array(seconds)) for stage, seconds in self._seconds.items()}

    def table(self) -> str:
        """The summary as lines of text."""
        lines = [f"{'milliseconds':<15}{'count':>8}" + "".join(f"{column:>9}" for column in _COLUMNS)]
        for stage, row in self.summary().items():
            figures = (f"{row[column]:9.1f}" if column in row else f"{'-':>9}" for column in _COLUMNS)
            lines.append(f"{stage:<15}{row['count']:8}" + "".join(figures))
        return "\n".join(lines)


def _summary(seconds: np.ndarray) -> dict[str, float | int]:
    if len(seconds) == 0:
        return {"count": 0}
    p50, p95, p99 = np.percentile(seconds, (50, 95, 99)) * 1000
    return {"count": len(seconds), "p50": p50, "p95": p95, "p99": p99, "max": seconds.max() * 1000}
