"""Files that are either whole or not there, folders that one run works in, and how picture files are named and ordered."""

import math
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sign2sound.errors import UserError

PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif",
)  # fmt: skip
PROJECT = Path(__file__).resolve().parents[1]  # the repository, for its programs: the installed package has none
_TEMPORARY = ".tmp"
_ROOM = 1 << 16  # bytes that must fit where an output is to be written


def printable(path: str | Path) -> str:
    """A path for people to read: a name that is not UTF-8 has its other bytes as \\xe9, so that it can be printed anywhere."""
    return os.fsencode(path).decode(errors="backslashreplace")


def escaped(path: str) -> str:
    """A path as UTF-8 text, for tables, from which `unescaped` gives it back: a byte that is not UTF-8 becomes \\xe9, and a
    backslash two."""
    return printable(path.replace("\\", "\\\\"))


def unescaped(text: str) -> str:
    """The path of which `escaped` made `text`."""
    byte = re.compile(rb"\\(?:x([0-9a-f]{2})|\\)")
    return os.fsdecode(byte.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", text.encode()))


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 picture`, `2 pictures`, `1,000 pictures`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def natural_order(path: str) -> list[str | int]:
    """A key to sort paths by, A2.jpg before A10.jpg, so that neighbours are neighbours in time."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path)]


def in_project(path: str) -> str:
    """A default path, which is below the repository whatever the current folder."""
    return path if Path.cwd() == PROJECT else str(PROJECT / path)


def in_home(find: Callable[[str], Path], without: str) -> Path:
    """Our folder in the user's home, which `find` of platformdirs gives.

    Raises UserError, which says what is so `without` it, for a user who has no home: in a container that runs as a number, say.
    """
    with suppress(RuntimeError):
        folder = find("sign2sound")
        if folder.is_absolute():  # older platformdirs give a path that begins with ~, and would lie in the current folder
            return folder
    raise UserError(f"this user has no home folder, so {without}; set HOME")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of `path` only when the block ends without an exception.

    The bytes go to a temporary file in the same folder (made if missing), are flushed to disk and renamed, so neither a
    crash nor a second process writing the same path leaves half a file. Raises OSError that names `path` where that fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_TEMPORARY, dir=path.parent)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            os.unlink(temporary)
        if isinstance(error, OSError) and str(error.filename or _TEMPORARY).endswith(_TEMPORARY):
            error.filename = str(path)  # a write has no name to tell, and that of the temporary file tells nobody anything
        raise
    if os.name == "posix":  # elsewhere a folder cannot be flushed
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or the new name may be lost with the power
        finally:
            os.close(folder)


@contextmanager
def claim_folders(*folders: str | Path) -> Iterator[None]:
    """Make `folders` and hold them for this process alone, by locks that end with it however it ends.

    What killed processes left of files they were writing is removed. Raises UserError where another run holds one.
    """
    import filelock  # with the packages for training: those who only read need none

    with ExitStack() as locks:
        for folder in dict.fromkeys(Path(folder).resolve() for folder in folders):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                locks.enter_context(filelock.FileLock(folder / ".lock", timeout=0))
            except filelock.Timeout:
                raise UserError(f"another run is at work in {folder}; wait for its end, or name another folder") from None
            for leftover in folder.glob(f".*{_TEMPORARY}"):
                leftover.unlink()
        yield


def output_file(path: str) -> Path:
    """The `type` of a command's option for a file to write: found out before the work whether that is possible.

    Raises UserError where it is not: another kind of thing is there, which must not be replaced (/dev/null, say), the folder
    cannot be written in, or its disk is full.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise UserError(f"{path} is a {'folder' if Path(path).is_dir() else 'device'}; give the path of a file")
    output_folder(str(Path(path).parent))
    return Path(path)


def output_folder(path: str) -> Path:
    """As `output_file`, for a folder to write in, which need not be there yet."""
    folder = Path(path)
    try:
        there = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"cannot write in {folder} ({error.strerror}); give another path, or make room there") from error
    return folder


def read_arrays(path: str | Path, largest: int) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file of at most `largest` bytes.

    Raises ValueError where it is larger, is no such file or holds other objects than arrays, before memory is taken for it;
    OSError where it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = 0
            for member in archive.infolist():
                with archive.open(member) as file:
                    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
                    shape, _, dtype = read_header[np.lib.format.read_magic(file)[0]](file)
                claimed = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or claimed > member.file_size:
                    raise ValueError(f"{member.filename} is no array")
                size += member.file_size
            if size > largest:
                raise ValueError(f"it unpacks to {size:,} bytes, more than {largest:,}")
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError):
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds, by what is wrong with the bytes
        raise ValueError(f"{type(error).__name__}: {' '.join(str(error).split())[:80]}") from error
