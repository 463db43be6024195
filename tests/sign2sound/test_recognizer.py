from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from sign2sound import Hand, Recognizer, Speller, UserError, recognizer
from sign2sound.features import clip_features
from sign2sound.labels import LABELS, NOTHING
from sign2sound.pictures import BrokenPicture, Video, read_picture
from sign2sound.recognizer import GAP, GREY


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A single hand is too little work to share; on a busy machine sharing it takes ten times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def reader(model) -> Recognizer:
    return Recognizer(model)


@pytest.fixture
def seen(model) -> list:
    """The features (T, 63) of every call of the model, in order, of the first clip."""
    calls = []
    model.register_forward_pre_hook(lambda _, arguments: calls.append(arguments[0][0].numpy().copy()))
    return calls


@pytest.fixture
def motion(right_hand):
    """Landmarks at any time from 0 to 3 s: between hands 1/15 s apart, which differ by chance, they move in straight lines."""
    random = np.random.default_rng(0)
    knots = right_hand + random.normal(0, 5, (46, 21, 3)) + random.normal(0, 20, (46, 1, 3))

    def at(time):
        before = min(int(time * 15 + 1e-9), 44)
        share = time * 15 - before
        return (knots[before] * (1 - share) + knots[before + 1] * share).astype(np.float32)

    return at


def features_of(clip, left_handed=False):
    return clip_features(np.asarray(clip, dtype=np.float32)[None], np.array([left_handed]))[0]


def stream(reader, motion, times, start=0.0, left_handed=False):
    return [reader.update(Hand(motion(time), left_handed), start + time) for time in times]


# Stills and clips


def test_stills(reader, right_hand, model):
    hands = right_hand + np.random.default_rng(0).normal(0, 15, (3, 21, 3))
    probabilities = reader.predict(hands)
    assert probabilities.shape == (3, 29) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.abs(probabilities[0] - probabilities[1]).max() > 0.02
    np.testing.assert_array_equal(reader.predict(hands[:, None]), probabilities)
    logits, _ = model(torch.from_numpy(features_of(hands[:1]))[None])
    np.testing.assert_allclose(logits[0, 0].softmax(-1).detach(), probabilities[0], atol=1e-6)
    assert reader.labels == LABELS


def test_the_end_of_a_clip_may_be_empty(reader, motion):
    clip = np.stack([motion(frame / 30) for frame in range(8)])
    padded = np.full((2, 12, 21, 3), np.nan, dtype=np.float32)
    padded[0, :8], padded[1, :5] = clip, clip[:5]
    expected = np.concatenate([reader.predict(clip[None]), reader.predict(clip[None, :5])])
    np.testing.assert_allclose(reader.predict(padded), expected, atol=1e-6)
    assert np.abs(expected[0] - expected[1]).max() > 0.02


def test_no_hand_is_nothing(reader, right_hand):
    clips = np.full((3, 4, 21, 3), np.nan, dtype=np.float32)
    clips[1, 2] = right_hand
    probabilities = reader.predict(clips)
    for row in (0, 2):
        assert probabilities[row].tolist() == np.eye(29)[NOTHING].tolist()
    expected = reader.predict(np.stack([right_hand] * 3)[None])  # frames before the hand repeat it
    np.testing.assert_allclose(probabilities[1], expected[0], atol=1e-6)


def test_a_left_hand_reads_like_its_mirror_image(reader, right_hand):
    mirrored = right_hand * np.float32([-1, 1, 1])
    hands = np.stack([right_hand, mirrored, mirrored])
    right, left, wrong = reader.predict(hands, np.array([False, True, False]))
    np.testing.assert_allclose(left, right, atol=1e-6)
    assert np.abs(wrong - right).max() > 0.02
    np.testing.assert_allclose(reader.predict(hands[[0, 2]]), np.stack([right, wrong]), atol=1e-6)


def test_any_number_of_clips(reader, motion, monkeypatch):
    clips = np.stack([[motion(frame / 30) for frame in range(start, start + 4)] for start in range(10)])
    clips[4] = np.nan
    expected = reader.predict(clips)
    monkeypatch.setattr(recognizer, "_BATCH", 3)
    np.testing.assert_allclose(reader.predict(clips), expected, atol=1e-6)
    assert reader.predict(clips[:0]).shape == (0, 29)


@pytest.mark.parametrize("shape", [(21, 3), (63,), (2, 63), (2, 21, 2), (2, 20, 3), (2, 0, 21, 3), (1, 2, 3, 21, 3)])
def test_other_shapes_are_refused(reader, shape):
    with pytest.raises(ValueError, match=r"must be \(N, 21, 3\) or \(N, T, 21, 3\), found \("):
        reader.predict(np.zeros(shape))


