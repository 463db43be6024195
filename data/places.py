"""Folders on this machine, and those at an address that fsspec knows, such as s3://bucket/pictures."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from sign2sound.errors import UserError

_CHANGES = ("mtime", "ETag", "etag", "LastModified", "updated", "created")  # what tells a changed file, by kind of address


def is_address(path: str | Path) -> bool:
    """Whether `path` is one for fsspec, such as s3://bucket/pictures, and no folder of this machine."""
    return "://" in str(path) and not str(path).startswith("file://")


class Place:
    """A folder to read from and to put files in. Names below it have forward slashes.

    address: a folder of this machine, or what `is_address`; keys and the like come from where its fsspec package looks for
    them. Raises UserError where that package is missing.
    """

    def __init__(self, address: str | Path):
        try:
            if is_address(address):
                # Without its cache, which would keep what it ever listed in memory.
                self._files, self._path = fsspec.core.url_to_fs(str(address), use_listings_cache=False)
            else:
                self._files, self._path = LocalFileSystem(), Path(str(address).removeprefix("file://")).resolve().as_posix()
        except (ImportError, ValueError) as error:
            raise UserError(f"{address} cannot be opened: {error}") from error
        self._path = self._path.rstrip("/")

    def __str__(self) -> str:
        if isinstance(self._files, LocalFileSystem):
            return os.fspath(Path(self._path or "/"))
        return self._files.unstrip_protocol(self._path)

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __truediv__(self, name: str) -> "Place":
        below = object.__new__(Place)
        below._files, below._path = self._files, f"{self._path}/{name}"
        return below

    def is_folder(self) -> bool:
        return self._files.isdir(self._path or "/")

    def folders(self) -> list[str]:
        """The names of the folders in it, but for hidden ones."""
        names = (self._name(entry) for entry in self._entries(self._path) if self._is_folder(entry))
        return sorted(name for name in names if not name.startswith("."))

    def files(self, folder: str) -> Iterator[tuple[str, list[int]]]:
        """Each file anywhere below `folder`, in no order: its name from here on, and its stamp, which changes when it does:
        its size in bytes and a number."""
        for entry in self._entries(f"{self._path}/{folder}"):
            name = f"{folder}/{self._name(entry)}"
            if entry["type"] == "directory":
                yield from self.files(name)
            elif entry["type"] == "file" or self._files.isfile(entry["name"]):  # a link to one
                version = next((str(entry[key]) for key in _CHANGES if entry.get(key)), "")
                yield name, [entry["size"] or 0, int(hashlib.sha256(version.encode()).hexdigest()[:12], 16)]

    def read(self, names: list[str]) -> list[bytes | Exception]:
        """What is in each of these files, or why it cannot be read; all are fetched at once where that saves time."""
        return self._files.cat_ranges([f"{self._path}/{name}" for name in names], None, None, on_error="return")

    def has(self, name: str) -> bool:
        return self._files.exists(f"{self._path}/{name}")

    def fetch(self, name: str, folder: Path) -> None:
        self._files.get_file(f"{self._path}/{name}", str(folder / name))

    def put(self, file: Path) -> None:
        self._files.makedirs(self._path, exist_ok=True)
        self._files.put_file(str(file), f"{self._path}/{file.name}")

    def _entries(self, folder: str) -> list[dict]:
        # Object stores have an empty object in the place of a folder itself.
        return [entry for entry in self._files.ls(folder or "/", detail=True) if entry["name"].rstrip("/") != folder]

    def _is_folder(self, entry: dict) -> bool:
        return entry["type"] == "directory" or (bool(entry.get("islink")) and self._files.isdir(entry["name"]))

    def _name(self, entry: dict) -> str:
        return entry["name"].rstrip("/").rsplit("/", 1)[-1]
