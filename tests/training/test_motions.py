import pytest
import torch

from sign2sound.features import clip_features
from training.motions import draw_motions, moves


@pytest.fixture
def hands() -> torch.Tensor:
    """Flat hands in palm sizes: the wrist at the origin, every fingertip 1.8 above it."""
    hands = torch.zeros(300, 21, 3)
    hands[:, 1:, 0] = torch.linspace(-0.5, 0.5, 20)
    hands[:, 1:, 1] = -torch.tensor([0.9, 1.2, 1.5, 1.8]).repeat(5)
    return hands


def draw(hands, is_j: bool, frames: int = 60):
    return draw_motions(hands, torch.full((len(hands),), is_j), frames, torch.Generator().manual_seed(0))


def test_a_j_begins_with_the_hand_shape(hands):
    clips, done = draw(hands, is_j=True)
    whole = done[:, 0] == 0
    assert whole.any()
    assert torch.allclose(clips[whole, 0], hands[whole], atol=1e-4)


@pytest.mark.parametrize("is_j", [True, False])
def test_a_motion_ends_within_the_clip(hands, is_j):
    _, done = draw(hands, is_j)
    assert (done[:, -1] == 1).all()
    assert (done.diff(dim=1) >= 0).all()


@pytest.mark.parametrize(("is_j", "start", "end"), [(True, 0, 20), (False, 0, 17), (False, 5, 8)])
def test_bones_keep_their_lengths(hands, is_j, start, end):
    clips, _ = draw(hands, is_j)
    lengths = (clips[:, :, end] - clips[:, :, start]).norm(dim=-1)
    assert torch.allclose(lengths, lengths[:, :1].expand_as(lengths), atol=1e-4)


def test_the_index_fingertip_draws_a_z(hands):
    clips, done = draw(hands, is_j=False)
    x, y = (clips[:, :, 8] - clips[:, :1, 8]).unbind(-1)[:2]
    first, second = done < 0.3, (done > 0.3) & (done < 0.75)
    assert torch.where(first, x, 0).amin(1).mean() < -0.5  # to the little finger's side
    assert (torch.where(second, x, -9).amax(1) > torch.where(first, x, 0).amin(1) + 0.3).float().mean() > 0.9  # back
    assert x[:, -1].mean() < -0.5  # and to that side again
    assert y[:, -1].mean() > 0.3  # further down


@pytest.mark.parametrize(("is_j", "least", "most"), [(True, 0, 0), (False, 0.25, 0.6)])
def test_some_begin_a_z_with_the_back_of_the_hand_to_the_camera(hands, is_j, least, most):
    clips, done = draw(hands, is_j)
    first = clips[done[:, 0] == 0, 0]
    from_behind = first[:, 20, 0] < first[:, 1, 0]
    assert least <= from_behind.float().mean() <= most


def test_drawn_letters_move_and_held_ones_do_not(hands):
    for is_j in (True, False):
        assert moves(draw(hands, is_j)[0]).float().mean() > 0.8
    held = hands[:, None].expand(-1, 30, -1, -1)
    assert not moves(held + 0.01 * torch.randn(held.shape)).any()


def test_features_see_the_motion(hands):
    clips, _ = draw(hands, is_j=False)
    features = clip_features(clips, torch.zeros(len(clips), dtype=torch.bool))
    assert features[:, :, :3].abs().amax() > 0.02