def test_sides_of_another_number_are_refused(reader, right_hand):
    with pytest.raises(ValueError, match=r"left_handed must be \(1,\), found \(2,\)"):
        reader.predict(right_hand[None], np.array([False, True]))


# Streams


def test_a_stream_reads_like_the_clip(reader, motion):
    clip = np.stack([motion(frame / 30) for frame in range(40)])
    readings = stream(reader, motion, np.arange(40) / 30, start=1000.0)
    for frame in (0, 1, 7, 39):
        expected = reader.predict(clip[None, : frame + 1])[0]
        np.testing.assert_allclose(readings[frame].probabilities, expected, atol=1e-4)
        assert readings[frame].label == LABELS[expected.argmax()]
        assert readings[frame].confidence == pytest.approx(expected.max(), abs=1e-4)


@pytest.mark.parametrize("rate", [15, 30, 60, 120])
def test_any_frame_rate_gives_the_model_the_same(reader, seen, motion, rate):
    """The motion is straight between the frames of 15 frames/s, so interpolating loses nothing but float32's rounding: 1e-5
    of some 100 pixels, in palms of 52."""
    readings = stream(reader, motion, np.arange(2 * rate + 1) / rate)
    expected = features_of([motion(step / 30) for step in range(61)])
    fed = np.concatenate(seen)
    assert fed.shape == (61, 63)
    np.testing.assert_allclose(fed, expected, atol=1e-4)
    final = reader.predict(np.stack([motion(step / 30) for step in range(61)])[None])[0]
    np.testing.assert_allclose(readings[-1].probabilities, final, atol=1e-3)


def test_a_frame_that_completes_no_step_repeats_the_reading(reader, seen, motion):
    readings = stream(reader, motion, np.arange(10) / 60)
    assert [len(call) for call in seen] == [1] * 5
    for even, odd in zip(readings[::2], readings[1::2], strict=True):
        np.testing.assert_array_equal(odd.probabilities, even.probabilities)


def test_25_uneven_frames_a_second(reader, seen, right_hand):
    random = np.random.default_rng(0)
    times = np.concatenate([[0.0], np.arange(1, 75) / 25 + random.uniform(-0.015, 0.015, 74)])
    motion = lambda time: right_hand + np.float32(time) * np.float32([30, -20, 5])  # noqa: E731
    stream(reader, motion, times, start=12.345)
    steps = int(times[-1] * 30) + 1
    np.testing.assert_allclose(np.concatenate(seen), features_of([motion(step / 30) for step in range(steps)]), atol=1e-3)


def test_times_in_whole_milliseconds_lose_no_step(reader, seen, right_hand):
    for frame in range(301):
        reader.update(Hand(right_hand), round(frame / 30, 3))
    assert sum(map(len, seen)) == 301


def test_a_short_loss_is_bridged(reader, seen, right_hand):
    motion = lambda time: right_hand + np.float32(time) * np.float32([30, -20, 5])  # noqa: E731
    for frame in range(30):
        lost = 10 <= frame < 16
        reading = reader.update(None if lost else Hand(motion(frame / 30)), frame / 30)
        if lost:
            assert (reading.label, reading.confidence, reading.hand) == ("nothing", 1.0, None)
            assert reading.probabilities.tolist() == np.eye(29)[NOTHING].tolist()
    # The seven frames since the last one with a hand are made up for in a straight line, which this motion is.
    np.testing.assert_allclose(np.concatenate(seen), features_of([motion(frame / 30) for frame in range(30)]), atol=1e-3)


def test_a_long_loss_starts_anew(model, seen, right_hand):
    def after(loss):
        reader, other = Recognizer(model), right_hand * np.float32([1, 1, 3])
        for frame in range(10):
            reader.update(Hand(right_hand), frame / 30)
        reader.update(None, 9 / 30 + loss / 2)
        return reader.update(Hand(other), 9 / 30 + loss).probabilities, reader.predict(other[None])[0]

    reading, fresh = after(GAP + 0.01)
    np.testing.assert_allclose(reading, fresh, atol=1e-6)
    reading, fresh = after(GAP - 0.01)
    assert np.abs(reading - fresh).max() > 0.01


