"""Processed folders and `.npz` landmark files -> arrays in memory."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from data.splits import consecutive_blocks, group_split
from sign2sound.errors import UserError
from sign2sound.features import FRAME_RATE
from sign2sound.files import read_arrays
from sign2sound.hand import LANDMARKS
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING, find_label

VALIDATION_SHARE = 0.15  # of a source that comes without a split of its own
_STORED_SPLIT_SEED = 0
_OTHER_SIGNS = "not_letters"  # in the name of a landmark file, or of its folder, that holds signs that are none of the 29
# Signs that are none of the 29 but look like a letter, or begin with one; to read them as it is no fault.
LOOK_ALIKES = ("1", "2", "4", "6", "9", "water", "ok", "hello", "can", "coffee")
_LARGEST = 1 << 36  # bytes of a landmark file


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples of T frames, T = 1 for stills.

    landmarks: float32 (N, T, 21, 3), pixels, NaN where no hand was found; labels: int64 (N,), ids of LABELS;
    left_handed, trusted, validation: bool (N,); sources, groups: str (N,). `validation` is the split stored with the data.
    passes: int64 (N,), the pass of `Landmarker.find` that found the hand: 0 where none did, 1 where the data do not say.
    has_z: bool (N,), false where only x and y were recorded and every z is 0.
    """

    classes: ClassVar[tuple[str, ...]] = LABELS

    landmarks: np.ndarray
    labels: np.ndarray
    left_handed: np.ndarray
    trusted: np.ndarray
    validation: np.ndarray
    sources: np.ndarray
    groups: np.ndarray
    passes: np.ndarray
    has_z: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows) -> "Samples":
        return Samples(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def found(self) -> np.ndarray:
        """bool (N,): a hand was found in some frame."""
        return ~np.isnan(self.landmarks[:, :, 0, 0]).all(axis=1)

    @property
    def test(self) -> np.ndarray:
        """bool (N,): stored for testing alone. Landmarks never are."""
        return np.zeros(len(self), dtype=bool)


def load_samples(paths: list[str | Path]) -> tuple[Samples, Samples | None]:
    """The stills and the clips (None without any) of processed folders, `.npz` files and folders of `.npz` files.

    A source is named after its folder or file. Labels match in any case. A landmark file with `not_letters` in its name or its
    folder's may hold other signs (digits, say): they are `nothing`, and sure to be that. Landmarks that are all zero count as
    missed. Raises UserError when a path holds no data, labels or landmarks of another kind, or no still is found at all.
    """
    stills, clips = [], []
    for path in map(Path, paths):
        for samples in _load(path):
            (stills if samples.landmarks.shape[1] == 1 else clips).append(samples)
    if not stills:
        raise UserError(f"no stills in {', '.join(map(str, paths))}; expected at least one processed folder or landmark file")
    return _joined(stills), _joined(clips) if clips else None


def _load(path: Path) -> list[Samples]:
    if (path / "landmarks.npy").is_file():
        return [_load_processed(path)]
    if path.suffix == ".npz" and path.is_file():
        return [_load_npz(path)]
    if files := sorted(path.glob("*.npz")):
        return [_load_npz(file) for file in files]
    what = "neither landmarks.npy nor a .npz file there" if path.exists() else "no such file or folder"
    raise UserError(f"no data at {path}: {what}; make it with `python scripts/preprocess.py --input IMAGES --output {path}`")


def _load_processed(folder: Path) -> Samples:
    try:
        landmarks = _checked(np.load(folder / "landmarks.npy"))[:, None]
        index = pd.read_csv(folder / "index.csv", keep_default_na=False)
        samples = Samples(
            landmarks=landmarks,
            labels=index["label"].map(LABEL_IDS).to_numpy(np.int64),
            left_handed=(index["handedness"] == "Left").to_numpy(),
            trusted=np.ones(len(index), dtype=bool),
            validation=(index["split"] == "validation").to_numpy(),
            sources=np.full(len(index), folder.resolve().name),
            groups=index["group"].to_numpy(str),
            passes=index["pass"].to_numpy(np.int64),
            has_z=np.ones(len(index), dtype=bool),
        )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UserError(f"{folder} is no processed data ({error}); make it again with scripts/preprocess.py --fresh") from error
    if len(landmarks) != len(index):
        raise UserError(f"{folder}: landmarks.npy has {len(landmarks)} rows, index.csv {len(index)}; make it again")
    return samples


def _load_npz(file: Path) -> Samples:
    """Landmark files name no groups: consecutive frames form blocks, and the stored split goes by them. A file with no more
    than one sample of a class cannot be split and has no validation rows."""
    try:
        arrays = read_arrays(file, _LARGEST)
        names = _named(arrays["label"], _OTHER_SIGNS in f"{file.resolve().parent.name}/{file.name}")
        landmarks = _checked(arrays["landmarks"])
        left_handed = arrays["left_handed"].astype(bool)
        known = np.isin(names, LABELS)
        trusted = arrays["trusted"].astype(bool) | ~known if "trusted" in arrays else np.ones(len(names), dtype=bool)
        trusted &= ~np.isin(np.char.lower(names), LOOK_ALIKES)
        passes = arrays["found"].astype(np.int64) if "found" in arrays else np.ones(len(names), dtype=np.int64)
        has_z = np.broadcast_to(arrays.get("has_z", True), len(names)).astype(bool)  # of the whole file, or of each row
        for name, values in {"label": names, "left_handed": left_handed, "trusted": trusted, "found": passes}.items():
            if values.shape != (len(landmarks),):
                raise ValueError(f"{name} is {values.shape}, expected ({len(landmarks)},) as landmarks have that many rows")
        if landmarks.ndim == 4 and "fps" in arrays:
            landmarks = _at_our_rate(landmarks, float(arrays["fps"]))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file} is no landmark file ({error}); expected arrays landmarks, label, left_handed") from error
    labels = np.array([LABEL_IDS.get(name, NOTHING) for name in names], dtype=np.int64)
    groups = consecutive_blocks(names)
    validation = np.zeros(len(labels), dtype=bool)
    if len(labels) > len(np.unique(labels)):
        validation = group_split(labels, groups, VALIDATION_SHARE, _STORED_SPLIT_SEED)
    return Samples(
        landmarks=landmarks if landmarks.ndim == 4 else landmarks[:, None],
        labels=labels,
        left_handed=left_handed,
        trusted=trusted,
        validation=validation,
        sources=np.full(len(labels), file.stem),
        groups=np.char.add(f"{file.stem}/", groups),
        passes=passes,
        has_z=has_z,
    )


