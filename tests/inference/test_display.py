import sys

import cv2
import numpy as np
import pytest

from inference.display import Video, action, annotate, has_display
from sign2sound import Hand, Reading, UserError
from sign2sound.labels import LABELS
from sign2sound.recognizer import Latency

GREY = np.full((480, 640, 3), 128, np.uint8)


def reading(landmarks=None) -> Reading:
    probabilities = np.full(29, 0.1 / 28, np.float32)
    probabilities[LABELS.index("L")] = 0.9
    return Reading("L", 0.9, probabilities, None if landmarks is None else Hand(landmarks), Latency(0.02, 0.001))


def fan() -> np.ndarray:
    """A hand whose landmarks stand apart: at (100, 250), (105, 254), (110, 258) and so on."""
    steps = np.arange(21, dtype=np.float32)
    return np.stack([100 + 5 * steps, 250 + 4 * steps, 0 * steps], axis=1)


def test_the_skeleton_is_drawn_on_the_mirrored_hand_and_nowhere_else():
    picture = GREY.copy()
    drawn = annotate(picture, reading(fan()), "", 25, 0.03)
    bare = annotate(picture, reading(), "", 25, 0.03)
    assert np.array_equal(picture, GREY)
    for x, y in ((100, 250), (150, 290), (200, 330)):
        assert drawn[y, 639 - x].tolist() == [255, 255, 255]
        assert drawn[y, x].tolist() == [128, 128, 128]
    changed = np.argwhere((drawn[200:400] != bare[200:400]).any(axis=2)) + [200, 0]
    assert (changed.min(axis=0) >= [244, 433]).all() and (changed.max(axis=0) <= [336, 545]).all()


def test_a_picture_is_mirrored_and_its_colours_kept():
    picture = GREY.copy()
    picture[300, 10] = (255, 0, 50)
    assert annotate(picture, reading(), "", 25, 0.03)[300, 629].tolist() == [50, 0, 255]


def test_a_small_picture_is_enlarged_with_its_hand():
    drawn = annotate(np.full((90, 160, 3), 128, np.uint8), reading(fan() * 0.2 + np.float32([40, 0, 0])), "", 25, 0.03)
    assert drawn.shape == (360, 640, 3)
    x, y = (160 - 1 - 60) * 4, 50 * 4  # the first landmark, at (60, 50)
    assert drawn[y, x].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [(64, 96), (1080, 1920), (1000, 200), (200, 1000)])
def test_panels_take_the_same_share_of_every_picture(shape):
    """The dark panel of the text covers an eighth of the shorter side."""
    drawn = annotate(np.full((*shape, 3), 200, np.uint8), reading(), "", 25, 0.03)
    dark = (drawn[:, -3] < 100).all(axis=1)
    height, unit = len(dark), min(drawn.shape[:2]) / 480
    assert dark[height - round(58 * unit) :].all() and not dark[height // 2 : height - round(62 * unit)].any()


def test_the_text_shows_its_end():
    def bottom(text):
        return annotate(GREY, reading(), text, 25, 0.03)[-60:]

    assert np.array_equal(bottom("A" * 200 + "B"), bottom("A" * 100 + "B"))
    assert not np.array_equal(bottom("A" * 100 + "B"), bottom("A" * 101))
    assert not np.array_equal(bottom(""), bottom("A"))


@pytest.mark.parametrize(
    "key, expected",
    [(ord("q"), "quit"), (ord("Q"), "quit"), (32, "space"), (8, "del"), (127, "del"), (ord("c"), "clear"), (ord("s"), "save")]
    + [(-1, None), (27, None), (ord("x"), None), (0x100000 + ord("q"), "quit")],
)
def test_keys(key, expected):
    assert action(key) == expected


def test_a_video_keeps_the_streams_time(tmp_path):
    video = Video(tmp_path / "v.mp4", 25)
    for timestamp in (0, 0.04, 0.05, 0.2, 1.0):  # a frame too early and two that come late
        video.write(GREY, timestamp)
    video.close()
    capture = cv2.VideoCapture(str(tmp_path / "v.mp4"))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == 26


def test_a_video_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(UserError, match="nowhere.*cannot be written as a video"):
        Video(tmp_path / "nowhere" / "v.mp4", 25).write(GREY, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize("display", ["", ":77"])
def test_a_missing_display_is_found_missing(monkeypatch, display):
    monkeypatch.setenv("DISPLAY", display)
    assert not has_display()
