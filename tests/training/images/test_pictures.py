import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from data.splits import consecutive_blocks, group_split
from sign2sound.errors import UserError
from sign2sound.labels import STATIC_LETTERS
from training.config import PictureAugmentation
from training.images.augmentation import make_augmentation
from training.images.pictures import load_pictures

ABC = ["A", "B", "C"]
STILL = dict.fromkeys(PictureAugmentation.model_fields, 0)


def make_folder(root, count=20, classes=ABC, side=8):
    """Every class has its own colour; within a class a picture is as bright as its number says."""
    for channel, label in enumerate(classes):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = np.zeros((side, side, 3), np.uint8)
            pixels[..., channel] = 100 + number
            Image.fromarray(pixels).save(root / label / f"{label}{number}.png")
    return root


def test_a_folder_is_read_scaled_and_split_like_the_landmarks_are(tmp_path):
    pictures = load_pictures([make_folder(tmp_path / "anna")], ABC, [4, 6, 3])
    assert pictures.pixels.shape == (60, 4, 6, 3) and pictures.pixels.dtype == np.uint8
    assert pictures.labels.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert (pictures.pixels[25, :, :, 1] == 105).all()  # the order is that of people's counting
    assert set(pictures.sources) == {"anna"}
    labels = np.repeat(ABC, 20)
    expected = group_split(labels, consecutive_blocks(labels), 0.15, seed=0)
    assert (pictures.validation == expected).all() and expected.any()
    assert pictures.found.all() and pictures.trusted.all() and (pictures.passes == 1).all()


def test_the_split_is_the_same_whatever_classes_are_wanted(tmp_path):
    folder = make_folder(tmp_path / "anna")
    whole, some = load_pictures([folder], ABC, [4, 4, 3]), load_pictures([folder], ["C", "A"], [4, 4, 3])
    assert some.labels.tolist() == [1] * 20 + [0] * 20
    assert (some.validation == whole.validation[np.r_[:20, 40:60]]).all()


def test_folders_named_after_parts_are_these_parts(tmp_path):
    for part, count in (("train", 6), ("Val", 3), ("test", 2)):
        make_folder(tmp_path / "set" / part, count)
    pictures = load_pictures([tmp_path / "set"], ABC, [4, 4, 1])
    assert pictures.pixels.shape == (33, 4, 4, 1)
    assert {part: int((pictures.parts == part).sum()) for part in np.unique(pictures.parts)} == {
        "train": 18, "validation": 9, "test": 6,
    }  # fmt: skip
    assert set(pictures.sources) == {"set"}


def test_without_val_groups_of_train_validate(tmp_path):
    for part in ("train", "test"):
        make_folder(tmp_path / "set" / part)
    pictures = load_pictures([tmp_path / "set"], ABC, [4, 4, 3])
    assert pictures.test.sum() == 60
    assert 0 < pictures.validation.sum() < 20
    validating, training = (set(pictures.groups[pictures.parts == part]) for part in ("validation", "train"))
    assert not validating & training


def test_one_picture_of_each_class_is_for_measuring_alone(tmp_path):
    assert not load_pictures([make_folder(tmp_path / "anna", 1)], ABC, [4, 4, 3]).validation.any()


def test_broken_files_are_named_and_left_out(tmp_path, capsys):
    folder = make_folder(tmp_path / "anna")
    (folder / "B" / "B3.png").write_bytes(b"no picture")
    pictures = load_pictures([folder], ABC, [4, 4, 3])
    assert np.bincount(pictures.labels).tolist() == [20, 19, 20]
    assert (pictures.pixels[23, :, :, 1] == 104).all()
    assert "B3.png cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("closed_up", [False, True])
def test_sign_mnist_labels_are_the_static_letters(tmp_path, closed_up):
    open_labels = [label for label in range(25) if label != 9]
    labels = np.array(range(24) if closed_up else open_labels)
    for part, shade in (("train", 10), ("test", 20)):
        table = pd.DataFrame(np.full((24, 784), shade), columns=[f"pixel{number}" for number in range(1, 785)])
        table.insert(0, "label", labels)
        table.to_csv(tmp_path / f"sign_mnist_{part}.csv", index=False)
    pictures = load_pictures([tmp_path], STATIC_LETTERS, [28, 28, 1])
    assert [STATIC_LETTERS[label] for label in pictures.labels[:24]] == list(STATIC_LETTERS)
    assert (pictures.pixels[pictures.validation] == 20).all() and pictures.validation.sum() == 24


