import random
from dataclasses import fields

import numpy as np
import pytest
import torch

from data.dataset import Samples
from sign2sound.features import clip_features
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING
from training import batches
from training.batches import TrainingSet, drawing_weights, source_weights
from training.config import Augmentation, Sampling, load_config
from training.sequences import Slots, compose

pytestmark = pytest.mark.usefixtures("one_thread")

PLAIN = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0))
J, Z = LABEL_IDS["J"], LABEL_IDS["Z"]


def samples(landmarks: np.ndarray, letters: str, source: str = "one", has_z: bool = True) -> Samples:
    """One for each letter; a space is a hand that signs nothing."""
    size = len(letters)
    off = np.zeros(size, bool)
    labels = np.array([NOTHING if letter == " " else LABEL_IDS[letter] for letter in letters])
    names = np.full(size, source)
    passes, has_z = np.ones(size, int), np.full(size, has_z)
    return Samples(landmarks.astype(np.float32), labels, off, ~off, off, names, names, passes, has_z)


def hands(letters: str, source: str = "one", seed: int = 3, has_z: bool = True) -> Samples:
    """A random hand for each letter."""
    landmarks = np.random.default_rng(seed).normal(size=(len(letters), 1, 21, 3)) * 40 + 100
    return samples(landmarks, letters, source, has_z)


def joined(*parts: Samples) -> Samples:
    return Samples(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Samples)))


@pytest.fixture
def training_set(root):
    """Nothing varied, neither rests nor motions, unless asked for."""

    def make(stills, clips=None, sampling=None, **changes) -> TrainingSet:
        plain = {"drift": 0, "noise": 0, "stalls": 0, "rests": 0, "motions": 0, "repeated": 0, "real_clips": 0, "frames": 600}
        options = load_config(root / "training" / "config.yaml", []).sequences.model_copy(update=plain | changes)
        sampling = Sampling(**{"source_power": 0.5, "motion_stills": 1, "nothing_share": 0} | (sampling or {}))
        return TrainingSet(stills, clips, sampling, options, PLAIN, "cpu")

    return make


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def shapes(stills: Samples) -> torch.Tensor:
    """(N, 60), the features but for the wrist's motion."""
    return torch.from_numpy(clip_features(stills.landmarks, stills.left_handed)[:, 0, 3:])


def sequences(drawn: TrainingSet, count: int):
    """Features, labels and weights of each sequence of `count` batches."""
    draws, choices = generator(), random.Random(0)
    for _ in range(count):
        batch = drawn.draw_sequences(1, choices, draws)
        yield from zip(batch.features, batch.labels, batch.weights, strict=True)


def spelled(drawn: TrainingSet, count: int) -> str:
    """All letters that `count` batches of sequences hold, one after another."""
    text = []
    for _, labels, _ in sequences(drawn, count):
        text += [LABELS[label] for label in labels.unique_consecutive() if label != NOTHING]
    return "".join(text)


def test_single_frames_are_the_features_of_the_stills(training_set):
    stills = hands("ABCI")
    batch = training_set(stills).draw_frames(64, generator())
    known = dict(zip(stills.labels.tolist(), shapes(stills), strict=True))
    assert batch.features.shape == (64, 1, 63)
    assert not batch.features[..., :3].any()
    for features, label in zip(batch.features[:, 0, 3:], batch.labels[:, 0].tolist(), strict=True):
        assert torch.allclose(features, known[label], atol=1e-4)
    assert batch.weights.all()


def test_a_sequence_shows_one_still_of_each_letter_all_of_one_person(training_set):
    stills = joined(hands("AABBCC", "one"), hands("AABBCC", "two", seed=4))
    known = shapes(stills)
    seen = set()
    for features, labels, _ in sequences(training_set(stills), 20):
        held = labels != NOTHING
        if not held.any():
            continue
        distance, row = torch.cdist(features[held, 3:], known).min(1)
        assert distance.max() < 1e-2
        row = row.numpy()
        assert (stills.labels[row] == labels[held].numpy()).all()
        assert len({*stills.sources[row]}) == 1
        assert len({*row.tolist()}) == len({*labels[held].tolist()})
        seen |= {*row.tolist()}
    assert seen == {*range(12)}


