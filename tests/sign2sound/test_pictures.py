import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from sign2sound import UserError
from sign2sound.pictures import MAX_PIXELS, MAX_SIDE, BrokenPicture, Video, decode_picture, name_for_opencv, read_picture

RED = (200, 30, 40)


@pytest.mark.parametrize("name", ["x.jpg", "x.jfif", "x.png", "x.bmp", "x.webp", "x.gif", "x.tif", "x.avif"])
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
        ("text.jpg", b"not a picture at all", "not a picture of the formats JPEG"),
        ("cut.jpg", content[: len(content) // 2], "truncated"),
        ("absent.jpg", None, "No such file"),
        ("phone.heic", b"\0\0\0\x18ftypheic" + bytes(99), "pip install pillow-heif"),
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
    with pytest.raises(BrokenPicture, match=f"more than {MAX_PIXELS} pixels"):
        read_picture(tmp_path / "x.png")


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 2), (2, MAX_SIDE + 1)])
def test_a_side_on_which_mediapipe_would_end_the_process_is_refused(tmp_path, size):
    Image.new("L", size).save(tmp_path / "x.png")
    with pytest.raises(BrokenPicture, match=f"{size[0]} x {size[1]} pixels, .* {MAX_SIDE} a side"):
        read_picture(tmp_path / "x.png")


def test_bytes_are_read_as_their_file_is_within_their_own_limits(tmp_path):
    Image.new("RGBA", (4, 3), (*RED, 128)).save(tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    np.testing.assert_array_equal(decode_picture(data), read_picture(tmp_path / "x.png"))
    with pytest.raises(BrokenPicture, match="4 x 3 pixels, more than 11"):
        decode_picture(data, most_pixels=11)
    with pytest.raises(BrokenPicture, match="not a picture of the formats JPEG$"):
        decode_picture(data, formats=("JPEG",))


# File names

POSIX_NAMES = ["a:b", "a%d b", "caf\u00e9", os.fsdecode(b"caf\xe9")]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="such names cannot be there")
@pytest.mark.parametrize("name", POSIX_NAMES, ids=ascii)
def test_any_name_is_read_and_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 3), RED).save("x.png")
    os.rename("x.png", f"{name}.png")
    assert (read_picture(f"{name}.png") == RED).all()
    with name_for_opencv(f"{name}.mp4") as plain:
        write_video(plain, [0, 100], 25)
    with Video(f"{name}.mp4") as video:
        assert [round(time, 3) for _, time in video] == [0, 0.04]
    assert sorted(os.listdir()) == sorted([f"{name}.png", f"{name}.mp4"])


# Videos


def write_video(path, values, frame_rate):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), frame_rate, (64, 48))
    for value in values:
        writer.write(np.full((48, 64, 3), (value, 0, 0), np.uint8))
    writer.release()


def ebml(kind: str, body: bytes) -> bytes:
    return bytes.fromhex(kind) + struct.pack(">Q", len(body) | 1 << 56) + body


def write_webm(path, times):
    """A Matroska file of JPEG frames at `times` in milliseconds, without a frame rate or duration, as browsers record."""
    number = lambda value: struct.pack(">I", value)  # noqa: E731
    video = ebml("b0", number(64)) + ebml("ba", number(48))
    track = ebml("d7", b"\1") + ebml("73c5", b"\1") + ebml("83", b"\1") + ebml("86", b"V_MJPEG") + ebml("e0", video)
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    blocks = b"".join(ebml("a3", b"\x81" + struct.pack(">hB", time, 0x80) + jpeg) for time in times)
    header = ebml("4282", b"matroska") + ebml("4287", b"\4") + ebml("4285", b"\2")
    segment = ebml("1549a966", ebml("2ad7b1", number(1_000_000))) + ebml("1654ae6b", ebml("ae", track))
    segment += ebml("1f43b675", ebml("e7", b"\0") + blocks)
    path.write_bytes(ebml("1a45dfa3", header) + ebml("18538067", segment))


def test_frames_come_in_order_as_rgb(tmp_path):
    write_video(tmp_path / "v.mp4", range(0, 250, 50), 25)
    with Video(tmp_path / "v.mp4") as video:
        assert video.frame_rate == 25
        frames = list(video)
    assert [round(float(frame[..., 2].mean()) / 50) for frame, _ in frames] == [0, 1, 2, 3, 4]
    assert frames[4][0].shape == (48, 64, 3) and frames[4][0][..., :2].mean() < 30


@pytest.mark.parametrize("rate", [12, 29.97, 480])
def test_a_frames_time_is_its_own_at_any_rate(tmp_path, rate):
    write_video(tmp_path / "v.mp4", [0] * 9, rate)
    with Video(tmp_path / "v.mp4") as video:
        assert [time for _, time in video] == pytest.approx([frame / rate for frame in range(9)], abs=1e-3)


def test_a_browsers_recording_keeps_its_uneven_times(tmp_path):
    times = [40, 73, 140, 150, 400, 1400]
    write_webm(tmp_path / "v.webm", times)
    with Video(tmp_path / "v.webm") as video:
        assert [time for _, time in video] == pytest.approx([(time - 40) / 1000 for time in times])


class TimelessCapture:
    """A video whose reader knows no times after the third frame."""

    def __init__(self, *_):
        self.at = -1

    def read(self):
        self.at += 1
        return self.at < 6, np.zeros((4, 4, 3), np.uint8)

    def get(self, what):
        return {cv2.CAP_PROP_POS_MSEC: min(self.at, 2) * 100.0, cv2.CAP_PROP_FPS: 20.0}[what]

    def release(self):
        pass


def test_without_times_frames_are_one_interval_apart(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", TimelessCapture)
    assert [time for _, time in Video("v.avi")] == pytest.approx([0, 0.1, 0.2, 0.25, 0.3, 0.35])


@pytest.mark.parametrize("content", [b"", b"no video", None])
def test_what_is_no_video_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(UserError, match="v.mp4 is no video"):
        Video(tmp_path / "v.mp4")
