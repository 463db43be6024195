import math

import pytest
import torch

from training.augmentation import augment, ease, rotations
from training.config import Augmentation


@pytest.fixture
def clips() -> torch.Tensor:
    return torch.randn(200, 4, 21, 3, generator=generator(1))


def generator(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def varied(clips, noise=0.0, has_z=None, **options) -> torch.Tensor:
    has_z = torch.ones(len(clips), dtype=torch.bool) if has_z is None else has_z
    options = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0) | options)
    return augment(clips, has_z, noise, options, generator())


def test_nothing_asked_nothing_changed(clips):
    assert torch.allclose(varied(clips), clips)


def test_the_same_seed_gives_the_same_clips(clips):
    options = {"rotation": 20, "tilt": 20, "scale": 0.1, "depth_scale": 0.3, "jitter": 0.01, "without_z": 0.5, "noise": 0.03}
    assert torch.equal(varied(clips, **options), varied(clips, **options))


def test_rotation_keeps_lengths_and_depth_and_stays_within_its_limit(clips):
    turned = varied(clips, rotation=30)
    assert torch.allclose(turned[..., 2], clips[..., 2], atol=1e-5)
    assert torch.allclose(turned.norm(dim=-1), clips.norm(dim=-1), atol=1e-4)
    cosine = torch.nn.functional.cosine_similarity(turned[..., :2], clips[..., :2], dim=-1)
    angles = torch.rad2deg(cosine.clamp(-1, 1).acos())
    assert angles.max() <= 30.1
    assert angles.max() > 25
    assert (angles.flatten(1).amax(1) - angles.flatten(1).amin(1)).max() < 0.2  # one angle for a whole clip


def test_tilt_leaves_the_picture_plane(clips):
    tilted = varied(clips, tilt=30)
    assert torch.allclose(tilted.norm(dim=-1), clips.norm(dim=-1), atol=1e-4)
    assert (tilted[..., 2] - clips[..., 2]).abs().max() > 0.3


def test_scale_stretches_each_axis_within_its_share(clips):
    factors = varied(clips, scale=0.1, depth_scale=0.4) / clips
    assert 0.9 <= factors[..., :2].min() < 0.91 and 1.09 < factors[..., :2].max() <= 1.1001
    assert 0.6 <= factors[..., 2].min() < 0.62 and 1.38 < factors[..., 2].max() <= 1.4001


def test_noise_holds_for_a_clip_and_jitter_does_not(clips):
    noise = varied(clips, noise=0.05) - clips
    assert torch.allclose(noise[:, 0], noise[:, 3], atol=1e-6)
    assert noise[..., :2].std() == pytest.approx(0.05, rel=0.05)
    assert noise[..., 2].std() == pytest.approx(0.10, rel=0.05)
    jitter = varied(clips, jitter=0.02) - clips
    assert jitter[..., 0].std() == pytest.approx(0.02 / 3**0.5, rel=0.05)  # 0 to 0.02, by clip
    assert not torch.allclose(jitter[:, 0], jitter[:, 3], atol=1e-3)


def test_z_is_left_out_where_there_is_none_whatever_else_is_asked(clips):
    has_z = torch.arange(200) % 2 == 0
    found = varied(clips, noise=0.05, has_z=has_z, tilt=30, jitter=0.02)
    assert not found[~has_z][..., 2].any()
    assert found[has_z][..., 2].all()
    assert found[..., :2].all()


def test_some_of_the_others_lose_their_z_for_the_whole_clip(clips):
    flat = varied(clips, without_z=0.3)[..., 2] == 0
    assert torch.equal(flat, flat[:, :1, :1].expand_as(flat))
    assert flat[:, 0, 0].float().mean() == pytest.approx(0.3, abs=0.1)


def test_ease_starts_and_ends_at_rest():
    assert ease(torch.tensor([0.0, 0.25, 0.5, 1.0])).tolist() == [0, 0.15625, 0.5, 1]
    share = torch.tensor([0.001, 0.999])
    assert torch.allclose(ease(share), share.round(), atol=1e-5)


def test_rotations_by_right_angles():
    """A row vector times the matrix, as clips are turned."""
    x, y, z = torch.eye(3)
    about_x, about_y, about_z = rotations(torch.eye(3) * math.pi / 2)
    for turned, expected in ((y @ about_x, -z), (z @ about_y, -x), (x @ about_z, -y), (x @ about_x, x)):
        assert torch.allclose(turned, expected, atol=1e-6)
