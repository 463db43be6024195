"""Landmarks varied as other people, cameras and MediaPipe's own noise would vary them. Torch, on any device."""

import torch

from training.config import Augmentation

_DEEPER = (1.0, 1.0, 2.0)  # noise along x, y and z, which MediaPipe knows least


def augment(
    clips: torch.Tensor, has_z: torch.Tensor, noise: float, options: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Vary clips (N, T, 21, 3), in palm sizes: one turn, stretch and `noise` for a whole clip, and jitter in each frame,
    strong in some clips and weak in others.

    z is left out (0) where `has_z` (N,) is false, and in a share of the others.
    """
    count, device = len(clips), clips.device

    def uniform(*shape: int) -> torch.Tensor:
        return 2 * torch.rand(*shape, generator=generator, device=device) - 1

    stretch = 1 + uniform(count, 3) * clips.new_tensor([options.scale, options.scale, options.depth_scale])
    limits = torch.deg2rad(clips.new_tensor([options.tilt, options.tilt, options.rotation]))
    stretch_and_turn = stretch[..., None] * rotations(uniform(count, 3) * limits)
    turned = (clips.flatten(1, 2) @ stretch_and_turn).view_as(clips)  # one product for all frames of a clip
    still = noise * torch.randn(count, 1, *clips.shape[2:], generator=generator, device=device)
    trembling = options.jitter * torch.rand(count, 1, 1, 1, generator=generator, device=device)
    moving = trembling * torch.randn(clips.shape, generator=generator, device=device)
    varied = turned + (still + moving) * clips.new_tensor(_DEEPER)
    flat = ~has_z | (torch.rand(count, generator=generator, device=device) < options.without_z)
    varied[..., 2] = torch.where(flat[:, None, None], 0.0, varied[..., 2])
    return varied


def ease(share: torch.Tensor) -> torch.Tensor:
    """0 to 1 with rest at both ends."""
    return share * share * (3 - 2 * share)


def rotations(angles: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (N, 3, 3) about x, y and z by `angles` (N, 3), radians."""
    cos, sin = angles.cos(), angles.sin()
    zero, one = torch.zeros_like(cos[:, 0]), torch.ones_like(cos[:, 0])
    (cx, cy, cz), (sx, sy, sz) = cos.T, sin.T

    def matrix(*entries: torch.Tensor) -> torch.Tensor:
        return torch.stack(entries, dim=-1).reshape(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, cx, -sx, zero, sx, cx)
    about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_z = matrix(cz, -sz, zero, sz, cz, zero, zero, zero, one)
    return about_x @ about_y @ about_z
