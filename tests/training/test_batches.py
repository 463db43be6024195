from dataclasses import fields

import numpy as np
import pytest
import torch

from data.dataset import Samples
from sign2sound.features import clip_features
from sign2sound.labels import LABEL_IDS, NOTHING
from training.batches import TrainingSet, draw_moves, drawing_weights, held_clips, real_clips, source_weights
from training.config import Augmentation, Clips, Sampling

PLAIN = Augmentation(
    rotation=0, sideways_rotation=0, turned_round=0, tilt=0, scale=0, depth_scale=0, noise=0, tip_noise=1, jitter=0, mirror=0
)


def samples(landmarks: np.ndarray, letters: str, source: str = "one") -> Samples:
    size = len(letters)
    off = np.zeros(size, bool)
    labels = np.array([LABEL_IDS[letter] for letter in letters])
    names = np.full(size, source)
    return Samples(landmarks.astype(np.float32), labels, off, ~off, off, names, names, np.ones(size, int), ~off)


@pytest.fixture
def hands() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(4, 1, 21, 3)) * 40 + 100


def clip_config(**changes) -> Clips:
    plain = {
        "still_share": 0,
        "batch_size": 64,
        "max_frames": 10,
        "transition_share": 0,
        "drawn_share": 0,
        "nothing_share": 0,
        "drift": 0,
    }
    return Clips(**plain | changes)


def training_set(stills, clips, options, **sampling) -> TrainingSet:
    sampling = Sampling(
        **{"source_power": 0.5, "motion_stills": 1, "finger_mix": 0, "draped": 0, "nothing_share": 0} | sampling
    )
    return TrainingSet(stills, clips, sampling, options, PLAIN, "cpu")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_single_frames_are_the_features_of_the_stills(hands):
    stills = samples(hands, "ABCI")
    batch = training_set(stills, None, clip_config()).draw_frames(64, generator())
    known = {
        label: row for label, row in zip(stills.labels, clip_features(stills.landmarks, stills.left_handed)[:, 0], strict=True)
    }
    assert batch.features.shape == (64, 1, 63)
    for features, label in zip(batch.features[:, 0].numpy(), batch.labels[:, 0].tolist(), strict=True):
        np.testing.assert_allclose(features, known[label], atol=1e-4)
    assert batch.weights.all()


def test_a_held_still_is_the_same_frame_again(hands):
    batch = training_set(samples(hands, "ABCI"), None, clip_config()).draw_clips(16, generator())
    assert batch.features.shape[1] > 1
    assert torch.allclose(batch.features, batch.features[:, :1].expand_as(batch.features), atol=1e-4)
    assert batch.weights.all()


def test_drift_moves_the_wrist_steadily_and_nothing_else(hands):
    batch = training_set(samples(hands, "ABCI"), None, clip_config(drift=0.05)).draw_clips(256, generator())
    motion, shape = batch.features[:, 1:, :3], batch.features[..., 3:]
    assert torch.allclose(motion, motion[:, :1].expand_as(motion), atol=1e-4)
    assert motion.std() == pytest.approx(0.05, rel=0.15)
    assert torch.allclose(shape, shape[:, :1].expand_as(shape), atol=1e-4)


def test_a_held_hand_is_j_or_z_at_its_first_frame_only(hands):
    batch = training_set(samples(hands, "AJZI"), None, clip_config()).draw_clips(64, generator())
    motion = torch.isin(batch.labels[:, 0], torch.tensor([LABEL_IDS["J"], LABEL_IDS["Z"]]))
    assert batch.weights[:, 0].all()
    assert not batch.weights[motion, 1:].any()
    assert batch.weights[~motion].all()


def test_a_transition_starts_as_one_letter_and_ends_as_another(hands):
    config = clip_config(transition_share=1, max_frames=40)
    batch = training_set(samples(hands, "ABCI"), None, config).draw_clips(256, generator())
    changed = batch.labels[:, 0] != batch.labels[:, -1]
    assert changed.float().mean() > 0.3
    assert (batch.weights[changed] == 0).any()  # between two letters a frame shows neither
    # Where a frame counts, its shape is that of the letter it is labelled with.
    shapes = {int(label): batch.features[0, 0].new_tensor(row) for label, row in _shapes(hands).items()}
    for row, frame in batch.weights.nonzero()[:500].tolist():
        assert torch.allclose(batch.features[row, frame, 3:], shapes[int(batch.labels[row, frame])], atol=1e-3)


