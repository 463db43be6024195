"""Landmarks varied as other people, cameras and MediaPipe's own noise would vary them. Torch, on any device."""

import torch

from sign2sound.hand import LANDMARKS
from sign2sound.labels import LABEL_IDS, LABELS
from training.config import Augmentation

_PALM = [0, 1, 5, 9, 13, 17]
_FINGERTIPS = [4, 8, 12, 16, 20]
_SIDEWAYS = [LABEL_IDS[letter] for letter in "GHP"]
_EITHER_SIDE = [LABEL_IDS[letter] for letter in "GHPQ"]
_DRAPED = {"M": [1, 1, 1, 0], "N": [1, 1, 0, 0]}  # index to little finger: which lie over the thumb


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


def drape_fingers(hands: torch.Tensor, labels: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Hands (N, 21, 3) of labels (N,), where in a `share` of M and N the fingers hang straight down over the thumb.

    Some people roll the fingers in, as for a fist, which most data sets show; others bend them at the knuckles alone, and the
    wrist with them. The fingers that need not lie over the thumb follow as far as they like, and the hidden thumb moves.
    """

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(len(hands), *shape, generator=generator, device=hands.device)

    lying = hands.new_zeros(len(LABELS), 4)
    for letter, fingers in _DRAPED.items():
        lying[LABEL_IDS[letter]] = hands.new_tensor(fingers)
    lying = lying[labels]
    chosen = lying.any(1, keepdim=True) & (uniform(0, 1, 1) < share)
    amount = chosen * uniform(0.4, 1, 1) * torch.maximum(lying, uniform(0, 1, 4))

    across = (hands[:, 5] - hands[:, 17])[:, None]
    across = across / across.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    knuckles, joints = hands[:, [5, 9, 13, 17]], hands[:, [6, 10, 14, 18]]
    first = knuckles + _turned(joints - knuckles, across, torch.deg2rad(amount * uniform(50, 90, 1)))
    straightened = -torch.deg2rad(amount * uniform(30, 70, 1))
    rest = [first + _turned(hands[:, [k, k + 4, k + 8, k + 12]] - joints, across, straightened) for k in (7, 8)]
    fingers = torch.stack([knuckles, first, *rest], dim=2).flatten(1, 2)

    palm_line = (hands[:, 9] - hands[:, 0])[:, None]
    palm_line = palm_line / palm_line.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    aside = torch.deg2rad(chosen * uniform(-30, 50, 1)).expand(-1, 3)
    thumb = hands[:, 1:2] + _turned(hands[:, 2:5] - hands[:, 1:2], palm_line, aside)
    draped = torch.cat([hands[:, :2], thumb, fingers], dim=1)
    return _turned(draped, across, torch.deg2rad(chosen * uniform(0, 60, 1)).expand(-1, LANDMARKS))


def _turned(vectors: torch.Tensor, axes: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Vectors (N, M, 3) turned about unit axes (N, 1, 3) by angles (N, M), radians (Rodrigues' formula)."""
    cos, sin = angles.cos()[..., None], angles.sin()[..., None]
    along = (axes * vectors).sum(-1, keepdim=True)
    return vectors * cos + torch.cross(axes.expand_as(vectors), vectors, dim=-1) * sin + axes * along * (1 - cos)


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
