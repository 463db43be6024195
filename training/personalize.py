"""Teach the model your own hand: python training/personalize.py --input FOLDER --output profile.npz

FOLDER holds a folder of pictures per letter, or a video per letter (A.mp4, B.mp4, …) in which the letter is held for a few
seconds. A file or folder of landmarks, as training takes it, does as well.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.dataset import load_samples
from data.pictures import find_pictures
from sign2sound import Hand, Landmarker
from sign2sound.adapting import adapt
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.features import palm_clips
from sign2sound.files import counted, in_project, output_file, printable
from sign2sound.hand import LANDMARKS
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, STATIC_LETTERS, find_label
from sign2sound.model import LandmarkGRU
from sign2sound.pictures import BrokenPicture, Video, read_picture
from sign2sound.profile import save_profile
from sign2sound.recognizer import Recognizer

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
STEADY = 1.0  # palm sizes per second; in videos of letters a hand that holds one moves at 0.1 to 0.6, on its way at 2 to 20
_SMOOTH = 5  # frames over which a speed is the median
_MISS = np.full((LANDMARKS, 3), np.nan, dtype=np.float32)


def main() -> None:
    arguments = parse_arguments()
    model, _ = load_model(arguments.model)
    landmarks, labels, left_handed = read_samples(arguments.input)
    found, motion = ~np.isnan(landmarks[:, 0, 0]), np.isin(labels, MOTION_LETTERS)
    if motion.any():
        letters = " and ".join(sorted({*labels[motion]}))
        print(f"{counted(motion.sum(), 'sample')} of {letters} left out: motions, which stills do not show")
    use = found & ~motion
    counts = {label: int((use & (labels == label)).sum()) for label in LABELS}
    print("samples: " + (", ".join(f"{label} {count}" for label, count in counts.items() if count) or "none"))
    print(f"no hand found: {(~found & ~motion).sum()}")
    if missing := [letter for letter in STATIC_LETTERS if not counts[letter]]:
        print(f"no sample of {', '.join(missing)}: read as before")
    landmarks, labels, left_handed = landmarks[use], labels[use], left_handed[use]

    test = last_quarter(labels)
    if test.any():
        rest = adapt_with_bar(model, landmarks[~test], labels[~test], left_handed[~test])
        before, after = (accuracy(one, landmarks[test], labels[test], left_handed[test]) for one in (model, rest))
        tested = counted(test.sum(), "sample")
        print(f"the last quarter, {tested}: {before:.1%} read right, {after:.1%} with a profile of the others")
    else:
        print("too few samples to say what it helps: that needs 4 of a letter")
    started = time.perf_counter()
    adapted = adapt_with_bar(model, landmarks, labels, left_handed)
    seconds = time.perf_counter() - started
    save_profile(arguments.output, adapted, model)
    print(f"adapted to all {counted(len(labels), 'sample')} in {seconds:.1f} s")
    print(f"wrote {arguments.output}; next: python inference/realtime_demo.py --profile {arguments.output}")


def adapt_with_bar(model: LandmarkGRU, landmarks: np.ndarray, labels: np.ndarray, left_handed: np.ndarray) -> LandmarkGRU:
    with tqdm(total=100, desc="adapting", bar_format="{desc} {percentage:3.0f} % |{bar}| {remaining} left", leave=False) as bar:
        return adapt(model, landmarks, labels, left_handed, lambda share: bar.update(100 * share - bar.n))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Teach the model your own hand.")
    parser.add_argument(
        "--input", type=Path, required=True, help="folder of pictures per letter or of a video per letter (A.mp4), or landmarks"
    )
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="checkpoint (default: %(default)s)"
    )
    parser.add_argument("--output", type=output_file, default="profile.npz", help="the profile (default: %(default)s)")
    return parser.parse_args()


def read_samples(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks (N, 21, 3) in pixels, NaN where no hand was found, labels (N,) and which are left hands (N,), in the order of
    capture."""
    if path.suffix == ".npz" or (path / "landmarks.npy").is_file():
        stills, _ = load_samples([path])
        stills = stills[stills.trusted]
        return stills.landmarks[:, 0], np.array(LABELS)[stills.labels], stills.left_handed
    videos = sorted(video for video in path.glob("*") if video.suffix.lower() in VIDEO_SUFFIXES and find_label(video.stem))
    hands = _read_videos(videos) if videos else _read_pictures(path)
    landmarks, labels, left_handed = zip(*hands, strict=True)
    return np.stack(landmarks), np.array(labels), np.array(left_handed)


