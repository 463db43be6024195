"""Choose the synthetic signer's poses from real signers: python scripts/make_prototypes.py --data DIR

DIR holds `landmarks/` and `clips/`, folders of landmark files. For every letter, each source's typical poses are given an
adult's bone lengths and drawn; the one that is read best from its pictures is kept. The reader is trained here, apart from any
released model, so that such a model can be tried on the poses.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from tqdm import tqdm

from data.dataset import Samples, load_samples
from sign2sound.errors import UserError, run
from sign2sound.features import clip_features, palm_clips
from sign2sound.files import atomic_write, output_file
from sign2sound.labels import LABEL_IDS, STATIC_LETTERS
from sign2sound.landmarker import Landmarker
from sign2sound.prototypes import PROTOTYPES
from sign2sound.signer import draw_hand, place_hand
from training.augmentation import augment
from training.config import Augmentation

# Copyleft sources serve to judge poses, not to take them from.
NOT_TAKEN_FROM = ("kaggle", "samriddhi", "aditi")
# Clips made of one clear movement: the source and the frames in which the hand moves.
MOTIONS = {"J": ("tresajoby", slice(15, 30)), "Z": ("tresajoby", slice(8, 30))}
# Closed hands: MediaPipe puts the thumb into the fingers that it lies on. Tried raised towards the camera, in palm sizes.
FISTS = "AEMNST"
THUMB_RAISED = (0.0, 0.2, 0.4)
# Lengths in palm sizes; MediaPipe's own are too short where a bone points at the camera. 90th percentiles over all sources.
BONE_LENGTHS = {
    (0, 1): 0.50, (1, 2): 0.47, (2, 3): 0.41, (3, 4): 0.34,
    (5, 6): 0.58, (6, 7): 0.37, (7, 8): 0.29,
    (9, 10): 0.63, (10, 11): 0.41, (11, 12): 0.30,
    (13, 14): 0.58, (14, 15): 0.39, (15, 16): 0.30,
    (17, 18): 0.45, (18, 19): 0.28, (19, 20): 0.25,
}  # fmt: skip
POSES = 12  # tried for a letter, at least, shared among its sources
LEFTMOST = -0.6  # palm sizes from wrist to middle knuckle; further left, a right hand's elbow would be across the body
VIEWS = ((0.18, -6), (0.18, 6), (0.22, 0))  # palm's share of the picture, turn in degrees
SAMPLES = 60  # of a source and label, at most: for its typical pose, and to train the reader on
TIE = 0.02  # of poses read so nearly alike, the most typical is kept
COPIES = 3  # of each, varied
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with landmarks/ and clips/")
    parser.add_argument("--output", type=output_file, default=PROTOTYPES, metavar="FILE", help="default: %(default)s")
    args = parser.parse_args()
    stills, clips = load_samples([args.data / "landmarks", args.data / "clips"])
    if clips is None:
        raise UserError(f"no clips in {args.data / 'clips'}; expected landmark files of moving hands for J and Z")

    stills = few_of_each(stills[stills.trusted & stills.found])
    poses = palm_clips(stills.landmarks, stills.left_handed)[:, 0]
    reader = train_reader(poses, stills.labels, stills.has_z)
    prototypes = {}
    with Landmarker() as landmarker:
        for label in tqdm((*STATIC_LETTERS, "space")):
            candidates = typical_poses(poses, stills, LABEL_IDS[label])
            raises = THUMB_RAISED if label in FISTS else (0.0,)
            candidates = [raise_thumb(with_bone_lengths(pose), by) for pose in candidates for by in raises]
            scores = np.array([score(pose, LABEL_IDS[label], landmarker, reader) for pose in candidates])
            prototypes[label] = candidates[int(np.argmax(scores > scores.max() - TIE))][None]
            tqdm.write(f"{label}: read with {scores.max():.2f}, the best of {len(scores)} poses")
    for letter in MOTIONS:
        prototypes[letter] = motion(clips, letter)
    with atomic_write(args.output) as file:
        np.savez_compressed(file, **prototypes)
    print(f"wrote {args.output}")


def few_of_each(samples: Samples) -> Samples:
    """At most SAMPLES of each source and label, at random."""
    random = np.random.default_rng(SEED)
    rows = []
    for source in np.unique(samples.sources):
        for label in np.unique(samples.labels):
            found = np.flatnonzero((samples.sources == source) & (samples.labels == label))
            rows.append(random.permutation(found)[:SAMPLES])
    return samples[np.concatenate(rows)]


def train_reader(poses: np.ndarray, labels: np.ndarray, has_z: np.ndarray) -> MLPClassifier:
    """A single-frame model of poses (N, 21, 3) in palm sizes, apart from the released one."""
    options = Augmentation(rotation=15, tilt=25, scale=0.1, depth_scale=0.3, noise=0.03, jitter=0, without_z=0)
    generator = torch.Generator().manual_seed(SEED)
    copies = torch.from_numpy(np.tile(poses, (COPIES, 1, 1)))[:, None]
    varied = augment(copies, torch.from_numpy(np.tile(has_z, COPIES)), options.noise, options, generator).numpy()
    reader = MLPClassifier((256,), max_iter=12, random_state=SEED)
    with np.errstate(all="ignore"):
        return reader.fit(still_features(varied[:, 0]), np.tile(labels, COPIES))


def still_features(landmarks: np.ndarray) -> np.ndarray:
    """Features (N, 63) of right hands (N, 21, 3)."""
    return clip_features(landmarks[:, None], np.zeros(len(landmarks), dtype=bool))[:, 0]


def typical_poses(poses: np.ndarray, samples: Samples, label: int) -> list[np.ndarray]:
    """Poses of a label near the middle of each source that has it, those nearest to all others first."""
    usable = (samples.labels == label) & (poses[:, 9, 0] > LEFTMOST) & ~np.isin(samples.sources, NOT_TAKEN_FROM)
    sources = np.unique(samples.sources[usable])
    each = -(-POSES // len(sources))
    typical = []
    for source in sources:
        own = poses[usable & (samples.sources == source)]
        inner = own[mean_distances(own).argsort()][: (len(own) + 1) // 2]
        typical += list(inner[np.unique(np.linspace(0, len(inner) - 1, each).astype(int))])
    return [typical[index] for index in mean_distances(np.stack(typical)).argsort()]


def mean_distances(poses: np.ndarray) -> np.ndarray:
    """Of each pose or clip (N, ..., 3) to all of them: mean distance of its points."""
    points = poses.reshape(len(poses), -1, 3)
    return np.array([np.linalg.norm(points - pose, axis=2).mean() for pose in points])


def raise_thumb(pose: np.ndarray, by: float) -> np.ndarray:
    """The pose with its thumb nearer to the camera, `by` palm sizes at its tip."""
    raised = pose.copy()
    raised[2:5, 2] -= by * np.float32([0.5, 1, 1])
    return raised


def with_bone_lengths(pose: np.ndarray) -> np.ndarray:
    """`pose` with BONE_LENGTHS: a bone seen too short is turned towards or away from the camera, as MediaPipe's z says."""
    result = pose.copy()
    for (a, b), length in BONE_LENGTHS.items():
        bone = pose[b] - pose[a]
        depth = np.sqrt(max(length**2 - bone[0] ** 2 - bone[1] ** 2, bone[2] ** 2))
        bone[2] = np.copysign(depth, bone[2])
        result[b] = result[a] + bone * (length / np.linalg.norm(bone))
    return result


