"""Folders on this machine, and those at an address that fsspec knows, such as s3://bucket/pictures."""

import hashlib
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from sign2sound.errors import UserError

# What tells a changed file, by kind of address.
_CHANGES = ("mtime", "ETag", "etag", "LastModified", "updated", "created", "CRC")


def is_address(path: "str | Path | Place") -> bool:
    """Whether `path` is one for fsspec, such as s3://bucket/pictures, and no folder of this machine."""
    return "://" in str(path) and not str(path).startswith("file://")


class Place:
    """A folder to read from and to put files in. Names below it have forward slashes.

    address: a folder of this machine, or what `is_address`; keys and the like come from where its fsspec package looks for
    them. Raises UserError where that package is missing.
    """

    def __init__(self, address: str | Path):
        self._address = str(address)
        try:
            if is_address(address):
                # Without its cache, which would keep in memory whatever it listed.
                self._files, self._path = fsspec.core.url_to_fs(str(address), use_listings_cache=False)
            else:
                folder = Path(self._address.removeprefix("file://")).resolve()
                self._address, self._files, self._path = str(folder), LocalFileSystem(), folder.as_posix()
        except (ImportError, ValueError, OSError) as error:
            raise UserError(f"{address} cannot be opened: {error}") from error
        self._path = self._path.rstrip("/") or self._files.root_marker

    def __str__(self) -> str:
        return self._address

    def __truediv__(self, name: str) -> "Place":
        below = copy(self)
        first, *rest = self._address.split("::") if is_address(self._address) else [self._address]  # zip://::pictures.zip
        below._address = "::".join([f"{first.rstrip('/')}/{name}", *rest])
        below._path = self._below(name)
        return below

    def is_folder(self) -> bool:
        return self._files.isdir(self._path)

    def folders(self) -> list[str]:
        """The names of the folders in it, but for hidden ones."""
        names = (self._name(entry) for entry in self._entries(self._path) if self._is_folder(entry))
        return sorted(name for name in names if not name.startswith("."))

    def files(self, folder: str) -> Iterator[tuple[str, list[int]]]:
        """Each file anywhere below `folder`, in no order: its name from here on, and its stamp, which changes when it does:
        its size in bytes and a number."""
        for entry in self._entries(self._below(folder)):
            name = f"{folder}/{self._name(entry)}"
            if entry["type"] == "directory":
                yield from self.files(name)
            elif entry["type"] == "file" or self._files.isfile(entry["name"]):  # a link to one
                version = next((str(entry[key]) for key in _CHANGES if entry.get(key)), "")
                yield name, [entry["size"] or 0, int(hashlib.sha256(version.encode()).hexdigest()[:12], 16)]

    def read(self, names: list[str]) -> list[bytes | Exception]:
        """What is in each of these files, or why it cannot be read; all are fetched at once where that saves time."""
        return self._files.cat_ranges([self._below(name) for name in names], None, None, on_error="return")

    def has(self, name: str) -> bool:
        return self._files.exists(self._below(name))

    def fetch(self, name: str, folder: Path) -> None:
        self._files.get_file(self._below(name), str(folder / name))

    def put(self, file: Path) -> None:
        self._files.makedirs(self._path, exist_ok=True)
        self._files.put_file(str(file), self._below(file.name))

    def _below(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}" if self._path else name

    def _entries(self, folder: str) -> list[dict]:
        # Object stores have an empty object in the place of a folder itself.
        return [entry for entry in self._files.ls(folder, detail=True) if entry["name"].strip("/") != folder.strip("/")]

    def _is_folder(self, entry: dict) -> bool:
        return entry["type"] == "directory" or (bool(entry.get("islink")) and self._files.isdir(entry["name"]))

    def _name(self, entry: dict) -> str:
        return entry["name"].rstrip("/").rsplit("/", 1)[-1]
