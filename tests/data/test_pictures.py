import pytest

from data.pictures import find_pictures
from sign2sound.errors import UserError
from sign2sound.labels import LABELS


def files(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_pictures_are_ordered_by_class_then_as_people_count(tmp_path):
    files(tmp_path, "space/1.png", "b/B2.JPG", "b/B10.jpg", "b/B1.webp", "A/anna/3.bmp", "A/x.jpeg", "A/notes.txt", "A/._x.jpg")
    pictures = find_pictures(tmp_path)
    assert pictures.paths == ["A/anna/3.bmp", "A/x.jpeg", "b/B1.webp", "b/B2.JPG", "b/B10.jpg", "space/1.png"]
    assert pictures.labels == ["A", "A", "B", "B", "B", "space"]
    assert pictures.root == tmp_path.resolve()
    assert pictures.passed_over == ["A/notes.txt"]


def test_folders_that_are_no_class_are_named(tmp_path):
    files(tmp_path, "A/1.jpg", "AA/1.jpg", "test/1.jpg")
    pictures = find_pictures(tmp_path)
    assert pictures.skipped == ["AA", "test"]
    assert pictures.paths == ["A/1.jpg"]


def test_the_doubled_folder_of_the_kaggle_archive_is_entered(tmp_path):
    files(tmp_path, "asl_alphabet_train/A/1.jpg", "other/1.jpg")
    pictures = find_pictures(tmp_path)
    assert pictures.root == tmp_path.resolve() / "asl_alphabet_train"
    assert pictures.paths == ["A/1.jpg"]


def test_two_folders_of_classes_are_not_mixed(tmp_path):
    files(tmp_path, "train/A/1.jpg", "test/A/1.jpg")
    with pytest.raises(UserError, match="test, train"):
        find_pictures(tmp_path)


def test_no_class_folder_is_an_error_that_lists_all_29(tmp_path):
    files(tmp_path, "hands/1.jpg")
    with pytest.raises(UserError) as error:
        find_pictures(tmp_path)
    assert ", ".join(LABELS) in str(error.value)


def test_no_folder_and_no_picture_are_errors(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        find_pictures(tmp_path / "absent")
    files(tmp_path, "A/1.raw")
    with pytest.raises(UserError, match="no picture"):
        find_pictures(tmp_path)
