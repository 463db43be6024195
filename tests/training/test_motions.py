import pytest
import torch

from sign2sound.features import clip_features
from sign2sound.labels import LABEL_IDS
from training.motions import KEYS, TIPS, at_times, cut_motion, draw_motions, moves


@pytest.fixture
def hands() -> torch.Tensor:
    """Flat hands in palm sizes: the wrist at the origin, every fingertip 1.8 above it."""
    hands = torch.zeros(300, 21, 3)
    hands[:, 1:, 0] = torch.linspace(-0.5, 0.5, 20)
    hands[:, 1:, 1] = -torch.tensor([0.9, 1.2, 1.5, 1.8]).repeat(5)
    return hands


def draw(hands, is_j: bool):
    return draw_motions(hands, torch.full((len(hands),), is_j), torch.Generator().manual_seed(0))


def test_hands_between_two_frames_lie_on_a_straight_line():
    clip = torch.tensor([0.0, 10, 30]).reshape(3, 1, 1).expand(3, 21, 3)
    assert at_times(clip, torch.tensor([0, 0.5, 1, 1.25, 2]))[:, 7, 1].tolist() == [0, 5, 10, 15, 30]


@pytest.mark.parametrize("letter", ["J", "Z"])
def test_a_motion_is_cut_from_the_start_of_its_fingertip_to_its_end(letter):
    """Held for ten frames, then 20 frames of 0.1 palm sizes each, and held again: cut at 0.06 and 0.96 of the way."""
    clip = torch.zeros(40, 21, 3)
    clip[:, TIPS[LABEL_IDS[letter]], 0] = 0.1 * (torch.arange(40.0) - 10).clamp(0, 20)
    motion = cut_motion(clip, LABEL_IDS[letter])
    assert motion.shape == (KEYS, 21, 3)
    expected = torch.linspace(0.1, 2.0, KEYS)  # from frame 11 to frame 30
    assert torch.allclose(motion[:, TIPS[LABEL_IDS[letter]], 0], expected, atol=1e-5)
    other = LABEL_IDS["Z" if letter == "J" else "J"]
    assert cut_motion(clip, other) is None  # its fingertip does not move


def test_a_jump_is_no_motion():
    clip = torch.zeros(40, 21, 3)
    clip[20:] = 5.0
    assert cut_motion(clip, LABEL_IDS["J"]) is None


def test_a_motion_goes_at_least_one_palm_size():
    way = torch.linspace(0, 1, 30)[None, :, None, None] * torch.tensor([0.9, 1.1]).reshape(2, 1, 1, 1)
    clips = torch.zeros(2, 30, 21, 3)
    clips[:, :, 8, :1] = way[:, :, 0]
    assert moves(clips).tolist() == [False, True]
    towards_camera = torch.zeros(1, 30, 21, 3)
    towards_camera[:, :, :, 2] = torch.linspace(0, 9, 30)[None, :, None]
    assert not moves(towards_camera).any()


def test_a_j_begins_with_the_hand_shape(hands):
    assert torch.allclose(draw(hands, is_j=True)[:, 0], hands, atol=1e-4)


@pytest.mark.parametrize(("is_j", "start", "end"), [(True, 0, 20), (False, 0, 17), (False, 5, 8)])
def test_bones_keep_their_lengths(hands, is_j, start, end):
    clips = draw(hands, is_j)
    lengths = (clips[:, :, end] - clips[:, :, start]).norm(dim=-1)
    assert torch.allclose(lengths, lengths[:, :1].expand_as(lengths), atol=1e-4)


def test_a_j_goes_down_hooks_to_either_side_and_turns_either_way(hands):
    clips = draw(hands, is_j=True)
    assert (clips[:, -1, 20, 1] - clips[:, 0, 20, 1]).median() > 0.5  # the little fingertip ends further down
    hook = clips[:, -1, 0, 0]  # of the wrist, -0.7 to 1.5 to the thumb's side
    assert (hook > 0.3).float().mean() == pytest.approx(1.2 / 2.2, abs=0.1)
    assert (hook < -0.3).float().mean() == pytest.approx(0.4 / 2.2, abs=0.1)
    deeper = clips[:, KEYS // 3, 20, 2] - clips[:, KEYS // 3, 4, 2]  # which side of the hand has turned to the camera
    assert (deeper > 0).float().mean() == pytest.approx(0.85, abs=0.08)


def test_the_index_fingertip_draws_a_z_both_ways_round(hands):
    clips = draw(hands, is_j=False)
    x, y = (clips[:, :, 8] - clips[:, :1, 8]).unbind(-1)[:2]
    way = x[:, -1].sign()
    assert (way > 0).float().mean() == pytest.approx(0.35, abs=0.1)  # the others to the little finger's side
    done = torch.linspace(0, 1, KEYS)
    x = x * way[:, None]
    there, back = x[:, done < 0.4].amax(1), x[:, (done > 0.4) & (done < 0.8)].amin(1)
    assert there.mean() > 0.5
    assert (back < there - 0.3).float().mean() > 0.9
    assert (x[:, -1] > back + 0.3).float().mean() > 0.9
    assert y[:, -1].mean() > 0.3  # further down


@pytest.mark.parametrize(("is_j", "least", "most"), [(True, 0, 0), (False, 0.25, 0.6)])
def test_some_begin_a_z_with_the_back_of_the_hand_to_the_camera(hands, is_j, least, most):
    first = draw(hands, is_j)[:, 0]
    from_behind = first[:, 20, 0] < first[:, 1, 0]
    assert least <= from_behind.float().mean() <= most


def test_drawn_letters_move_and_held_ones_do_not(hands):
    for is_j in (True, False):
        assert moves(draw(hands, is_j)).float().mean() > 0.8
    held = hands[:, None].expand(-1, 30, -1, -1)
    assert not moves(held + 0.01 * torch.randn(held.shape)).any()


def test_features_see_the_motion(hands):
    clips = draw(hands, is_j=False)
    features = clip_features(clips, torch.zeros(len(clips), dtype=torch.bool))
    assert features[:, :, :3].abs().amax() > 0.02