def _read_pictures(folder: Path) -> list[tuple[np.ndarray, str, bool]]:
    pictures = find_pictures(folder)
    for path in pictures.passed_over:
        tqdm.write(f"{printable(path)} has no picture's name, passed over")
    hands = []
    with Landmarker() as landmarker:
        for path, label in zip(tqdm(pictures.paths, unit=" pictures"), pictures.labels, strict=True):
            try:
                hand = landmarker.find(read_picture(pictures.file(path)))
            except BrokenPicture as error:
                tqdm.write(f"{printable(path)} cannot be read, skipped: {error}")
                continue
            if hand is None:
                tqdm.write(f"{printable(path)}: no hand found")
            hands.append((hand.landmarks, label, hand.left_handed) if hand else (_MISS, label, False))
    if not hands:
        raise UserError(f"none of the {len(pictures.paths)} pictures in {folder} can be read")
    return hands


def _read_videos(videos: list[Path]) -> list[tuple[np.ndarray, str, bool]]:
    """The hands of the steady part of each video; one miss for a video without any."""
    hands = []
    for path in tqdm(videos, unit=" videos"):
        label = find_label(path.stem)
        steady = []
        if label not in MOTION_LETTERS:  # which are left out
            try:
                clip, times = _read_video(path)
            except UserError as error:
                tqdm.write(f"skipped: {error}")
                continue
            landmarks = np.stack([hand.landmarks if hand else _MISS for hand in clip])
            steady = [clip[frame] for frame in steady_frames(landmarks, times)]
            if not any(clip):
                tqdm.write(f"{printable(path)}: no hand found")
            elif not steady:
                tqdm.write(f"{printable(path)}: no letter found, since the hand never holds still")
        hands += [(hand.landmarks, label, hand.left_handed) for hand in steady] or [(_MISS, label, False)]
    if not hands:
        raise UserError(f"none of the {len(videos)} videos can be read; expected for example A.mp4, B.mp4")
    return hands


def _read_video(path: Path) -> tuple[list[Hand | None], np.ndarray]:
    """The hand of every frame, and the frames' times (T,) in seconds."""
    with Video(path) as video, Landmarker(video=True) as landmarker:
        hands, times = zip(*((landmarker.track(frame, time), time) for frame, time in video), strict=True)
    return list(hands), np.array(times)


def steady_frames(landmarks: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Frames of the longest time in which the hand of a clip (T, 21, 3) holds still: not those of coming up and going down.
    times: of its frames (T,), in seconds."""
    seen = ~np.isnan(landmarks[:, 0, 0])
    if not seen.any():
        return np.array([], dtype=int)
    hands = palm_clips(landmarks[None], np.array([False]))[0]
    moved = np.linalg.norm(np.diff(hands[..., :2], axis=0), axis=2).mean(axis=1)
    speeds = moved / np.diff(times)
    speeds = np.concatenate([speeds[:1] if len(speeds) else [0.0], speeds])  # the first frame's is the second's
    speeds[~seen] = np.inf
    padded = np.pad(speeds, _SMOOTH // 2, mode="edge")
    speed = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH), axis=1)
    frames = np.flatnonzero(seen & (speed < STEADY))
    runs = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return max(runs, key=len)


def last_quarter(labels: np.ndarray) -> np.ndarray:
    """bool (N,): of every label the last quarter of its samples, in the order given."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        chosen[rows[len(rows) - len(rows) // 4 :]] = True
    return chosen


def accuracy(model: LandmarkGRU, landmarks: np.ndarray, labels: np.ndarray, left_handed: np.ndarray) -> float:
    """The share of samples (N, 21, 3) that `model` reads right."""
    predicted = Recognizer(model).predict(landmarks, left_handed).argmax(axis=1)
    return float((predicted == [LABEL_IDS[label] for label in labels]).mean())


if __name__ == "__main__":
    run(main)