def test_one_frame_of_the_wrong_side_does_not_mirror(reader, seen, motion):
    for frame in range(30):
        reader.update(Hand(motion(frame / 30), left_handed=frame in (8, 20, 21)), frame / 30)
    np.testing.assert_allclose(np.concatenate(seen), features_of([motion(frame / 30) for frame in range(30)]), atol=1e-4)


def test_a_left_hand_is_mirrored_from_its_first_frame(reader, seen, motion):
    stream(reader, motion, np.arange(10) / 30, left_handed=True)
    expected = features_of([motion(frame / 30) for frame in range(10)], left_handed=True)
    np.testing.assert_allclose(np.concatenate(seen), expected, atol=1e-4)


def test_a_wrong_first_side_is_outvoted(reader, seen, right_hand):
    for frame in range(10):
        reader.update(Hand(right_hand, left_handed=frame == 0), frame / 30)
    assert np.abs(seen[0] - features_of([right_hand])).max() > 0.5
    np.testing.assert_allclose(seen[-1], features_of([right_hand]), atol=1e-5)


@pytest.mark.parametrize("time", [1.0, 0.9, -5.0, float("nan")])
def test_time_must_increase(reader, right_hand, time):
    reader.update(Hand(right_hand), 1.0)
    for hand in (Hand(right_hand), None):
        with pytest.raises(ValueError, match=r"time must increase: .* after 1.0 s; call reset\(\)"):
            reader.update(hand, time)
    assert reader.update(Hand(right_hand), 1.1).hand is not None


def test_reset_forgets(reader, motion):
    first = stream(reader, motion, np.arange(20) / 30, start=50.0)
    reader.reset()
    again = stream(reader, motion, np.arange(20) / 30)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)


def test_readings_say_how_long_they_took(reader, right_hand):
    hand = Hand(right_hand)
    reading = reader.update(hand, 0.0)
    assert reading.hand is hand
    assert reading.latency.landmarks == 0 and 0 < reading.latency.model < 10
    assert reader.update(None, 0.1).latency.model >= 0


# Both, and what comes before them


def test_the_released_model_reads_real_clips_alike_at_15_and_30_frames(root, shared_data):
    """A wrist's path is no straight line, so the readings differ, but the letters may not."""
    reader = Recognizer.load(root / "checkpoints" / "best_model.pth", device="cpu")
    with np.load(shared_data / "clips" / "dvorakman.npz") as stored:
        clips, sides = stored["landmarks"][::6], stored["left_handed"][::6]
    answers = {}
    for step in (1, 2):
        answers[step] = []
        for clip, side in zip(clips, sides, strict=True):
            reader.reset()
            length = int((~np.isnan(clip[:, 0, 0])).sum()) - 1
            for frame in range(0, length - length % 2 + 1, step):
                reading = reader.update(Hand(clip[frame], bool(side)), frame / 30)
            answers[step].append(reading.label)
    assert np.mean(np.array(answers[1]) == np.array(answers[2])) >= 0.9
    assert set(answers[1]) & {"J", "Z"}


