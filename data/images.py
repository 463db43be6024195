"""Folders of pictures, one per class, and their pixels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sign2sound.errors import UserError
from sign2sound.files import PICTURE_SUFFIXES, natural_order
from sign2sound.labels import LABEL_IDS, LABELS, find_label

MAX_PIXELS = 64_000_000  # decoded, 192 MB; a file of a few kB can claim to be far more

Image.MAX_IMAGE_PIXELS = None  # read_picture has its own limit


class BrokenPicture(Exception):
    """A file that gives no picture. Its message is the reason."""


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a data set.

    root: the folder that holds the class folders.
    paths: pictures relative to `root`, with forward slashes: classes in the order of LABELS, and within a class A2 before
        A10, so that neighbours are neighbours in time.
    labels: the class of each.
    skipped: folders in `root` that are no class.
    """

    root: Path
    paths: list[str]
    labels: list[str]
    skipped: list[str]


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
    pictures = [
        (find_label(child.name), path.relative_to(root).as_posix())
        for child in _folders(root)
        if find_label(child.name)
        for path in child.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not pictures:
        raise UserError(f"no picture in the class folders of {root}; expected files named {', '.join(PICTURE_SUFFIXES)}")
    pictures.sort(key=lambda picture: (LABEL_IDS[picture[0]], natural_order(picture[1]), picture[1]))
    labels, paths = zip(*pictures, strict=True)
    skipped = [child.name for child in _folders(root) if not find_label(child.name)]
    return PictureFolder(root, list(paths), list(labels), skipped)


def read_picture(path: str | Path) -> np.ndarray:
    """The picture in a file, upright as its EXIF says, as RGB uint8 (H, W, 3).

    Transparent parts become white; 16 bits are scaled to 8; of an animation, the first picture. Raises BrokenPicture.
    """
    # Pillow's decoders raise whatever a damaged file makes them stumble over.
    try:
        with Image.open(path, formats=("JPEG", "PNG", "BMP", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BrokenPicture(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS}")
            return _rgb(ImageOps.exif_transpose(image))
    except BrokenPicture:
        raise
    except UnidentifiedImageError as error:
        raise BrokenPicture("not a JPEG, PNG, BMP or WebP picture" if Path(path).stat().st_size else "empty file") from error
    except Exception as error:
        raise BrokenPicture(f"{type(error).__name__}: {error}") from error


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