def test_letters_are_drawn_at_random_whatever_the_number_of_their_stills(training_set):
    text = spelled(training_set(hands("A" * 40 + "B" + "CCC")), 20)
    assert len(text) > 700
    # Of three letters, one that follows itself at once is parted by `nothing` and counted again.
    assert [text.count(letter) / len(text) for letter in "ABC"] == pytest.approx([1 / 3] * 3, abs=0.05)


@pytest.mark.parametrize(("repeated", "expected"), [(0, 0.1), (0.5, 0.55)])
def test_a_letter_is_shown_again_at_once_as_often_as_asked(training_set, repeated, expected):
    """Of ten letters one in ten follows itself by chance."""
    again, pairs = 0, 0
    for _, labels, _ in sequences(training_set(hands("ABCDEFGHIK"), repeated=repeated), 60):
        runs = labels.unique_consecutive()
        letters = runs[runs != NOTHING]
        again, pairs = again + int((letters[1:] == letters[:-1]).sum()), pairs + max(len(letters) - 1, 0)
    assert again / pairs == pytest.approx(expected, abs=0.05)


@pytest.fixture
def composed(monkeypatch) -> list[Slots]:
    """The slots of all that was composed."""
    slots = []
    monkeypatch.setattr(batches, "compose", lambda first, *rest: slots.append(first) or compose(first, *rest))
    return slots


def test_a_release_opens_the_hand_towards_another_letter(training_set, composed):
    training_set(hands("ABCDEFGHIK"), repeated=0.2).draw_sequences(10, random.Random(0), generator())
    opened = torch.cat([(slots.first - slots.opened[:, None])[slots.same] for slots in composed])
    same = opened.flatten(1).norm(dim=1) < 0.1
    assert len(same) > 500 and same.float().mean() < 0.02  # of sequences that only have doubled letters


def test_people_spell_by_a_power_of_their_stills_and_by_their_letters(training_set):
    """16 stills of four letters against 4 of two letters, with z and without: roots 4 and 2, times the letters, 16 : 4."""
    stills = joined(hands("ABCD" * 4, "many"), hands("EF" * 2, "few"))
    held = [labels[labels != NOTHING] for _, labels, _ in sequences(training_set(stills, shortest=40, longest=40), 40)]
    first = torch.stack([labels[0] for labels in held if len(labels)])
    assert (first >= LABEL_IDS["E"]).float().mean() == pytest.approx(0.2, abs=0.04)


def test_i_and_d_are_never_j_and_z_without_a_motion(training_set):
    """Neither are stills of J and Z, which look like them."""
    assert {*spelled(training_set(hands("IDJZ")), 10)} == {"I", "D"}


def test_of_stills_that_spell_nothing_no_sequences_are_made(training_set):
    assert not training_set(hands("JZ ")).spells
    assert training_set(hands("JZA ")).spells


def test_drawn_motions_are_j_and_z(training_set):
    drawn = training_set(hands("AID"), motions=0.5)
    text = spelled(drawn, 20)
    motions = text.count("J") + text.count("Z")
    assert motions / len(text) == pytest.approx(0.5, abs=0.1)
    assert text.count("J") / motions == pytest.approx(0.5, abs=0.1)
    for features, labels, weights in sequences(drawn, 10):
        asked = torch.isin(labels, torch.tensor([J, Z])) & (weights > 0)
        if asked.any():  # since the sequence began, the hand has moved or turned
            moved = features[:, :3].cumsum(0).norm(dim=-1) + (features[:, 3:] - features[0, 3:]).abs().amax(-1)
            assert moved[asked].min() > 0.1


def test_only_motions_whose_hand_shape_a_person_has_are_drawn(training_set):
    assert {*spelled(training_set(hands("ABI"), motions=0.5), 10)} == {*"ABIJ"}
    assert {*spelled(training_set(hands("ABC"), motions=0.5), 10)} == {*"ABC"}