def test_device(model):
    with pytest.raises(UserError, match="no checkpoint"):
        Recognizer.load("none.pth")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    for device in ("cuda", "cuda:0"):
        with pytest.raises(UserError, match=f"no CUDA device found for device='{device}'.*'auto' or 'cpu'"):
            Recognizer(model, device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_reads_like_the_cpu(model, motion):
    clip = np.stack([motion(frame / 30) for frame in range(20)])
    expected = Recognizer(model).predict(clip[None])
    on_cuda = Recognizer(model, "cuda")
    np.testing.assert_allclose(on_cuda.predict(clip[None]), expected, atol=1e-3)
    np.testing.assert_allclose(stream(on_cuda, motion, np.arange(20) / 30)[-1].probabilities, expected[0], atol=1e-3)


def test_real_frames(root, shared_data, hand_model_file):
    picture = cv2.imread(str(shared_data / "images" / "rooms" / "train" / "L" / "L0.jpg"))[..., ::-1]
    with Recognizer.load(root / "checkpoints" / "best_model.pth", "cpu", hand_model_file) as reader:
        readings = [reader.read(picture, frame / 30) for frame in range(10)]
        empty = reader.read(np.zeros_like(picture), 2.0)
        with pytest.raises(ValueError, match="time must increase"):
            reader.read(picture, 2.0)
        with pytest.raises(ValueError, match="must be RGB"):
            reader.read(picture[..., 0], 3.0)
    assert readings[-1].label == "L"
    assert not readings[-1].hand.left_handed
    assert all(reading.latency.landmarks > 0 and reading.latency.model > 0 for reading in readings)
    assert (empty.label, empty.hand) == ("nothing", None)
    expected = reader.predict(np.stack([reading.hand.landmarks for reading in readings])[None])[0]
    np.testing.assert_allclose(readings[-1].probabilities, expected, atol=1e-4)


class OneVideoLandmarker:
    """Sees a hand in every frame of one stream, in none of a second one unless it was reset."""

    grey = False

    def __init__(self, right_hand):
        self.hand, self.time = Hand(right_hand), -1.0

    def track(self, frame, timestamp):
        before, self.time = self.time, max(self.time, timestamp)
        return self.hand if timestamp > before else None

    def reset(self):
        self.time = -1.0


def test_reset_reaches_the_landmarker(reader, right_hand, monkeypatch):
    monkeypatch.setattr(reader, "_open_landmarker", lambda video: OneVideoLandmarker(right_hand))
    frame = np.zeros((4, 4, 3), np.uint8)
    for _ in range(2):
        assert all(reader.read(frame, time / 30).hand for time in range(5))
        reader.reset()


def test_pictures_without_colour_are_said_once(reader, right_hand, monkeypatch):
    landmarker = OneVideoLandmarker(right_hand)
    monkeypatch.setattr(reader, "_open_landmarker", lambda video: landmarker)
    frame = np.zeros((4, 4, 3), np.uint8)
    landmarker.grey = True  # a few frames of a camera that starts
    notices = [reader.read(frame, time / 30).notice for time in range(29)]
    landmarker.grey = False
    notices.append(reader.read(frame, 1.0).notice)
    assert not any(notices)
    landmarker.grey = True
    notices = [reader.read(frame, 2 + time / 30).notice for time in range(90)]
    assert notices == [""] * 29 + [GREY] + [""] * 60


def test_a_second_video_is_read_like_the_first(root, shared_data, hand_model_file):
    """L and its mirror image, whose hand is not found where that of L is still waited for."""
    with Recognizer.load(root / "checkpoints" / "best_model.pth", "cpu", hand_model_file) as reader:
        found = []
        for mirrored in (1, -1, -1):
            reader.reset()
            with Video(shared_data / "videos" / "L.mp4") as video:
                frames = [(frame[:, ::mirrored], time) for frame, time in islice(video, 90)]
            found.append([reader.read(frame, time).hand is not None for frame, time in frames])
            if len(found) == 2:  # and as a recognizer reads it that saw no other
                reader.close()
    assert sum(found[1]) > 40 and found[1] == found[2]


def test_what_is_printed_is_short(reader, right_hand):
    assert repr(reader).startswith("Recognizer(LandmarkGRU ")
    reading = repr(reader.update(Hand(right_hand), 0.0))
    assert reading.startswith("Reading('") and reading.endswith(", hand=Hand(right, 60x104 pixels at (70, 96)))")
    assert repr(Speller()) == "Speller(text='')"


def test_a_frame_that_is_none_is_named(reader, hand_model_file):
    with reader, pytest.raises(ValueError, match="must be RGB, .* found None"):
        reader.read(None, 0.0)


def test_a_picture_is_read_from_its_file_and_disturbs_no_stream(root, shared_data, hand_model_file):
    path = shared_data / "images" / "rooms" / "train" / "L" / "L0.jpg"
    with Recognizer.load(root / "checkpoints" / "best_model.pth", "cpu", hand_model_file) as reader:
        reader.update(None, 5.0)
        reading = reader.read_picture(path)
        again = reader.read_picture(read_picture(path))
        empty = reader.read_picture(np.zeros((100, 100, 3), np.uint8))
        grey = [reader.read_picture(cv2.cvtColor(cv2.imread(str(path), 0), cv2.COLOR_GRAY2RGB)) for _ in range(2)]
        with pytest.raises(BrokenPicture, match="No such file"):
            reader.read_picture(path.with_name("none.jpg"))
        with pytest.raises(ValueError, match="must be RGB"):
            reader.read_picture(np.zeros((100, 100), np.uint8))
        reader.update(None, 5.1)
    assert reading.label == "L" and reading.hand.found_in == 1 and reading.latency.landmarks > 0 and not reading.notice
    np.testing.assert_array_equal(reading.probabilities, again.probabilities)
    np.testing.assert_array_equal(reading.probabilities, reader.predict(reading.hand.landmarks[None])[0])
    assert (empty.label, empty.confidence, empty.hand, empty.notice) == ("nothing", 1.0, None, "")
    assert [one.label for one in grey] == ["L", "L"] and [one.notice for one in grey] == [GREY, ""]
