"""Which samples validate: a random share, or whole groups, so that nothing seen in training is near a validation sample."""

import csv
import re
import warnings

import numpy as np

from sign2sound.errors import UserError


def random_split(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A random `share` of every class: bool (N,), True = validation.

    In a set of video frames the neighbours of a validation frame are then in training, and the accuracy flatters.
    Raises UserError where a class is too small to be in both parts.
    """
    from sklearn.model_selection import train_test_split  # takes seconds to import, and groups do without

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
    from sklearn.model_selection import StratifiedGroupKFold

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


def named_groups(paths: list[str], labels: list[str], group_by: str) -> np.ndarray:
    """The group of every picture: str (N,).

    paths: as `data.pictures.find_pictures` gives them, such as "A/anna/01.jpg".
    group_by: "blocks" (`consecutive_blocks`); "folder", the folder a picture lies in below its class ("anna"); the name of
        a .csv file with the columns path and group; or else a regular expression, found anywhere in the path, whose first
        group is the name.

    Raises UserError where `group_by` is none of these or leaves a picture without a group.
    """
    if group_by == "blocks":
        return consecutive_blocks(labels)
    if group_by == "folder":
        return np.array(["/".join(path.split("/")[1:-1]) for path in paths])
    if group_by.lower().endswith(".csv"):
        named = _read_groups(group_by, {*paths})
        groups = [named.get(path) for path in paths]
    else:
        pattern = _compile(group_by)
        groups = [match and match[1] for match in map(pattern.search, paths)]
    without = [path for path, group in zip(paths, groups, strict=True) if not group]
    if without:
        raise UserError(
            f"--group-by {group_by} gives no group to {len(without)} of {len(paths)} pictures, such as {without[0]}"
        )
    return np.array(groups)


def _read_groups(path: str, wanted: set[str]) -> dict[str, str]:
    """Of the pictures `wanted`: a set of millions is asked for a class at a time."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return {row["path"]: row["group"] for row in csv.DictReader(file) if row["path"] in wanted}
    except (OSError, UnicodeError) as error:
        raise UserError(f"--group-by {path} cannot be read: {error}") from error
    except KeyError as error:
        raise UserError(f"--group-by {path} has no column {error}; its first line must name path and group") from error


def _compile(pattern: str) -> re.Pattern:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--group-by {pattern} is no regular expression: {error}") from error
    if not compiled.groups:
        raise UserError(
            f"--group-by {pattern} is neither blocks, folder, a .csv file "
            r"nor a regular expression with a group, such as '(signer\d+)_'"
        )
    return compiled
