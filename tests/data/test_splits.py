import numpy as np
import pytest

from data.splits import consecutive_blocks, group_split, named_groups, random_split
from sign2sound.errors import UserError


def test_consecutive_blocks_cut_each_class_in_order():
    labels = np.array(list("AABAAB"))
    assert consecutive_blocks(labels, blocks=2).tolist() == ["A/01", "A/01", "B/01", "A/02", "A/02", "B/02"]


def test_a_class_smaller_than_the_blocks_has_one_sample_a_block():
    assert consecutive_blocks(np.array(["A"] * 3)).tolist() == ["A/01", "A/02", "A/03"]


def test_blocks_are_equal_and_twenty():
    groups = consecutive_blocks(np.array(["B"] * 60))
    assert np.unique(groups, return_counts=True)[1].tolist() == [3] * 20
    assert groups[0] == "B/01" and groups[-1] == "B/20"


def test_random_split_takes_the_share_of_every_class():
    labels = np.repeat(["A", "B"], [100, 200])
    validation = random_split(labels, 0.15, seed=0)
    assert validation.dtype == bool
    assert validation[:100].sum() == 15 and validation[100:].sum() == 30


def test_random_split_of_a_class_of_one_names_the_way_out():
    with pytest.raises(UserError, match="split by group"):
        random_split(np.array(["A"] * 20 + ["B"]), 0.15, seed=0)


@pytest.mark.parametrize("seed", [0, 1])
def test_group_split_never_cuts_a_group_and_meets_the_share_in_every_class(seed):
    labels = np.repeat([f"class{number}" for number in range(29)], 60)
    groups = consecutive_blocks(labels)
    validation = group_split(labels, groups, 0.15, seed)
    assert not set(groups[validation]) & set(groups[~validation])
    assert 0.12 <= validation.mean() <= 0.18
    for label in np.unique(labels):
        assert 0.05 <= validation[labels == label].mean() <= 0.25


def test_a_group_that_spans_classes_stays_whole():
    labels = np.tile(["A", "B"], 50)
    groups = np.repeat([f"signer {number}" for number in range(10)], 10)
    validation = group_split(labels, groups, 0.15, seed=0)
    assert not set(groups[validation]) & set(groups[~validation])
    assert validation.sum() in (10, 20)


def test_two_groups_are_enough_and_one_is_not():
    labels = np.array(["A"] * 10)
    assert group_split(labels, np.repeat(["one", "two"], [8, 2]), 0.15, seed=0).sum() == 2
    with pytest.raises(UserError, match="one group"):
        group_split(labels, np.array(["one"] * 10), 0.15, seed=0)


def test_small_classes_are_split_and_classes_of_one_are_not():
    labels = np.repeat(["A", "B", "C"], 2)
    assert group_split(labels, consecutive_blocks(labels), 0.15, seed=0).any()
    labels = np.array(["A", "B", "C"])
    with pytest.raises(UserError, match="one sample"):
        group_split(labels, consecutive_blocks(labels), 0.15, seed=0)


@pytest.mark.parametrize("split", [random_split, lambda *args: group_split(args[0], consecutive_blocks(args[0]), *args[1:])])
def test_splits_repeat_with_their_seed(split):
    labels = np.repeat(["A", "B"], 100)
    assert (split(labels, 0.15, 3) == split(labels, 0.15, 3)).all()
    assert (split(labels, 0.15, 3) != split(labels, 0.15, 4)).any()


PATHS = ["A/anna/a_1.jpg", "A/bob/a_2.jpg", "B/anna/b_1.jpg", "B/c_1.jpg"]
LABELS = ["A", "A", "B", "B"]


def test_groups_by_folder_span_the_classes():
    assert named_groups(PATHS, LABELS, "folder").tolist() == ["anna", "bob", "anna", ""]


def test_groups_by_blocks_are_the_default_blocks():
    assert named_groups(PATHS, LABELS, "blocks").tolist() == ["A/01", "A/02", "B/01", "B/02"]


def test_groups_by_pattern_are_its_first_group():
    assert named_groups(PATHS, LABELS, r"([abc])_(\d)").tolist() == ["a", "a", "b", "c"]


def test_groups_by_csv(tmp_path):
    table = tmp_path / "Groups.CSV"
    table.write_text("group,path\n" + "".join(f"g{number},{path}\n" for number, path in enumerate(PATHS)))
    assert named_groups(PATHS, LABELS, str(table)).tolist() == ["g0", "g1", "g2", "g3"]
    table.write_text("group,path\ng0,A/anna/a_1.jpg\n")
    with pytest.raises(UserError, match="no group to 3 of 4 pictures, such as A/bob/a_2.jpg"):
        named_groups(PATHS, LABELS, str(table))
    table.write_text("who,path\ng0,A/anna/a_1.jpg\n")
    with pytest.raises(UserError, match="no column 'group'"):
        named_groups(PATHS, LABELS, str(table))


@pytest.mark.parametrize(
    ("group_by", "message"),
    [
        ("folders", "neither blocks, folder"),
        ("(a", "no regular expression"),
        ("(bob)", "no group to 3 of 4 pictures, such as A/anna/a_1.jpg"),
        ("absent.csv", "cannot be read"),
    ],
)
def test_other_groups_are_refused_with_what_was_expected(group_by, message):
    with pytest.raises(UserError, match=message):
        named_groups(PATHS, LABELS, group_by)
