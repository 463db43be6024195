"""What every report is made of: shares, calibration error, tables, and the files that they go to."""

import json
import re
from pathlib import Path

import numpy as np

from sign2sound.files import atomic_write

_CALIBRATION_BINS = 15  # Guo et al., On Calibration of Modern Neural Networks, 2017


def share(right: np.ndarray) -> float | None:
    """The share of true values of bool (N,); None of none."""
    return float(right.mean()) if len(right) else None


def percent(share: float | None) -> str:
    """A share for people; a dash for None."""
    return "–" if share is None else f"{share:.2%}"


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Expected calibration error: |accuracy - confidence| over 15 equal bins of confidence, weighted by their samples, each
    of which counts `weights` (N,), or 1."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    weights = np.ones(len(labels)) if weights is None else weights
    gaps = np.bincount(bins, weights=weights * (right - confidence), minlength=_CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def markdown_table(head: list, rows: list[list], align: str = "") -> list[str]:
    """The lines of a Markdown table, padded so that its columns line up as plain text too, and an empty line.

    align: `l` or `r` for each column; by default the first is text and the others are numbers.
    """
    align = align or "l".ljust(len(head), "r")
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(4, *map(len, column)) for column in zip(*cells, strict=True)]
    pad = {"l": str.ljust, "r": str.rjust}
    padded = [[pad[side](cell, width) for side, cell, width in zip(align, row, widths, strict=True)] for row in cells]
    rule = ["-" * (width - 1) + ("-" if side == "l" else ":") for side, width in zip(align, widths, strict=True)]
    return [f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:])] + [""]


def for_terminal(table: str) -> str:
    """A report in Markdown as people read it on a terminal: its columns line up anyway, without bars, rules and stars."""
    lines = []
    for line in table.splitlines():
        if re.fullmatch(r"\|[-:| ]+\|", line):
            continue
        if line.startswith("| "):
            line = line[2:-2].replace(" | ", "  ")
            line = re.sub(r"^\*\*(.+?)\*\*", r"\1    ", line)  # text is padded on its right, numbers on their left
            line = re.sub(r"\*\*(.+?)\*\*", r"    \1", line)
        lines.append(line.removeprefix("## ").rstrip())
    return "\n".join(lines)


def write_report(path: Path, report: dict, table: str) -> None:
    """The figures beside `path` as .json, and the table for people as .md."""
    with atomic_write(path.with_suffix(".json")) as file:
        file.write((json.dumps(report, indent=1) + "\n").encode())
    with atomic_write(path.with_suffix(".md")) as file:
        file.write(table.encode())
