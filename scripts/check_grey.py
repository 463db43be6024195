"""Choose what a grey camera's frames are tinted with: python scripts/check_grey.py --pictures FOLDER ... [--videos FOLDER]

Each picture is looked at in colour and turned grey, as it is and with red added (`sign2sound.landmarker.TINT`); so is each
frame of the videos, as one stream each.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from data.pictures import find_pictures
from sign2sound import Landmarker, Video, landmarker
from sign2sound.errors import UserError, run
from sign2sound.pictures import read_picture

WIDTH = 640  # pixels of a video's frame; larger ones are shrunk to the size of most cameras'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--pictures", nargs="*", default=[], metavar="FOLDER", help="folders of class folders")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="of .mp4 files in which a hand is shown")
    parser.add_argument("--each", type=int, default=10, metavar="N", help="pictures of a class (default: %(default)s)")
    parser.add_argument(
        "--tints",
        type=int,
        nargs="+",
        default=[0, landmarker.TINT],
        metavar="N",
        help="red added, of 255 (default: %(default)s)",
    )
    arguments = parser.parse_args()
    print(f"{'hands found in':34}{'all':>6}{'colour':>8}" + "".join(f"{f'grey+{tint}':>8}" for tint in arguments.tints))
    for folder in arguments.pictures:
        pictures = [read_picture(path) for path in some_of_each(folder, arguments.each)]
        for name, counts in find_hands(pictures, arguments.tints).items():
            print_row(f"{folder[-22:]}, {name}", len(pictures), counts)
    if arguments.videos:
        paths = sorted(arguments.videos.glob("*.mp4"))
        if not paths:
            raise UserError(f"no .mp4 file in {arguments.videos}; give a folder of videos, or leave --videos out")
        counts, frames = Counter(), 0
        for path in paths:
            clip = read_frames(path)
            frames += len(clip)
            for way, grey, tint in ways(arguments.tints):
                counts[way] += track_hands(clip, grey, tint)
        print_row(f"{arguments.videos.name}, video mode", frames, counts)


def ways(tints: list[int]) -> Iterable[tuple[object, bool, int]]:
    """The key of each column, whether its pictures are grey, and what they are tinted with."""
    return (("colour", False, 0), *((tint, True, tint) for tint in tints))


def some_of_each(folder: str, each: int) -> list[Path]:
    """Pictures evenly spaced in each class but `nothing`, which shows no hand."""
    found = find_pictures(folder)
    paths = {}
    for label, path in zip(found.labels, found.paths, strict=True):
        if label != "nothing":
            paths.setdefault(label, []).append(found.file(path))
    return [own[row] for own in paths.values() for row in np.unique(np.linspace(0, len(own) - 1, each).astype(int))]


def find_hands(pictures: list[np.ndarray], tints: list[int]) -> dict[str, Counter]:
    """By pass, and by column, the number of pictures in which a hand is found."""
    counts = {"first pass": Counter(), "all passes": Counter()}
    with Landmarker() as finder:
        for picture in pictures:
            for way, grey, tint in ways(tints):
                landmarker.TINT = tint
                hand = finder.find(turn_grey(picture) if grey else picture)
                counts["first pass"][way] += hand is not None and hand.found_in == 1
                counts["all passes"][way] += hand is not None
    return counts


def track_hands(clip: list[tuple[np.ndarray, float]], grey: bool, tint: int) -> int:
    """The number of a video's frames in which its hand is found."""
    landmarker.TINT = tint
    with Landmarker(video=True) as tracker:
        return sum(tracker.track(turn_grey(frame) if grey else frame, time) is not None for frame, time in clip)


def read_frames(path: Path) -> list[tuple[np.ndarray, float]]:
    """The frames of a video, shrunk to WIDTH, with their times."""
    with Video(path) as video:
        frames = []
        for frame, time in video:
            size = WIDTH, round(frame.shape[0] * WIDTH / frame.shape[1])
            frames.append((cv2.resize(frame, size, interpolation=cv2.INTER_AREA), time))
        return frames


def turn_grey(picture: np.ndarray) -> np.ndarray:
    """The picture's luma (ITU-R BT.601), RGB as it was."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def print_row(name: str, total: int, counts: Counter) -> None:
    """A line of the table: shares of `total`."""
    print(f"{name:34}{total:>6}" + "".join(f"{count / total:>8.1%}" for count in counts.values()), flush=True)


if __name__ == "__main__":
    run(main)
