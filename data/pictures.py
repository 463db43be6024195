"""Folders of pictures, one per class."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data.places import Place
from sign2sound.errors import UserError
from sign2sound.files import PICTURE_SUFFIXES, escaped, natural_order, unescaped
from sign2sound.labels import LABEL_IDS, LABELS, find_label


class Picture(NamedTuple):
    """path: relative to the folder that holds the class folders, with forward slashes. stamp: see `Place.files`."""

    path: str
    label: str
    stamp: list[int]


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a data set.

    root: the folder that holds the class folders.
    paths: pictures relative to `root`, with forward slashes, as `sign2sound.files.escaped` writes names that are not UTF-8:
        classes in the order of LABELS, and within a class A2 before A10, so that neighbours are neighbours in time.
    labels: the class of each.
    skipped: folders in `root` that are no class.
    passed_over: files in the class folders whose names are no picture's, relative to `root`.
    """

    root: Path
    paths: list[str]
    labels: list[str]
    skipped: list[str]
    passed_over: list[str]

    def file(self, path: str) -> Path:
        """Where the picture of one of `paths` lies."""
        return self.root / unescaped(path)


class ClassFolders:
    """The class folders of a data set that may be too large for memory: its pictures are listed a class at a time.

    root, skipped, passed_over: as of `PictureFolder`; the last is filled by `pictures`.
    """

    def __init__(self, address: str | Path):
        """The class folders of `address`, whose names match in any case.

        Where `address` holds no class but one of its folders does, as in the unpacked Kaggle archive
        (asl_alphabet_train/asl_alphabet_train/A), that one is taken. Raises UserError where there is no such folder or class.
        """
        place = Place(address)
        if not place.is_folder():
            raise UserError(f"{place} is not a folder; give the one that holds a folder of pictures per class")
        roots = [root for root in (place, *(place / name for name in place.folders())) if any(map(find_label, root.folders()))]
        if not roots:
            raise UserError(f"no class folder in {place}; expected one or more of: {', '.join(LABELS)}")
        if roots[0] is not place and len(roots) > 1:
            names = ", ".join(str(root).rsplit("/", 1)[-1] for root in roots)
            raise UserError(f"no class folder in {place}, but in {names}: give one of these")
        self.root = roots[0]
        self.skipped = [escaped(name) for name in self.root.folders() if not find_label(name)]
        self.passed_over: list[str] = []

    def pictures(self) -> Iterator[list[Picture]]:
        """The pictures of one class after another, in the order of `PictureFolder.paths`. Raises UserError without any."""
        folders = [(find_label(name), name) for name in self.root.folders() if find_label(name)]
        self.passed_over.clear()
        any_found = False
        for label in LABELS:
            found = []
            for name in (name for of, name in folders if of == label):
                for path, stamp in self.root.files(name):
                    file = path.rsplit("/", 1)[-1]
                    if file.startswith("."):
                        continue
                    if Path(file).suffix.lower() in PICTURE_SUFFIXES:
                        found.append(Picture(escaped(path), label, stamp))
                    else:
                        self.passed_over.append(escaped(path))
            if found:
                any_found = True
                found.sort(key=lambda picture: picture_order(picture.path))
                yield found
        self.passed_over.sort()
        if not any_found:
            suffixes = ", ".join(PICTURE_SUFFIXES)
            raise UserError(f"no picture in the class folders of {self.root}; expected files named {suffixes}")


def picture_order(path: str) -> tuple[int, list[str | int], str]:
    """A key that sorts the pictures of a data set: by class, and A2.jpg before A10.jpg."""
    return LABEL_IDS[find_label(path.split("/", 1)[0])], natural_order(path), path


def find_pictures(folder: str | Path) -> PictureFolder:
    """All pictures anywhere below the class folders of `folder`. Raises UserError like `ClassFolders`, or without a picture."""
    found = ClassFolders(folder)
    pictures = [picture for of_class in found.pictures() for picture in of_class]
    paths, labels, _ = zip(*pictures, strict=True)
    return PictureFolder(Path(str(found.root)), list(paths), list(labels), found.skipped, found.passed_over)