def save_arrays(path, **changes):
    arrays = {
        "X_train": np.full((6, 8, 8), 0.5), "y_train": np.arange(6) % 3,
        "X_valid": np.full((3, 8, 8), 1.0), "y_valid": np.arange(3),
    }  # fmt: skip
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return path


@pytest.mark.parametrize("scale", [1, 255])
def test_arrays_in_either_scale(tmp_path, scale):
    path = save_arrays(tmp_path / "signs.npz", X_train=np.full((6, 8, 8, 1), 0.4 * scale), X_valid=np.full((3, 8, 8, 1), scale))
    pictures = load_pictures([path], ABC, [8, 8, 1])
    assert set(pictures.pixels[~pictures.validation].flat) == {102} and set(pictures.pixels[pictures.validation].flat) == {255}
    assert set(pictures.sources) == {"signs"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"y_valid": None}, "expected X_train, y_train, X_valid, y_valid"),
        ({"y_train": np.arange(6)}, "y_train is no id from 0 to 2"),
        ({"y_valid": np.arange(2)}, "for each of the 3 pictures"),
        ({"X_train": np.ones((6, 8, 9)), "X_valid": np.ones((3, 8, 9))}, "pictures of (8, 9, 1), expected (8, 8, 1)"),
        ({"X_train": np.full((6, 8, 8), 300)}, "0 to 255"),
        ({"X_train": np.full((6, 8, 8), -1)}, "0 to 255"),
    ],
)
def test_other_arrays_are_refused(tmp_path, changes, reason):
    with pytest.raises(UserError) as refused:
        load_pictures([save_arrays(tmp_path / "signs.npz", **changes)], ABC, [8, 8, 1])
    assert reason in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        load_pictures([tmp_path / "none"], ABC, [8, 8, 1])
    with pytest.raises(UserError, match="no picture of D, E, F"):
        load_pictures([make_folder(tmp_path / "anna", 4)], ["D", "E", "F"], [8, 8, 1])
    (tmp_path / "sign_mnist_train.csv").write_text("label\n1\n")
    with pytest.raises(UserError, match=r"expected sign_mnist_valid\.csv or _test\.csv"):
        load_pictures([tmp_path], STATIC_LETTERS, [28, 28, 1])
    (tmp_path / "sign_mnist_test.csv").write_text("label,pixel1\n1,2\n")
    with pytest.raises(UserError, match="has 1 columns"):
        load_pictures([tmp_path], STATIC_LETTERS, [28, 28, 1])


def test_without_augmentation_pictures_stay_as_they_are():
    pictures = torch.rand(3, 3, 8, 8)
    assert torch.allclose(make_augmentation(PictureAugmentation(**STILL))(pictures), pictures, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_varied_within_their_range_and_each_in_its_own_way(channels):
    options = STILL | {"rotation": 20, "shift": 0.2, "zoom": 0.2, "shear": 10, "brightness": 0.2, "flip": 0.5}
    picture = torch.rand(1, channels, 16, 16).expand(4, -1, -1, -1)
    augment = make_augmentation(PictureAugmentation(**options))
    torch.manual_seed(0)
    varied = augment(picture)
    assert varied.shape == picture.shape and varied.min() >= 0 and varied.max() <= 1
    assert not torch.allclose(varied[0], varied[1], atol=0.05)
    torch.manual_seed(0)
    assert torch.equal(augment(picture), varied)


def test_brightness_and_flip_by_hand():
    picture = torch.linspace(0.1, 0.5, 16).expand(200, 3, 4, 16)
    torch.manual_seed(0)
    flipped = make_augmentation(PictureAugmentation(**STILL | {"flip": 0.5}))(picture)
    is_flipped = flipped[:, 0, 0, 0] > 0.3
    assert torch.allclose(flipped[is_flipped], picture[is_flipped].flip(3), atol=1e-5)
    assert is_flipped.float().mean() == pytest.approx(0.5, abs=0.12)
    factors = (make_augmentation(PictureAugmentation(**STILL | {"brightness": 0.2}))(picture) / picture).flatten(1)
    assert torch.allclose(factors, factors[:, :1].expand_as(factors), atol=1e-4)
    assert factors.min() >= 0.799 and factors.max() <= 1.201 and factors.std() > 0.05
