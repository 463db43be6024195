"""Landmarks varied as other people, cameras and MediaPipe's own noise would vary them. Torch, on any device."""

from dataclasses import dataclass

import torch

from sign2sound.hand import LANDMARKS
from sign2sound.labels import LABEL_IDS

_PALM = [0, 1, 5, 9, 13, 17]
_FINGERTIPS = [4, 8, 12, 16, 20]
_SIDEWAYS = [LABEL_IDS[letter] for letter in "GHP"]
_EITHER_SIDE = [LABEL_IDS[letter] for letter in "GHPQ"]


@dataclass(frozen=True)
class Augmentation:
    """rotation: largest turn in the picture, degrees; tilt: largest turn out of it, about x and y, degrees.

    scale, depth_scale: largest stretch along x and y, and along z, as a share. noise: standard deviation of each landmark's
    place over a whole clip, jitter: of its place from frame to frame, both in palm sizes, twice as large in z, which MediaPipe
    knows least, and `tip_noise` times as large at the fingertips, which are hidden most (at the joint before, half as much
    more). mirror: share of clips seen as the other hand, as when the handedness is mistaken.
    """

    rotation: float
    sideways_rotation: float
    turned_round: float
    tilt: float
    scale: float
    depth_scale: float
    noise: float
    tip_noise: float
    jitter: float
    mirror: float


def augment(landmarks: torch.Tensor, labels: torch.Tensor, options: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Vary clips (N, T, 21, 3), in palm sizes, of labels (N,). One turn, stretch and noise for a whole clip, and jitter in
    each frame."""
    clips = landmarks.shape[0]

    def uniform(*shape: int) -> torch.Tensor:
        return 2 * torch.rand(*shape, generator=generator, device=landmarks.device) - 1

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, device=landmarks.device)

    stretch = 1 + uniform(clips, 3) * landmarks.new_tensor([options.scale, options.scale, options.depth_scale])
    mirrored = torch.rand(clips, generator=generator, device=landmarks.device) < options.mirror
    stretch[:, 0] = torch.where(mirrored, -stretch[:, 0], stretch[:, 0])

    either_side = torch.isin(labels, labels.new_tensor(_EITHER_SIDE))
    turned_round = either_side & (torch.rand(clips, generator=generator, device=landmarks.device) < options.turned_round)
    stretch = torch.where(turned_round[:, None], stretch * stretch.new_tensor([-1, 1, -1]), stretch)
    limits = landmarks.new_tensor([options.tilt, options.tilt, options.rotation]).repeat(clips, 1)
    limits[torch.isin(labels, labels.new_tensor(_SIDEWAYS)), 2] = options.sideways_rotation
    turned = (landmarks * stretch[:, None, None]) @ rotations(uniform(clips, 3) * torch.deg2rad(limits))[:, None]

    spread = landmarks.new_tensor([1.0, 1.0, 2.0]).repeat(LANDMARKS, 1)
    spread[_FINGERTIPS] *= options.tip_noise
    spread[[tip - 1 for tip in _FINGERTIPS]] *= (1 + options.tip_noise) / 2
    still = normal(clips, 1, 21, 3) * options.noise
    moving = normal(*landmarks.shape) * options.jitter
    return turned + (still + moving) * spread


def mix_fingers(hands: torch.Tensor, others: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Hands (N, 21, 3) of which a `share` gets some of its fingers from `others` (N, 21, 3), which show the same letters.

    People hold each finger in their own way; so few of them in any data set combine these ways too seldom. The other hand's
    palm is turned onto the first one's (Kabsch, 1976), and a finger keeps its knuckle. Thumbs are taken more often than
    fingers: they tell most look-alikes apart.
    """
    palm, others_palm = (x[:, _PALM] - x[:, _PALM].mean(1, keepdim=True) for x in (hands, others))
    left, _, right = torch.linalg.svd(others_palm.mT @ palm)
    handedness = torch.ones_like(left[:, 0])
    handedness[:, 2] = torch.linalg.det(left @ right).sign()
    turned = others @ (left * handedness[:, None] @ right)

    clips = len(hands)
    mixed = torch.rand(clips, 1, generator=generator, device=hands.device) < share
    odds = hands.new_tensor([0.5, 0.3, 0.3, 0.3, 0.3])
    taken = mixed & (torch.rand(clips, 5, generator=generator, device=hands.device) < odds)
    knuckles = [1, 5, 9, 13, 17]
    moved = turned[:, 1:] + (hands - turned)[:, knuckles].repeat_interleave(4, dim=1)
    fingers = torch.where(taken.repeat_interleave(4, dim=1)[..., None], moved, hands[:, 1:])
    return torch.cat([hands[:, :1], fingers], dim=1)


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
