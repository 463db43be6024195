from pathlib import Path

import numpy as np
import pytest
import torch

from inference import teaching
from inference.teaching import COUNTDOWN, RECORDING, Adapting, Lesson, Teaching, adopt_user_profile, lesson_letters
from sign2sound import Hand, Recognizer, UserError, adapting
from sign2sound.labels import STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.profile import save_profile
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import place_hand

PROTOTYPES = load_prototypes()


def hand(letter: str, shift: float = 0.0, left_handed: bool = False) -> Hand:
    return Hand(place_hand(PROTOTYPES[letter][0]) + np.float32([shift, 0, 0]), left_handed)


def run(lesson: Lesson, seconds: float, shown, start: float, rate: float = 30):
    """Feeds `shown(time)` for so long, and returns the last state and the time of the next frame."""
    for frame in range(round(seconds * rate)):
        state = lesson.update(shown(start + frame / rate), start + frame / rate)
    return state, start + round(seconds * rate) / rate


@pytest.mark.parametrize("rate", [10, 15, 30, 60])
def test_a_lesson_takes_its_samples_after_the_countdown_and_for_as_long_as_it_says(rate):
    lesson = Lesson("AB")
    state = lesson.update(hand("A"), 7.0)
    assert (state.letter, state.number, state.total, state.phase, state.seconds_left) == ("A", 1, 2, "countdown", COUNTDOWN)
    state, now = run(lesson, COUNTDOWN - 1 / rate, lambda time: hand("A"), 7.0 + 1 / rate, rate)
    assert (state.phase, len(lesson.samples()[0])) == ("countdown", 0)
    state, now = run(lesson, RECORDING / 3, lambda time: hand("A"), now, rate)
    assert (state.phase, state.hint) == ("recording", "") and state.progress == pytest.approx(1 / 3)
    state, now = run(lesson, RECORDING / 3 * 2, lambda time: hand("A"), now, rate)
    assert (state.letter, state.number, state.phase) == ("B", 2, "countdown")
    state, now = run(lesson, COUNTDOWN + RECORDING + 1 / rate, lambda time: hand("B", left_handed=True), now, rate)
    assert state is None
    landmarks, labels, left_handed = lesson.samples()
    assert landmarks.shape == (2 * RECORDING * rate, 21, 3) and landmarks.dtype == np.float32
    assert labels == ["A"] * int(RECORDING * rate) + ["B"] * int(RECORDING * rate)
    assert left_handed.tolist() == [label == "B" for label in labels]


def test_a_moving_or_missing_hand_is_waited_for():
    lesson = Lesson("A")
    palm = 0.21 * 480
    _, now = run(lesson, COUNTDOWN, lambda time: None, 0.0)
    state, now = run(lesson, 1.0, lambda time: None, now)
    assert (state.phase, state.progress, state.hint) == ("recording", 0.0, "no hand")
    state, now = run(lesson, 1.0, lambda time: hand("A", 1.5 * palm * time), now)  # 1.5 palms per second
    assert (state.phase, state.progress, state.hint) == ("recording", 0.0, "hold still")
    state, now = run(lesson, 1.2, lambda time: hand("A", 0.5 * palm * time), now)
    assert 0.8 / RECORDING < state.progress < 1.1 / RECORDING and state.hint == ""


def test_a_stream_that_stood_still_does_not_fill_a_recording():
    lesson = Lesson("A")
    _, now = run(lesson, COUNTDOWN + 0.5, lambda time: hand("A"), 0.0)
    assert lesson.update(hand("A"), now + 60).progress < 1 / RECORDING


def test_a_skipped_letter_leaves_no_sample():
    lesson = Lesson("ABC")
    _, now = run(lesson, COUNTDOWN + RECORDING + 0.1, lambda time: hand("A"), 0.0)
    lesson.skip()
    _, now = run(lesson, COUNTDOWN + 1, lambda time: hand("C"), now)
    lesson.skip()
    assert lesson.update(None, now) is None
    lesson.skip()
    assert set(lesson.samples()[1]) == {"A"}


def test_a_lesson_of_skipped_letters_is_empty():
    lesson = Lesson("A")
    lesson.skip()
    landmarks, labels, left_handed = lesson.samples()
    assert landmarks.shape == (0, 21, 3) and (labels, left_handed.tolist()) == ([], [])


@pytest.mark.parametrize(("typed", "letters"), [("", STATIC_LETTERS), ("tnm", "MNT"), ("M, N,m", "MN")])
def test_letters_to_teach(typed, letters):
    assert lesson_letters(typed) == tuple(letters)


