"""Which samples validate: a random share, or whole groups, so that nothing seen in training is near a validation sample."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from sign2sound.errors import UserError


def random_split(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A random `share` of every class: bool (N,), True = validation.

    In a set of video frames the neighbours of a validation frame are then in training, and the accuracy flatters.
    Raises UserError where a class is too small to be in both parts.
    """
    validation = np.zeros(len(labels), bool)
    try:
        _, chosen = train_test_split(np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed)
    except ValueError as error:
        raise UserError(f"a random split of {len(labels)} samples fails: {error} Add samples or split by group.") from error
    validation[chosen] = True
    return validation


def group_split(labels: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Whole groups, about `share` of the samples and of every class as far as groups allow: bool (N,), True = validation.

    Raises UserError where there is only one group, or no class of two samples.
    """
    count = len(np.unique(groups))
    if count < 2:
        raise UserError(f"all {len(labels)} samples are in one group; a split by group needs two: group them more finely")
    largest_class = np.unique(labels, return_counts=True)[1].max()
    if largest_class < 2:
        raise UserError(f"every class has one sample, {len(labels)} in all; a split needs two of a class: add samples")
    folds = StratifiedGroupKFold(min(round(1 / share), count, largest_class), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it is then in some folds only
        parts = [part for _, part in folds.split(labels, labels, groups) if len(part)]
    validation = np.zeros(len(labels), bool)
    validation[min(parts, key=lambda part: abs(len(part) / len(labels) - share))] = True
    return validation


def consecutive_blocks(labels: np.ndarray, blocks: int = 20) -> np.ndarray:
    """A group for every sample, such as "A/07": the samples of each class, in the order given, cut into equal blocks.

    For sets of video frames without names of signers: neighbours are near-duplicates and stay together. A class of fewer
    than `blocks` samples has that many blocks.
    """
    labels = np.asarray(labels)
    groups = np.empty(len(labels), object)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        for number, block in enumerate(np.array_split(members, min(blocks, len(members))), start=1):
            groups[block] = f"{label}/{number:02d}"
    return groups.astype(str)