def _at_our_rate(clips: np.ndarray, rate: float) -> np.ndarray:
    """Clips (N, T, 21, 3) of `rate` frames/s at FRAME_RATE, straight lines between their frames. Raises ValueError."""
    if not 1 <= rate <= 1000:
        raise ValueError(f"fps is {rate}, expected frames a second")
    if rate == FRAME_RATE:
        return clips
    times = np.arange(0, clips.shape[1] - 1 + 1e-6, rate / FRAME_RATE)
    before = np.minimum(times.astype(int), clips.shape[1] - 2)
    share = (times - before).astype(np.float32)[:, None, None]
    return clips[:, before] * (1 - share) + clips[:, before + 1] * share


def _named(labels: np.ndarray, others: bool) -> np.ndarray:
    """Labels as LABELS write them: str (N,). others: what is none of them stays as it is. Raises ValueError."""
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.dtype.kind != "U":
        raise ValueError(f"label holds {labels.dtype}, expected names such as A or space")
    names = {label: find_label(label) or label for label in np.unique(labels).tolist()}
    if not others and (unknown := [name for name in names.values() if name not in LABELS]):
        raise ValueError(
            f"label holds {', '.join(map(repr, unknown[:5]))}, expected {', '.join(LABELS)}; a file of other signs has "
            f"{_OTHER_SIGNS} in its name"
        )
    return np.array([names[label] for label in labels.tolist()], dtype=str)


def _checked(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (N, [T,] 21, 3) or (N, 63) as float32 (N, [T,] 21, 3), a hand NaN or finite as a whole. Raises ValueError."""
    if landmarks.dtype.kind not in "fiu":
        raise ValueError(f"landmarks hold {landmarks.dtype}, expected numbers")
    if landmarks.ndim == 2 and landmarks.shape[1] == 3 * LANDMARKS:
        landmarks = landmarks.reshape(-1, LANDMARKS, 3)
    if landmarks.ndim not in (3, 4) or landmarks.shape[-2:] != (LANDMARKS, 3):
        raise ValueError(f"landmarks are {landmarks.shape}, expected (N, 21, 3), (N, 63) or (N, T, 21, 3)")
    landmarks = landmarks.astype(np.float32)
    missed = np.isnan(landmarks).all(axis=(-2, -1)) | (landmarks == 0).all(axis=(-2, -1))
    odd = ~missed & ~np.isfinite(landmarks).all(axis=(-2, -1))
    if odd.any():
        raise ValueError(
            f"landmarks have NaN or infinity in some joints of {odd.sum()} hands, expected it in all where one is missed"
        )
    landmarks[missed] = np.nan
    return landmarks


def _joined(parts: list[Samples]) -> Samples:
    frames = max(part.landmarks.shape[1] for part in parts)
    padded = []
    for part in parts:
        missing = frames - part.landmarks.shape[1]
        landmarks = np.pad(part.landmarks, ((0, 0), (0, missing), (0, 0), (0, 0)), constant_values=np.nan)
        padded.append(replace(part, landmarks=landmarks))
    return Samples(*(np.concatenate([getattr(part, field.name) for part in padded]) for field in fields(Samples)))
