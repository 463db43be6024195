import sys

import cv2
import numpy as np
import pytest
import torch

from sign2sound import Hand, UserError, adapting
from sign2sound.checkpoint import load_model, save_checkpoint
from sign2sound.model import LandmarkGRU
from sign2sound.profile import load_profile
from training import personalize
from training.personalize import last_quarter, read_samples, steady_frames


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    for name, value in {"_STEPS": 3, "_OWN": 8, "_OTHERS": 8}.items():
        monkeypatch.setattr(adapting, name, value)


@pytest.fixture
def hand() -> np.ndarray:
    """A hand whose palm is 100 pixels: all five bones of it have that length."""
    hand = np.zeros((21, 3), np.float32)
    hand[[5, 9, 13, 17], :2] = [[-50, -86.6], [0, -100], [25, -96.8], [50, -86.6]]
    return hand + np.float32([300, 300, 0])


class FakeLandmarker:
    """Sees a right hand in every frame but black ones, wherever its brightness says, and in stills."""

    hand: np.ndarray

    def __init__(self, video=False):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def find(self, picture):
        return self.track(picture, 0)

    def track(self, picture, timestamp):
        value = round(float(picture.mean()))
        return Hand(self.hand + np.float32([value, 0, 0]), left_handed=value > 200) if value > 20 else None


@pytest.fixture
def fake(monkeypatch, hand):
    FakeLandmarker.hand = hand
    monkeypatch.setattr(personalize, "Landmarker", FakeLandmarker)


def landmark_file(path, labels, landmarks):
    np.savez(path, landmarks=landmarks.astype(np.float32), label=np.array(labels), left_handed=np.zeros(len(labels), bool))
    return path


def call(monkeypatch, program, *arguments):
    monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
    program.main()


def test_the_steady_part_is_the_longest_in_which_the_hand_holds_still(hand):
    """At 30 frames/s, up by 20 pixels = 0.2 palms a frame (6 a second), held with 0.3 palms a second, and down again."""
    up, still = np.arange(10) * 20, 200 + np.arange(30)
    height = np.concatenate([[0] * 6, up, still, 230 - np.arange(8) * 20])
    clip = np.tile(hand, (len(height), 1, 1))
    clip[:, :, 1] -= height[:, None]
    times = np.arange(len(clip)) / 30
    steady = steady_frames(clip, times)
    assert 14 <= steady[0] <= 18 and 43 <= steady[-1] <= 47
    assert (np.diff(steady) == 1).all()

    clip[25] = np.nan  # a frame in which the hand is not found ends it
    assert 26 <= steady_frames(clip, times)[0] <= 28
    clip[:] = np.nan
    assert len(steady_frames(clip, times)) == 0
    assert len(steady_frames(hand[None], times[:1])) == 1


def test_a_hand_that_never_holds_still_gives_nothing(hand):
    clip = np.tile(hand, (20, 1, 1))
    clip[:, :, 0] += 20 * np.arange(20)[:, None]
    assert len(steady_frames(clip, np.arange(20) / 30)) == 0


def test_the_last_quarter_is_of_every_letter():
    labels = np.array([*"AAAABBBBBBBBCCC"])
    assert np.flatnonzero(last_quarter(labels)).tolist() == [3, 10, 11]


def test_videos(tmp_path, fake, hand, capsys):
    """Black, then a hand that moves 1 pixel, 0.01 palms, a frame, then black; the J is not even looked at."""
    rising = [60 + step for step in range(20)]
    for name, values in (("a.mp4", [0] * 5 + rising + [0] * 5), ("B.avi", [0] * 9), ("J.mp4", [90])):
        codec = cv2.VideoWriter_fourcc(*("MJPG" if name.endswith("avi") else "mp4v"))
        writer = cv2.VideoWriter(str(tmp_path / name), codec, 25, (64, 64))
        for value in values:
            writer.write(np.full((64, 64, 3), value, np.uint8))
        writer.release()
    (tmp_path / "C.webm").write_bytes(b"no video")
    landmarks, labels, left_handed = read_samples(tmp_path)
    printed = capsys.readouterr().out
    assert "B.avi: no hand found\n" in printed and "C.webm is no video" in printed and "a.mp4" not in printed
    found = ~np.isnan(landmarks[:, 0, 0])
    assert 15 <= (found & (labels == "A")).sum() <= 20 and not left_handed.any()
    assert found[labels == "B"].tolist() == found[labels == "J"].tolist() == [False]
    assert 50 <= landmarks[found][0, 0, 0] - hand[0, 0] <= 70


def test_pictures(tmp_path, fake, capsys):
    for name, value in (("c/1.png", 100), ("c/2.png", 0), ("D/1.png", 220)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((64, 64, 3), value, np.uint8))
    (tmp_path / "D/2.png").write_text("no picture")
    (tmp_path / "D/3.raw").write_text("another kind")
    landmarks, labels, left_handed = read_samples(tmp_path)
    assert labels.tolist() == ["C", "C", "D"] and left_handed.tolist() == [False, False, True]
    assert np.isnan(landmarks[:, 0, 0]).tolist() == [False, True, False]
    printed = capsys.readouterr().out
    assert "D/2.png cannot be read, skipped: not a picture" in printed
    assert "c/2.png: no hand found" in printed and "D/3.raw has no picture's name" in printed
    with pytest.raises(UserError, match="is not a folder"):
        read_samples(tmp_path / "none")


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.pth"
    save_checkpoint(path, LandmarkGRU(), config={}, epoch=1, metrics={})
    return path


def test_the_command_writes_a_profile_and_says_what_it_used(tmp_path, checkpoint, monkeypatch, capsys):
    random = np.random.default_rng(0)
    landmarks = random.normal(size=(12, 21, 3))
    landmarks[4] = np.nan
    file = landmark_file(tmp_path / "me.npz", [*"AAAAABBBBBJJ"], landmarks)
    call(monkeypatch, personalize, "--input", file, "--model", checkpoint, "--output", tmp_path / "me.npz")
    printed = capsys.readouterr().out
    for line in (
        "2 samples of J left out",
        "samples: A 4, B 5\n",
        "no hand found: 1\n",
        "no sample of C, D,",
        "quarter, 2 samples",
    ):
        assert line in printed
    model, _ = load_model(checkpoint)
    adapted = load_profile(tmp_path / "me.npz", model)
    assert not torch.equal(adapted.fc_output.weight, model.fc_output.weight)

    file = landmark_file(tmp_path / "few.npz", [*"AAB"], landmarks[:3])
    call(monkeypatch, personalize, "--input", file, "--model", checkpoint, "--output", tmp_path / "me.npz")
    assert "too few samples" in capsys.readouterr().out

    file = landmark_file(tmp_path / "moving.npz", [*"JZ"], landmarks[:2])
    with pytest.raises(UserError, match="no hand in the 0 samples"):
        call(monkeypatch, personalize, "--input", file, "--model", checkpoint, "--output", tmp_path / "none.pth")
    assert not (tmp_path / "none.pth").exists()


# The measuring command