def moving_clip(letter: str, step: float, frames: int = 30) -> Samples:
    """A hand that goes `step` palm sizes to the right in each frame, then ten frames without a hand."""
    hand = hands(letter, seed=9).landmarks[0]
    bones = hand[0, [5, 9, 13, 17, 17]] - hand[0, [0, 0, 0, 0, 5]]
    path = step * np.linalg.norm(bones, axis=-1).mean() * np.arange(frames)[:, None, None] * np.array([1, 0, 0])
    return samples(np.concatenate([hand + path, np.full((10, 21, 3), np.nan)])[None], letter, "clip")


def test_real_motions_are_drawn_by_people_without_the_hand_shape_too(training_set):
    drawn = training_set(hands("ABC"), moving_clip("J", 0.1), motions=0.5)
    assert {*spelled(drawn, 10)} == {*"ABCJ"}
    still = training_set(hands("ABC"), moving_clip("J", 0.01), motions=0.5)  # 0.3 palm sizes in all: no motion
    assert {*spelled(still, 10)} == {*"ABC"}


def test_half_of_the_motions_are_real_where_both_can_be_had(training_set, composed):
    training_set(hands("ABI"), moving_clip("J", 0.1), motions=0.5).draw_sequences(4, random.Random(0), generator())
    _, _, paths = composed[0].motions
    shape = paths[:, :, 1:] - paths[:, :, :1]
    real = (shape - shape[:, :1]).abs().amax((1, 2, 3)) < 1e-3  # the hand of the clip moves and does not turn
    assert len(real) > 50 and real.float().mean() == pytest.approx(0.5, abs=0.12)


def test_real_clips_are_played_at_0_7_to_1_6_times_their_speed_to_and_fro(training_set):
    drawn = training_set(hands("ABC"), moving_clip("K", 0.1), real_clips=0.5)
    shape = shapes(hands("K", seed=9))[0]
    speeds, turned = [], 0
    for features, labels, weights in sequences(drawn, 10):
        if labels[0] != LABEL_IDS["K"]:
            continue
        assert (labels == LABEL_IDS["K"]).all() and weights.all()
        assert torch.allclose(features[:, 3:], shape.expand(len(features), -1), atol=1e-3)
        speed = features[1:, 0]
        assert torch.allclose(features[1:, 1], torch.zeros(1), atol=1e-4)
        steady = (speed.abs() - speed[0]).abs() < 1e-3
        turns = int((speed.sign().diff() != 0).sum())
        assert (~steady).sum() <= turns + 1  # but for the frames in which it turns
        speeds.append(float(speed[0]) / 0.1)
        turned += turns
    assert len(speeds) > 50 and turned > 10
    assert 0.7 - 1e-3 <= min(speeds) < 0.75 and 1.55 < max(speeds) <= 1.6 + 1e-3


def test_that_a_moving_hand_signs_nothing_is_asked_from_the_fourth_frame_on(training_set):
    drawn = training_set(hands("ABC"), moving_clip(" ", 0.1), real_clips=0.5)
    shape = shapes(hands(" ", seed=9))
    found = 0
    for features, labels, weights in sequences(drawn, 10):
        if torch.allclose(features[:, 3:], shape, atol=1e-3):
            assert (labels == NOTHING).all()
            assert not weights[:3].any() and weights[3:].all()
            found += 1
    assert found > 20


def test_sequences_of_nothing_but_real_clips(training_set):
    drawn = training_set(hands("ABC"), moving_clip("K", 0.1), real_clips=1)
    batch = drawn.draw_sequences(1, random.Random(0), generator())
    assert (batch.labels == LABEL_IDS["K"]).all(1).sum() == len(batch.labels) - 1  # one spells


def test_a_batch_holds_about_as_many_frames_as_asked(training_set):
    drawn, choices = training_set(hands("ABC"), shortest=12, longest=128), random.Random(0)
    lengths = set()
    for _ in range(40):
        batch = drawn.draw_sequences(1, choices, generator())
        count, frames = batch.labels.shape
        assert 12 <= frames <= 128 and 0.75 * 600 <= count * frames <= 600
        lengths.add(frames)
    assert min(lengths) < 20 and max(lengths) > 90


