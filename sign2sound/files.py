"""Files that are either whole or not there, and how picture files are named and ordered."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif",
)  # fmt: skip


def printable(path: str | Path) -> str:
    """A path for people to read: a name that is not UTF-8 has its other bytes as \\xe9, so that it can be printed anywhere."""
    return os.fsencode(path).decode(errors="backslashreplace")


def natural_order(path: str) -> list[str | int]:
    """A key to sort paths by, A2.jpg before A10.jpg, so that neighbours are neighbours in time."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path)]


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of `path` only when the block ends without an exception.

    The bytes go to a temporary file in the same folder (made if missing), are flushed to disk and renamed, so neither a
    crash nor a second process writing the same path leaves half a file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
