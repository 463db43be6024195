"""Folders of pictures, one per class."""

from dataclasses import dataclass
from pathlib import Path

from sign2sound.errors import UserError
from sign2sound.files import PICTURE_SUFFIXES, escaped, natural_order, unescaped
from sign2sound.labels import LABEL_IDS, LABELS, find_label


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


def find_pictures(folder: str | Path) -> PictureFolder:
    """The pictures anywhere below the class folders of `folder`, whose names match in any case.

    Where `folder` holds no class but one of its folders does, as in the unpacked Kaggle archive
    (asl_alphabet_train/asl_alphabet_train/A), that one is taken. Raises UserError where there is no such folder, class or
    picture.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give the one that holds a folder of pictures per class")
    roots = [root for root in (folder, *_folders(folder)) if any(find_label(child.name) for child in _folders(root))]
    if not roots:
        raise UserError(f"no class folder in {folder}; expected one or more of: {', '.join(LABELS)}")
    if folder not in roots and len(roots) > 1:
        raise UserError(f"no class folder in {folder}, but in {', '.join(root.name for root in roots)}: give one of these")
    root = roots[0]
    pictures, passed_over = [], []
    for child in _folders(root):
        if label := find_label(child.name):
            for path in child.rglob("*"):
                if path.is_file() and not path.name.startswith("."):
                    name = escaped(path.relative_to(root).as_posix())
                    if path.suffix.lower() in PICTURE_SUFFIXES:
                        pictures.append((label, name))
                    else:
                        passed_over.append(name)
    if not pictures:
        raise UserError(f"no picture in the class folders of {root}; expected files named {', '.join(PICTURE_SUFFIXES)}")
    pictures.sort(key=lambda picture: (LABEL_IDS[picture[0]], natural_order(picture[1]), picture[1]))
    labels, paths = zip(*pictures, strict=True)
    skipped = [escaped(child.name) for child in _folders(root) if not find_label(child.name)]
    return PictureFolder(root, list(paths), list(labels), skipped, sorted(passed_over))


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
