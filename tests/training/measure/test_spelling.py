import json
import sys

import numpy as np
import pytest

from sign2sound.checkpoint import save_checkpoint
from sign2sound.errors import UserError
from sign2sound.labels import LABEL_IDS
from sign2sound.speller import SpellerEvent
from training.measure import spelling
from training.measure.spelling import Clip, PlainSpeller, Stream, at_double_speed, figures, find_hold, with_frames_between
from training.report import for_terminal

HAND = np.random.default_rng(0).uniform(0, 100, (21, 3)).astype(np.float32)


def rising_and_held():
    """10 frames without a hand, 10 in which it comes up, 30 held, 10 going down; palm sizes are 1/10 s of its way."""
    landmarks = np.full((60, 21, 3), np.nan, np.float32)
    palm = np.linalg.norm(HAND[9, :2] - HAND[0, :2])
    for frame in range(10, 60):
        away = max(20 - frame, frame - 49, 0) / 3
        landmarks[frame] = HAND + np.float32([0, away * palm, 0])
    return landmarks


def test_the_hold_is_found_from_the_landmarks_alone():
    assert find_hold(rising_and_held(), 30) == (20, 49)


def test_twice_the_frame_rate_is_the_same_motion():
    landmarks = rising_and_held()
    clip = with_frames_between(Clip("A", landmarks, np.zeros(60, dtype=bool), 30.0, (20, 49)))
    assert (clip.frame_rate, clip.held, len(clip.landmarks)) == (60.0, (40, 98), 119)
    np.testing.assert_array_equal(clip.landmarks[::2], landmarks)
    np.testing.assert_allclose(clip.landmarks[31], (landmarks[15] + landmarks[16]) / 2, rtol=1e-5)
    assert np.isnan(clip.landmarks[19]).all()  # half the way from no hand to one


def test_double_speed_shows_half_of_the_frames_in_half_of_the_time():
    landmarks = rising_and_held()
    clip = at_double_speed(Clip("A", landmarks, np.zeros(60, dtype=bool), 30.0, (20, 49)))
    assert (clip.frame_rate, clip.held) == (30.0, (10, 24))
    np.testing.assert_array_equal(clip.landmarks, landmarks[::2])


def test_the_plain_speller_needs_twelve_equal_frames():
    def letters(*frames):
        speller = PlainSpeller()
        probabilities = {label: np.eye(29)[LABEL_IDS[label]] * 0.7 + 0.01 for label in ("A", "B", "nothing")}
        events = [speller.update(time, probabilities[label]) for time, label in enumerate(frames)]
        return "".join(event.text for event in events if event)

    assert letters(*"A" * 11, "B", *"A" * 11) == ""
    assert letters(*"A" * 30, "nothing", *"A" * 12, *"B" * 12) == "AAB"
    assert letters(*["nothing"] * 20) == ""


class Scripted:
    def __init__(self, *events: SpellerEvent):
        self.events = {event.timestamp: event for event in events}

    def update(self, timestamp, probabilities):
        return self.events.get(timestamp)


def test_figures_worked_out_by_hand():
    """AB, then C, at 10 frames/s: each clip 3 s long and held from 1 s to 2 s. A is right, B is a wrong D while it rises and an
    E while it is held, C is right twice; a word ends where one does, and one within a word."""
    landmarks = np.zeros((30, 21, 3), np.float32)
    clips = [Clip(letter, landmarks, np.zeros(30, dtype=bool), 10.0, (10, 20)) for letter in "ABC"]
    times = np.arange(120) / 10
    probabilities = np.tile(np.eye(29)[0], (120, 1))
    stream = Stream(times, probabilities, clips, np.array([0.0, 3.0, 9.0]), word_ends=[1, 2])
    speller = Scripted(
        SpellerEvent("letter", "A", times[15], 1.1),
        SpellerEvent("word", "A", times[29], 2.5),
        SpellerEvent("letter", "D", times[38], 3.2),
        SpellerEvent("letter", "E", times[47], 4.1),
        SpellerEvent("word", "ADE", times[80], 6.0),
        SpellerEvent("letter", "C", times[103], 10.0),
        SpellerEvent("letter", "C", times[117], 11.4),
    )
    found = figures(stream, speller)
    assert found["letters"] == 3 and found["cer"] == pytest.approx(3 / 3)  # ABC -> ADECC: B -> D, + E, + C
    assert found["delays"] == pytest.approx([0.5, 0.3])
    assert (found["gaps"], found["unseen"]) == (2, 0)  # D, and C after its hold
    assert (found["ended"], found["ends"]) == (1, 2)


def test_a_real_video(shared_data, root, tmp_path, monkeypatch, capsys):
    """Frames to text, at all rates: an L, which the released model reads well; and two letters of the synthetic signer."""
    monkeypatch.setattr(spelling, "TEXTS", ("L",))
    monkeypatch.setattr(spelling, "SIGNED", ["LU"])
    monkeypatch.setattr(spelling, "SPEEDS", (4,))
    arguments = ["--videos", shared_data / "videos", "--model", root / "checkpoints" / "best_model.pth", "--output", tmp_path]
    monkeypatch.setattr(sys, "argv", ["spelling.py", *map(str, arguments)])
    spelling.main()
    table = (tmp_path / "spelling.md").read_text()
    assert capsys.readouterr().out == f"{for_terminal(table)}\nwrote spelling.md and spelling.json in {tmp_path}\n"
    report = json.loads((tmp_path / "spelling.json").read_text())
    rows = [row for row in report["spelled"] if row["speller"] == "Speller"]
    assert [row["rate"] for row in rows] == ["15", "30", "60", "30, double speed"]
    for row in rows[3:]:  # more slowly, shapes on the way to it are written, too
        assert (row["cer"], row["cer_of_asl"], row["gaps"], row["unseen"]) == (0, 0, 0, 0)
        assert len(row["delays"]) == 1 and row["delays"][0] <= 0.6
        assert (row["ended"], row["ends"]) == (1, 1)
    [(letter, written, *_)] = report["clips"]
    assert letter == "L" and written.endswith("L")
    assert report["signer"] == [{"speed": 4, "cer": 0, "written": {"LU": "LU"}}]


def test_a_missing_video_is_named(tmp_path, root, monkeypatch):
    arguments = ["--videos", tmp_path, "--model", root / "checkpoints" / "best_model.pth"]
    monkeypatch.setattr(sys, "argv", ["spelling.py", *map(str, arguments)])
    with pytest.raises(UserError, match="A.mp4 is no video"):
        spelling.main()


def test_a_model_trained_on_these_videos_is_refused(tmp_path, model, monkeypatch):
    path = tmp_path / "model.pth"
    save_checkpoint(path, model, config={}, epoch=1, metrics={"training_sources": ["videos"]})
    monkeypatch.setattr(sys, "argv", ["spelling.py", "--videos", str(tmp_path / "videos"), "--model", str(path)])
    with pytest.raises(UserError, match="was trained on videos, so it cannot be measured"):
        spelling.main()