def _shapes(hands: np.ndarray) -> dict[int, np.ndarray]:
    stills = samples(hands, "ABCI")
    return dict(zip(stills.labels.tolist(), clip_features(stills.landmarks, stills.left_handed)[:, 0, 3:], strict=True))


def moving_clip(hand: np.ndarray, reach: float) -> np.ndarray:
    """30 frames in which the whole hand moves `reach` pixels to the right, then ten frames without a hand."""
    path = np.linspace(0, reach, 30)[:, None, None] * np.array([1, 0, 0])
    return np.concatenate([hand + path, np.full((10, 21, 3), np.nan)])[None]


@pytest.mark.parametrize(("reach", "counts"), [(1000, True), (1, False)])
def test_a_real_clip_of_j_counts_at_its_end_and_only_if_it_moves(hands, reach, counts):
    clips = samples(moving_clip(hands[0], reach), "J", "motion")
    batch = training_set(samples(hands, "ABCI"), clips, clip_config(max_frames=30)).draw_clips(512, generator())
    motion = batch.labels[:, -1] == LABEL_IDS["J"]
    assert motion.any()
    assert not batch.weights[motion, :-1].any()
    assert batch.weights[motion, -1].any() == counts
    assert torch.isfinite(batch.features).all()


def test_sources_are_drawn_by_a_power_of_their_size(hands):
    many = samples(np.tile(hands, (225, 1, 1, 1)), "ABCI" * 225, "many")
    few = samples(hands, "XXXX", "few")
    names = [field.name for field in fields(Samples)]
    both = Samples(*(np.concatenate([getattr(many, name), getattr(few, name)]) for name in names))
    batch = training_set(both, None, clip_config()).draw_frames(8000, generator())
    share = (batch.labels == LABEL_IDS["X"]).float().mean()
    assert share == pytest.approx(1 / 16, rel=0.15)  # 2 : 30, the roots of 4 : 900


def test_stills_of_motion_letters_count_less_as_single_frames(hands):
    stills = samples(hands, "AJZI")
    batch = training_set(stills, None, clip_config(), motion_stills=0.25).draw_frames(8000, generator())
    motion = torch.isin(batch.labels, torch.tensor([LABEL_IDS["J"], LABEL_IDS["Z"]])).float().mean()
    assert motion == pytest.approx(0.2, rel=0.1)  # 2 x 0.25 : 2


def test_nothing_is_drawn_as_often_as_asked(hands):
    stills = samples(hands, "ABCI")
    stills.labels[0] = NOTHING
    drawn = training_set(stills, None, clip_config(nothing_share=0.1), nothing_share=0.1)
    for batch in (drawn.draw_frames(8000, generator()), drawn.draw_clips(8000, generator())):
        assert (batch.labels[:, 0] == NOTHING).float().mean() == pytest.approx(0.1, rel=0.1)


def test_drawn_clips_are_j_and_z_where_the_motion_is_done(hands):
    stills = samples(hands, "AIZD")
    options = clip_config(drawn_share=1, max_frames=30)
    draws = generator()
    batch = next(
        b for b in (training_set(stills, None, options).draw_clips(200, draws) for _ in range(20)) if b.labels.shape[1] > 20
    )
    assert set(batch.labels[:, 0].tolist()) == {LABEL_IDS["J"], LABEL_IDS["Z"]}
    assert batch.weights[:, -1].all()
    assert not batch.weights[:, 0].any()


def test_a_set_without_the_hand_shapes_of_j_and_z_is_trained_without_drawn_clips(hands):
    batch = training_set(samples(hands, "ABCE"), None, clip_config(drawn_share=1, max_frames=40)).draw_clips(64, generator())
    assert len(batch.labels) == 64


def test_fingers_come_from_stills_of_the_same_label(hands):
    both = np.concatenate([hands[:2], hands[:2] + 50])  # two A and two B, each label in two places: the same shapes
    stills = samples(both, "ABAB")
    batch = training_set(stills, None, clip_config(), finger_mix=1).draw_frames(512, generator())
    known = clip_features(stills.landmarks, stills.left_handed)[:, 0]
    for features, label in zip(batch.features[:, 0].numpy(), batch.labels[:, 0].tolist(), strict=True):
        np.testing.assert_allclose(features, known[label], atol=1e-3)