@pytest.mark.parametrize(("typed", "message"), [("AJZ", "cannot teach J, Z .J and Z move"), ("A1", "cannot teach 1; expected")])
def test_letters_that_cannot_be_taught(typed, message):
    with pytest.raises(UserError, match=message):
        lesson_letters(typed)


@pytest.fixture
def little_work(monkeypatch):
    for name, value in {"_STEPS": 3, "_OWN": 8, "_OTHERS": 8}.items():
        monkeypatch.setattr(adapting, name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more would wait for each other on work this small
    yield
    torch.set_num_threads(threads)


def weights(model: LandmarkGRU) -> np.ndarray:
    return model.fc_output.weight.detach().numpy().copy()


def test_a_model_is_adapted_while_frames_are_read(little_work):
    reader = Recognizer(LandmarkGRU())
    before = weights(reader.model)
    adapting = Adapting(reader.model, (hand("A").landmarks[None], ["A"], np.array([False])))
    time = 0.0
    while not adapting.done():
        time += 1 / 30
        reader.update(hand("A"), time)
    read = reader.update(hand("A"), time + 1 / 30).probabilities
    reader.use_model(adapting.model)
    assert np.abs(reader.update(hand("A"), time + 2 / 30).probabilities - read).max() > 1e-3
    assert np.array_equal(weights(reader.model), before) and not np.array_equal(weights(adapting.model), before)


def test_adapting_can_be_left():
    adapting = Adapting(LandmarkGRU(), (hand("A").landmarks[None], ["A"], np.array([False])))
    while adapting.progress == 0:
        pass
    adapting.close()
    assert adapting.done() and 0 < adapting.progress < 0.5
    with pytest.raises(InterruptedError):
        _ = adapting.model


def test_what_cannot_be_adapted_to_says_so():
    with pytest.raises(UserError, match="no hand in the 0 samples"):
        _ = Adapting(LandmarkGRU(), Lesson("").samples()).model


def test_the_users_profile_is_adopted_where_it_fits(tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "user_profile", lambda: tmp_path / "profile.npz")
    reader, other = Recognizer(LandmarkGRU()), Recognizer(LandmarkGRU())
    assert adopt_user_profile(reader) == ""
    save_profile(tmp_path / "profile.npz", LandmarkGRU(), reader.model)
    landmarks = hand("A").landmarks[None]
    before, others_before = reader.predict(landmarks), other.predict(landmarks)
    assert adopt_user_profile(reader) == f"reading with your profile {tmp_path / 'profile.npz'}"
    assert np.abs(reader.predict(landmarks) - before).max() > 1e-3
    assert "belongs to another model" in adopt_user_profile(other)
    np.testing.assert_array_equal(other.predict(landmarks), others_before)


class Foreign:
    """A path in a home folder that is somebody else's."""

    def exists(self):
        raise PermissionError(13, "Permission denied")

    unlink = stat = is_file = exists


def test_somebody_else_s_home_means_no_profile(monkeypatch):
    monkeypatch.setattr(teaching, "user_profile", Foreign)
    assert adopt_user_profile(Recognizer(LandmarkGRU())) == "reading without your profile: [Errno 13] Permission denied"


def test_without_a_home_nothing_is_written_into_the_current_folder(monkeypatch, tmp_path, little_work):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sign2sound.profile.user_data_path", lambda name: Path("~/.local/share", name))
    reader = Recognizer(LandmarkGRU())
    assert "this user has no home folder" in adopt_user_profile(reader)
    lesson = Teaching(reader)
    lesson._adapting = Adapting(reader.model, (hand("A").landmarks[None], ["A"], np.array([False])))
    state = lesson.finish()
    assert state.phase == "adopted" and "this user has no home folder" in state.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("keep", "phase"), [(True, "saved"), (False, "adopted")])
def test_teaching_goes_from_the_lesson_to_the_profile(keep, phase, little_work, tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "user_profile", lambda: tmp_path / "profile.npz")
    reader = Recognizer(LandmarkGRU())
    lessons = Teaching(reader, keep)
    assert lessons.update(hand("A"), 0.0) is None
    lessons.begin("a")
    phases, time = [], 0.0
    while "adapting" not in phases:
        time += 1 / 30
        phases.append(lessons.update(hand("A"), time).phase)
    assert list(dict.fromkeys(phases)) == ["countdown", "recording", "adapting"] and not lessons.in_lesson
    with pytest.raises(UserError, match="still adapting"):
        lessons.begin("b")
    assert lessons.finish().phase == phase and reader.model_in_use is not reader.model
    assert lessons.update(None, 11.0) is None and (tmp_path / "profile.npz").exists() == keep