def test_batches_drawn_at_once_have_one_length_and_each_its_share_of_real_clips(training_set):
    drawn = training_set(hands("ABC"), moving_clip("K", 0.1), real_clips=0.25)
    together = drawn.draw_sequences(3, random.Random(0), generator()).cut(3)
    assert len(together) == 3 and len({batch.features.shape for batch in together}) == 1
    for batch in together:
        real = (batch.labels == LABEL_IDS["K"]).all(1)
        assert int(real.sum()) == round(0.25 * len(real))
    assert not torch.equal(together[0].features, together[1].features)


def test_z_is_left_out_where_a_source_has_none(training_set):
    stills = joined(hands("AB", "with"), hands("CD", "without", has_z=False))
    drawn = training_set(stills)
    frames = drawn.draw_frames(200, generator())
    depth = frames.features[:, 0, 5::3]
    assert torch.equal((depth != 0).any(1), frames.labels[:, 0] <= LABEL_IDS["B"])
    people = set()
    for features, labels, _ in sequences(drawn, 10):
        if (letters := labels[labels != NOTHING]).numel():
            has_z = bool(letters[0] <= LABEL_IDS["B"])
            assert bool(features[:, 5::3].any()) == has_z
            people.add(has_z)
    assert people == {True, False}


@pytest.mark.parametrize("stills", [hands("ABC"), hands("ABC   ")])
def test_rests_are_nothing_and_some_of_them_hands_that_really_sign_nothing(training_set, stills):
    drawn = training_set(stills, rests=0.5)
    resting = torch.cat([features[weights == 0.3] for features, _, weights in sequences(drawn, 10)])
    labels = torch.cat([labels[weights == 0.3] for _, labels, weights in sequences(drawn, 10)])
    assert len(labels) > 200 and (labels == NOTHING).all()
    known = torch.cdist(resting[:, 3:], shapes(stills)) < 1e-2
    letters = torch.from_numpy(stills.labels != NOTHING)
    assert not known[:, letters].any()
    assert known[:, ~letters].any(1).float().mean() == pytest.approx(0.5 if (~letters).any() else 0, abs=0.12)


def test_sources_are_drawn_by_a_power_of_their_size(training_set):
    both = joined(hands("ABCI" * 225, "many"), hands("XXXX", "few"))
    batch = training_set(both).draw_frames(8000, generator())
    share = (batch.labels == LABEL_IDS["X"]).float().mean()
    assert share == pytest.approx(1 / 16, rel=0.15)  # 2 : 30, the roots of 4 : 900


def test_stills_of_motion_letters_count_less_as_single_frames(training_set):
    batch = training_set(hands("AJZI"), sampling={"motion_stills": 0.25}).draw_frames(8000, generator())
    assert torch.isin(batch.labels, torch.tensor([J, Z])).float().mean() == pytest.approx(0.2, rel=0.1)  # 2 x 0.25 : 2


def test_nothing_is_drawn_as_often_as_asked(training_set):
    batch = training_set(hands(" BCI"), sampling={"nothing_share": 0.1}).draw_frames(8000, generator())
    assert (batch.labels == NOTHING).float().mean() == pytest.approx(0.1, rel=0.1)


def test_a_sample_of_a_source_of_n_is_drawn_by_a_power_of_n():
    assert source_weights(np.array(["a", "b", "a", "a", "a"]), 0.5).tolist() == [0.5, 1, 0.5, 0.5, 0.5]


def test_weights_of_motion_letters_and_of_hands_that_sign_nothing():
    stills = hands("ABJC     ")
    stills.sources[:] = ["one"] * 4 + ["four"] * 4 + ["one"]  # of five that sign nothing four come from one source
    weights = drawing_weights(stills, 0.5, nothing_share=0.2, motion_stills=0.5)
    assert weights[:4].tolist() == pytest.approx([5**-0.5, 5**-0.5, 0.5 * 5**-0.5, 5**-0.5])
    assert weights[4:].sum() / weights.sum() == pytest.approx(0.2)
    # Counted among themselves: each of the four half as often as the one whose source has no other of them.
    assert (weights[4:8] / weights[8]).tolist() == pytest.approx([0.5] * 4)
