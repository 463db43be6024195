"""Folders of pictures, sign_mnist tables and .npz arrays -> pixels in memory."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from data.dataset import VALIDATION_SHARE
from data.pictures import find_pictures
from data.splits import group_split, named_groups
from sign2sound.errors import UserError
from sign2sound.labels import STATIC_LETTERS
from sign2sound.pictures import BrokenPicture, read_picture

_STORED_SPLIT_SEED = 0  # that of scripts/preprocess.py, so that the parts are the same
_PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
_MNIST_SIDE = 28
_MNIST_MISSING = 9  # the label that sign_mnist leaves out: J


@dataclass(frozen=True, eq=False)
class Pictures:
    """N pictures of one size.

    pixels: uint8 (N, height, width, channels), RGB or grey; labels: int64 (N,), ids of `classes`; parts: str (N,), "train",
    "validation" or "test", as stored with the data or made of it by group; sources, groups: str (N,); classes: their names.
    """

    pixels: np.ndarray
    labels: np.ndarray
    parts: np.ndarray
    sources: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows) -> "Pictures":
        return Pictures(*(getattr(self, field.name)[rows] for field in fields(self)[:-1]), self.classes)

    @property
    def validation(self) -> np.ndarray:
        """bool (N,): stored for validation."""
        return self.parts == "validation"

    @property
    def test(self) -> np.ndarray:
        """bool (N,): stored for testing alone."""
        return self.parts == "test"

    # What is said of landmarks only: no picture is doubtful or without what is to be read.
    @property
    def trusted(self) -> np.ndarray:
        """bool (N,): all are."""
        return np.ones(len(self), dtype=bool)

    found = trusted

    @property
    def passes(self) -> np.ndarray:
        """int (N,): the pass that found the hand; pictures need none."""
        return np.ones(len(self), dtype=np.int64)


def load_pictures(paths: list[str | Path], classes: list[str], size: list[int], group_by: str = "blocks") -> Pictures:
    """The pictures of these classes at `paths`, each of which is

    - a folder of class folders, or one that holds such folders named train, val (valid, validation) and test. Without val,
      groups (`group_by`, see `data.splits.named_groups`) of train are taken for validation, as by scripts/preprocess.py;
    - a folder with sign_mnist_train.csv and sign_mnist_valid.csv, sign_mnist_test.csv or both; with the test alone, it
      validates;
    - a .npz file of X_train, y_train, X_valid, y_valid and maybe X_test, y_test: (N, H, W) or (N, H, W, channels), 0 to 255
      or floats from 0 to 1, and ids of `classes`.

    size: height, width, channels. Pictures in folders are scaled to it, and stretched where their shape is another. A source
    is named after its folder or file. Files that are no pictures are reported and left out. Raises UserError on data of
    another form.
    """
    loaded = [_load(Path(path), tuple(classes), size, group_by) for path in paths]
    if not sum(map(len, loaded)):
        raise UserError(f"no picture of {', '.join(classes)} in {', '.join(map(str, paths))}")
    joined = (np.concatenate([getattr(part, field.name) for part in loaded]) for field in fields(Pictures)[:-1])
    return Pictures(*joined, tuple(classes))


def scale_picture(picture: np.ndarray, size: list[int]) -> np.ndarray:
    """An RGB picture, uint8 (H, W, 3), as uint8 (height, width, channels) of `size`; one channel is grey."""
    height, width, channels = size
    image = Image.fromarray(picture).convert("L" if channels == 1 else "RGB")
    return np.array(image.resize((width, height), Image.Resampling.BILINEAR)).reshape(size)


def _load(path: Path, classes: tuple[str, ...], size: list[int], group_by: str) -> Pictures:
    if path.suffix == ".npz" and path.is_file():
        return _load_arrays(path, classes, size)
    if (path / "sign_mnist_train.csv").is_file():
        return _load_sign_mnist(path, classes, size)
    return _load_folder(path, classes, size, group_by)


def _load_folder(path: Path, classes: tuple[str, ...], size: list[int], group_by: str) -> Pictures:
    inside = sorted(path.iterdir()) if path.is_dir() else ()
    parts = {_PARTS[folder.name.lower()]: folder for folder in inside if folder.is_dir() and folder.name.lower() in _PARTS}
    files, labels, groups, named_parts = [], [], [], []
    for part, folder in parts.items() if "train" in parts else [("train", path)]:
        pictures = find_pictures(folder)
        found = named_groups(pictures.paths, pictures.labels, group_by)
        named = np.full(len(found), part, dtype="<U10")
        divisible = len(found) > len(set(pictures.labels))  # else there is one of each class, to be measured on
        if part == "train" and "validation" not in parts and divisible:
            named[group_split(pictures.labels, found, VALIDATION_SHARE, _STORED_SPLIT_SEED)] = "validation"
        files += [pictures.file(name) for name in pictures.paths]
        labels += pictures.labels
        groups += [f"{part}/{group}" if parts else group for group in found.tolist()]
        named_parts += named.tolist()

    wanted = [row for row, label in enumerate(labels) if label in classes]
    pixels = np.empty((len(wanted), *size), np.uint8)

    def read(number: int) -> bool:
        try:
            pixels[number] = scale_picture(read_picture(files[wanted[number]]), size)
        except BrokenPicture as error:
            print(f"{files[wanted[number]]} cannot be read, left out: {error}", file=sys.stderr)
            return False
        return True

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        whole = np.array(list(pool.map(read, range(len(wanted)))), dtype=bool)
    return Pictures(
        pixels if whole.all() else pixels[whole],
        np.array([classes.index(labels[row]) for row in wanted], dtype=np.int64)[whole],
        np.array(named_parts)[wanted][whole],
        np.full(whole.sum(), path.resolve().name),
        np.array(groups)[wanted][whole],
        classes,
    )


def _load_sign_mnist(path: Path, classes: tuple[str, ...], size: list[int]) -> Pictures:
    files = {_PARTS[part]: path / f"sign_mnist_{part}.csv" for part in ("train", "valid", "test")}
    files = {part: file for part, file in files.items() if file.is_file()}
    if len(files) == 1:
        raise UserError(f"{path} holds sign_mnist_train.csv alone; expected sign_mnist_valid.csv or _test.csv beside it")
    if "validation" not in files:
        files["validation"] = files.pop("test")
    tables = {part: _read_table(file) for part, file in files.items()}
    labels = np.concatenate([table[:, 0] for table in tables.values()])
    if _MNIST_MISSING not in labels:
        labels = labels - (labels > _MNIST_MISSING)
    if labels.max() >= len(STATIC_LETTERS) or labels.min() < 0:
        raise UserError(f"{path} has labels {labels.min()} to {labels.max()}; expected 0 to 24 without 9, or 0 to 23")
    pixels = np.concatenate([table[:, 1:] for table in tables.values()]).reshape(-1, _MNIST_SIDE, _MNIST_SIDE)
    parts = np.repeat(list(tables), [len(table) for table in tables.values()])
    names = np.array(STATIC_LETTERS)[labels]
    known = np.isin(names, classes)
    ids = np.array([classes.index(name) for name in names[known]], dtype=np.int64)
    return _from_arrays(path, classes, size, pixels[known], ids, parts[known])


def _read_table(file: Path) -> np.ndarray:
    try:
        table = pd.read_csv(file)
        values = table.to_numpy(np.int64)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    if table.columns[0] != "label" or table.shape[1] != 1 + _MNIST_SIDE**2:
        found = f"{table.shape[1]} columns, the first of them {table.columns[0]}"
        raise UserError(f"{file} has {found}; expected label and pixel1 to pixel784")
    return values


def _load_arrays(path: Path, classes: tuple[str, ...], size: list[int]) -> Pictures:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts = [part for part in ("train", "valid", "test") if f"X_{part}" in arrays or part != "test"]
            pixels = [arrays[f"X_{part}"] for part in parts]
            labels = [arrays[f"y_{part}"] for part in parts]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is no set of pictures ({error}); expected X_train, y_train, X_valid, y_valid") from error
    for part, some, ids in zip(parts, pixels, labels, strict=True):
        if ids.shape != (len(some),) or not np.isin(ids, range(len(classes))).all():
            raise UserError(f"{path}: y_{part} is no id from 0 to {len(classes) - 1} for each of the {len(some)} pictures")
    names = np.repeat([_PARTS[part] for part in parts], [len(ids) for ids in labels])
    return _from_arrays(path, classes, size, np.concatenate(pixels), np.concatenate(labels).astype(np.int64), names)


def _from_arrays(
    path: Path, classes: tuple[str, ...], size: list[int], pixels: np.ndarray, labels: np.ndarray, parts: np.ndarray
) -> Pictures:
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    if pixels.shape[1:] != tuple(size):
        raise UserError(f"{path} holds pictures of {pixels.shape[1:]}, expected {tuple(size)}: height, width, channels")
    if pixels.dtype.kind == "f" and pixels.max(initial=0) <= 1:
        pixels = (pixels * 255).round()
    if not (pixels.min(initial=0) >= 0 and pixels.max(initial=0) <= 255):  # so that NaN is refused too
        raise UserError(f"{path} has pixels from {pixels.min()} to {pixels.max()}; expected 0 to 255, or floats from 0 to 1")
    names = np.full(len(labels), path.resolve().stem)
    return Pictures(pixels.astype(np.uint8), labels, parts, names, names, classes)