def score(pose: np.ndarray, label: int, landmarker: Landmarker, reader: MLPClassifier) -> float:
    """Mean probability of `label` over VIEWS; 0 for a view in which no right hand is found at once."""
    total = 0.0
    for palm, degrees in VIEWS:
        angle = np.deg2rad(degrees)
        turn = np.float32([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        hand = landmarker.find(draw_hand(place_hand(pose @ turn, palm=palm)))
        if hand is not None and hand.found_in == 1 and not hand.left_handed:
            total += reader.predict_proba(still_features(hand.landmarks[None]))[0, list(reader.classes_).index(label)]
    return total / len(VIEWS)


def motion(clips: Samples, letter: str) -> np.ndarray:
    """The most typical clip of a motion letter, smoothed over time."""
    source, frames = MOTIONS[letter]
    rows = (clips.sources == source) & (clips.labels == LABEL_IDS[letter])
    if not rows.any():
        raise UserError(f"no clips of {letter} by {source}; expected them in clips/{source}.npz")
    paths = palm_clips(clips.landmarks[rows], clips.left_handed[rows])[:, frames]
    path = paths[mean_distances(paths - paths[:, :1, :1]).argmin()]
    path = np.stack([with_bone_lengths(pose) for pose in path - path[0, 0]])
    padded = np.concatenate([path[:1], path, path[-1:]])
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


if __name__ == "__main__":
    run(main)
