import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from data.images import MAX_PIXELS, BrokenPicture, find_pictures, read_picture
from sign2sound.errors import UserError
from sign2sound.labels import LABELS

RED = (200, 30, 40)


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
    files(tmp_path, "A/1.heic")
    with pytest.raises(UserError, match="no picture"):
        find_pictures(tmp_path)


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg", "x.png", "x.bmp", "x.webp"])
def test_every_kind_of_file_gives_its_colour(tmp_path, name):
    Image.new("RGB", (32, 16), RED).save(tmp_path / name, quality=100)
    picture = read_picture(tmp_path / name)
    assert picture.shape == (16, 32, 3) and picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - RED).max() <= 6


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (4, 3), 77), (77, 77, 77)),
        (Image.new("1", (4, 3), 1), (255, 255, 255)),
        (Image.new("RGBA", (4, 3), (*RED, 255)), RED),
        (Image.new("RGBA", (4, 3), (*RED, 0)), (255, 255, 255)),
        (Image.new("LA", (4, 3), (77, 255)), (77, 77, 77)),
        (Image.new("RGB", (4, 3), RED).quantize(2), RED),
    ],
    ids=["grey", "bits", "opaque", "transparent", "grey with alpha", "palette"],
)
def test_every_mode_becomes_rgb(tmp_path, image, expected):
    image.save(tmp_path / "x.png")
    picture = read_picture(tmp_path / "x.png")
    assert picture.shape == (3, 4, 3)
    assert (picture == expected).all()


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    Image.fromarray(np.uint16([[0, 257 * 100, 65535]])).save(tmp_path / "grey.png")
    assert read_picture(tmp_path / "grey.png")[0, :, 1].tolist() == [0, 100, 255]
    cv2.imwrite(str(tmp_path / "colour.png"), np.full((2, 2, 3), 257 * 100, np.uint16))
    assert (read_picture(tmp_path / "colour.png") == 100).all()


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=100)
    assert np.abs(read_picture(tmp_path / "x.jpg").astype(int) - (255, 0, 0)).max() <= 6


def test_exif_orientation_is_honoured(tmp_path):
    image = Image.new("RGB", (32, 16), "white")
    image.paste((0, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    image.save(tmp_path / "x.png", exif=exif)
    picture = read_picture(tmp_path / "x.png")
    assert picture.shape == (32, 16, 3)
    assert (picture[:8, 8:] == 0).all() and (picture[:8, :8] == 255).all() and (picture[8:] == 255).all()


def test_a_broken_file_gives_its_reason(tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    for name, damaged, reason in (
        ("empty.jpg", b"", "empty file"),
        ("text.jpg", b"not a picture at all", "not a JPEG"),
        ("cut.jpg", content[: len(content) // 2], "truncated"),
        ("absent.jpg", None, "FileNotFoundError"),
    ):
        if damaged is not None:
            (tmp_path / name).write_bytes(damaged)
        with pytest.raises(BrokenPicture, match=reason):
            read_picture(tmp_path / name)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    (tmp_path / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    )
    with pytest.raises(BrokenPicture, match=f"50000 x 50000 pixels are more than {MAX_PIXELS}"):
        read_picture(tmp_path / "x.png")
