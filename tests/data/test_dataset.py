import numpy as np
import pandas as pd
import pytest

from data.dataset import load_samples
from sign2sound.errors import UserError
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING


@pytest.fixture
def landmark_file(tmp_path):
    """Forty stills: twenty A, eighteen of a sign that is none of the 29, two B without a found hand."""
    landmarks = np.ones((40, 21, 3), np.float32)
    landmarks[38:] = np.nan
    file = tmp_path / "not_letters_someone.npz"
    label = np.array(["A"] * 20 + ["7"] * 18 + ["B"] * 2)
    np.savez(file, landmarks=landmarks, label=label, left_handed=np.arange(40) < 5, trusted=np.arange(40) != 3)
    return file


def test_a_landmark_file_is_a_source_of_its_own(landmark_file):
    stills, clips = load_samples([landmark_file])
    assert clips is None
    assert len(stills) == 40 and stills.landmarks.shape == (40, 1, 21, 3)
    assert set(stills.sources) == {"not_letters_someone"}
    labels = [LABEL_IDS["A"]] * 20 + [NOTHING] * 18 + [LABEL_IDS["B"]] * 2  # a sign that is none of ours is nothing
    assert stills.labels.tolist() == labels
    assert stills.left_handed.sum() == 5 and stills.trusted.sum() == 39
    assert stills.found.tolist() == [True] * 38 + [False] * 2


def test_passes_are_those_of_the_file_or_the_first(tmp_path, landmark_file):
    assert load_samples([landmark_file])[0].passes.tolist() == [1] * 40
    with np.load(landmark_file) as arrays:
        np.savez(tmp_path / "not_letters_noted.npz", **arrays, found=np.arange(40, dtype=np.int8) % 3)
    passes = load_samples([tmp_path / "not_letters_noted.npz"])[0].passes
    assert passes.tolist() == [number % 3 for number in range(40)]


def test_z_is_there_unless_the_file_or_the_row_says_otherwise(tmp_path, landmark_file):
    assert load_samples([landmark_file])[0].has_z.all()
    with np.load(landmark_file) as arrays:
        for name, has_z in (("not_letters_flat", np.array(False)), ("not_letters_partly", np.arange(40) < 7)):
            np.savez(tmp_path / f"{name}.npz", **arrays, has_z=has_z)
    assert load_samples([tmp_path / "not_letters_flat.npz"])[0].has_z.sum() == 0
    assert load_samples([tmp_path / "not_letters_partly.npz"])[0].has_z.sum() == 7


def test_the_stored_split_of_a_landmark_file_keeps_blocks_whole(landmark_file):
    stills, _ = load_samples([landmark_file])
    assert 0 < stills.validation.sum() < len(stills)
    for group in set(stills.groups):
        assert len(set(stills.validation[stills.groups == group])) == 1


def test_a_folder_of_files_is_all_of_them_and_clips_are_padded(tmp_path, landmark_file):
    for name, frames in (("short", 3), ("long", 5)):
        clips = np.ones((4, frames, 21, 3), np.float32)
        np.savez(tmp_path / f"{name}.npz", landmarks=clips, label=np.array(list("JJZZ")), left_handed=np.zeros(4, bool))
    stills, clips = load_samples([tmp_path])
    assert len(stills) == 40
    assert clips.landmarks.shape == (8, 5, 21, 3)
    short = clips[clips.sources == "short"]
    assert np.isnan(short.landmarks[:, 3:]).all() and np.isfinite(short.landmarks[:, :3]).all()


def test_a_processed_folder_keeps_its_split_and_misses(tmp_path):
    folder = tmp_path / "processed"
    folder.mkdir()
    landmarks = np.arange(3 * 63, dtype=np.float32).reshape(3, 63)
    landmarks[1] = np.nan
    np.save(folder / "landmarks.npy", landmarks)
    rows = [
        ("A/1.png", "A", "A/01", "train", 1, "Left"),
        ("nothing/1.png", "nothing", "n", "train", 0, ""),
        ("A/2.png", "A", "A/02", "validation", 3, "Right"),
    ]
    columns = ["path", "label", "group", "split", "pass", "handedness"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "index.csv", index=False)
    stills, _ = load_samples([folder])
    assert stills.landmarks[2, 0, 0].tolist() == [126, 127, 128]
    assert stills.found.tolist() == [True, False, True]
    assert stills.left_handed.tolist() == [True, False, False]
    assert stills.validation.tolist() == [False, False, True]
    assert stills.passes.tolist() == [1, 0, 3]
    assert [LABELS[label] for label in stills.labels] == ["A", "nothing", "A"]


def test_what_is_no_data_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        load_samples([tmp_path / "none"])
    with pytest.raises(UserError, match="neither landmarks.npy nor"):
        load_samples([tmp_path])
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not a zip")
    with pytest.raises(UserError, match="broken.npz is no landmark file"):
        load_samples([broken])


def test_clips_alone_are_not_enough(tmp_path):
    file = tmp_path / "clips.npz"
    np.savez(file, landmarks=np.ones((2, 4, 21, 3), np.float32), label=np.array(["J", "J"]), left_handed=np.zeros(2, bool))
    with pytest.raises(UserError, match="no stills"):
        load_samples([file])


def write(file, landmarks, label):
    np.savez(file, landmarks=landmarks, label=label, left_handed=np.zeros(len(landmarks), bool))
    return [file]


@pytest.mark.parametrize("labels", [["a", "B", "SPACE"], [b"A", b"b", b"space"]])
def test_labels_are_taken_in_any_case_and_as_bytes(tmp_path, labels):
    stills, _ = load_samples(write(tmp_path / "x.npz", np.ones((3, 21, 3), np.float32), np.array(labels)))
    assert [LABELS[label] for label in stills.labels] == ["A", "B", "space"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.arange(3), "label holds int64"), (["A", "0", "1"], "label holds '0', '1', expected A"), (["A", "B"], "label is .2,.")],
)
def test_other_labels_are_refused_by_name_and_never_become_nothing(tmp_path, labels, message):
    with pytest.raises(UserError, match=message):
        load_samples(write(tmp_path / "x.npz", np.ones((3, 21, 3), np.float32), np.array(labels)))


def test_rows_of_63_and_zeros_for_a_missed_hand_are_understood(tmp_path):
    landmarks = np.ones((3, 63), np.float32)
    landmarks[1] = 0
    stills, _ = load_samples(write(tmp_path / "x.npz", landmarks, np.array(["A", "A", "B"])))
    assert stills.landmarks.shape == (3, 1, 21, 3)
    assert stills.found.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda landmarks: landmarks[:, :, :2], "are .3, 21, 2., expected"),
        (lambda landmarks: np.where(np.arange(3) == 2, np.nan, landmarks), "NaN or infinity in some joints of 3 hands"),
        (lambda landmarks: np.where(landmarks == 1, np.inf, 1), "NaN or infinity in some joints of 3 hands"),
        (lambda landmarks: landmarks.astype(str), "landmarks hold <U"),
    ],
)
def test_landmarks_of_another_kind_are_refused(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        load_samples(write(tmp_path / "x.npz", change(np.ones((3, 21, 3))), np.array(["A", "A", "B"])))
