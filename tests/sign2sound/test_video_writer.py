import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from sign2sound import UserError, Video
from sign2sound.video_writer import VideoWriter


def test_each_frame_is_shown_at_its_own_time_in_a_video_for_browsers(tmp_path):
    times = [0, 0.04, 0.05, 0.2, 1.0]  # a stream that stumbles
    shades = [20, 60, 100, 140, 180]
    with VideoWriter(tmp_path / "v.mp4") as video:
        for time, shade in zip(times, shades, strict=True):
            picture = np.full((121, 161, 3), shade, np.uint8)
            picture[:, :80, 0] = 255  # a red half
            video.write(picture, time)
    with av.open(tmp_path / "v.mp4") as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert 1 < float(stream.duration * stream.time_base) < 1.1
    with Video(tmp_path / "v.mp4") as frames:
        pictures, read_times = zip(*frames, strict=True)
    assert read_times == pytest.approx(times)
    assert [picture[60, 120].mean() for picture in pictures] == pytest.approx(shades, abs=4)
    red, green, _ = pictures[0][60, 40]
    assert pictures[0].shape == (120, 160, 3) and red > 200 > 60 > green


def test_a_damaged_time_is_bounded(tmp_path, capsys):
    with VideoWriter(tmp_path / "v.mp4") as video:
        for time in (0, 0.5, 40_000.5, 40_001, 1e9):
            video.write(np.zeros((48, 64, 3), np.uint8), time)
    with Video(tmp_path / "v.mp4") as frames:
        assert [time for _, time in frames] == pytest.approx([0, 0.5, 60.5, 61, 121])
    path = tmp_path / "v.mp4"
    assert capsys.readouterr().err == f"a gap of 40000 s between two frames; in {path} it lasts 60 s, as all longer ones\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are UTF-8")
@pytest.mark.parametrize("name", [b"caf\xe9.mp4", b"a:b.mp4"])
def test_a_video_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    with VideoWriter(path) as video:
        video.write(np.zeros((48, 64, 3), np.uint8), 0)
    assert path.stat().st_size


def test_nothing_is_left_of_a_video_without_frames_or_room(tmp_path, monkeypatch):
    VideoWriter(tmp_path / "v.mp4").close()
    with pytest.raises(OSError) as error, VideoWriter(tmp_path / "v.mp4") as video:
        video.write(np.zeros((48, 64, 3), np.uint8), 0)
        monkeypatch.setattr("os.fsync", full_disk)
    assert error.value.filename == str(tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


def full_disk(descriptor):
    raise OSError(28, "No space left on device")


def test_another_name_is_refused(tmp_path):
    with pytest.raises(UserError, match="v.avi cannot be written as a video; give it a name that ends in .mp4"):
        VideoWriter(tmp_path / "v.avi")