def test_some_hands_that_sign_nothing_have_fingers_of_several_letters():
    random = np.random.default_rng(0)
    stills = samples(random.normal(size=(8, 1, 21, 3)) * 40 + 100, "ABCDEFGH")
    stills.labels[0] = NOTHING
    batch = training_set(stills, None, clip_config(), nothing_share=0.1).draw_frames(8000, generator())
    nothing = batch.features[batch.labels[:, 0] == NOTHING, 0]
    known = torch.from_numpy(clip_features(stills.landmarks, stills.left_handed)[:, 0])
    new = torch.cdist(nothing, known).amin(1) > 1e-2
    assert 0.15 < new.float().mean() < 0.55  # asked for half, of which some stay too near to a letter


def test_a_sample_of_a_source_of_n_is_drawn_by_a_power_of_n():
    assert source_weights(np.array(["a", "b", "a", "a", "a"]), 0.5).tolist() == [0.5, 1, 0.5, 0.5, 0.5]


def test_weights_of_motion_letters_and_of_hands_that_sign_nothing():
    stills = samples(np.zeros((9, 1, 21, 3)), "ABJCDEFGH")
    stills.labels[4:] = NOTHING  # five, of which four come from one source
    stills.sources[:] = ["one"] * 4 + ["four"] * 4 + ["one"]
    weights = drawing_weights(stills, 0.5, nothing_share=0.2, motion_stills=0.5)
    assert weights[:4].tolist() == pytest.approx([5**-0.5, 5**-0.5, 0.5 * 5**-0.5, 5**-0.5])
    assert weights[4:].sum() / weights.sum() == pytest.approx(0.2)
    # Counted among themselves: each of the four half as often as the one whose source has no other of them.
    assert (weights[4:8] / weights[8]).tolist() == pytest.approx([0.5] * 4)


def test_held_clips_by_hand():
    hands = torch.arange(2.0).reshape(2, 1, 1).expand(2, 21, 3)  # all zeros, all ones
    labels = torch.tensor([LABEL_IDS["A"], LABEL_IDS["B"]])
    arrived = torch.tensor([[0.0, 0.25, 0.75, 1.0], [1.0, 1.0, 1.0, 1.0]])
    reach = torch.full((2, 1, 1, 3), 2.0)
    drift = torch.tensor([0.0, 0.5]).reshape(2, 1, 1, 1).expand(2, 1, 1, 3)
    landmarks, shown, weights = held_clips(hands, labels, arrived, reach, drift)
    assert landmarks[0, :, 0, 0].tolist() == [3, 2.25, 0.75, 0]  # from the ones, two further away, to the zeros
    assert landmarks[1, :, 7, 2].tolist() == [1, 1.5, 2, 2.5]
    assert shown.tolist() == [[LABEL_IDS[letter] for letter in "BBAA"], [LABEL_IDS["B"]] * 4]
    assert weights.tolist() == [[1, 0, 0, 1], [1, 1, 1, 1]]


def test_a_hand_comes_from_a_palm_size_away_on_its_way_to_a_letter():
    arrived, reach, drift = draw_moves(4000, 30, clip_config(transition_share=0.25, drift=0.03), generator())
    assert (arrived[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    assert (arrived.diff(dim=1) >= 0).all() and arrived.min() == 0 and arrived.max() == 1
    assert reach.std() == pytest.approx(1, rel=0.05) and drift.std() == pytest.approx(0.03, rel=0.05)


def test_real_clips_are_played_at_0_7_to_1_4_times_their_speed_and_end_in_their_last_fifth():
    clips = torch.arange(101.0).reshape(1, 101, 1, 1).expand(500, 101, 21, 3)  # a palm size further in each frame
    landmarks, _, _ = real_clips(clips, torch.full((500,), 101), torch.full((500,), LABEL_IDS["J"]), 20, generator())
    places = landmarks[:, :, 0, 0]
    speeds = places.diff(dim=1)
    assert torch.allclose(speeds, speeds[:, :1].expand_as(speeds), atol=1e-4)
    assert 0.7 <= speeds.min() < 0.72 and 1.38 < speeds.max() <= 1.4001
    assert 80 <= places[:, -1].min() < 81 and 99 < places[:, -1].max() <= 100
