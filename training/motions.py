"""J and Z as motions: cut out of real clips, and drawn with the hand shape of a still, which pictures do not show.

A J: the little finger goes down and hooks to the thumb's side, by moving the hand, by turning the wrist until the back of the
hand is seen, or both. A Z: the index finger goes to the little finger's side, slantwise down and back, and to that side again;
some people draw it the other way round, as it looks right in an unmirrored preview.
Written for a right hand in palm sizes, y down, as `sign2sound.features.palm_clips` gives it.
"""

import math

import torch

from sign2sound.labels import LABEL_IDS
from training.augmentation import ease, rotations

KEYS = 24  # hands that a motion is kept as, evenly spaced in time
DRAWS = {"J": ("I", "J"), "Z": ("Z", "D", "X", "G")}  # the hand shapes each motion is drawn with
TIPS = {LABEL_IDS["J"]: 20, LABEL_IDS["Z"]: 8}  # the fingertips that draw
_MOTION = 1.0  # palm sizes
_BEGUN, _OVER = 0.06, 0.96  # of the way of the fingertip: a clip shows the hand before and after the motion too
_FEWEST = 3  # frames of a motion
_SWINGING = 0.6  # share of J drawn mostly by turning the wrist, as four of five people do
_LEANING = 0.5  # share of Z
_TURNED_ROUND = 0.4  # share of Z drawn with the back of the hand to the camera
_OTHER_WAY = 0.35  # share of Z; two of six people draw it so
_REACH = 1.8  # palm sizes from the wrist to the tip that draws


def moves(clips: torch.Tensor) -> torch.Tensor:
    """bool (N,): clips (N, T, 21, 3), in palm sizes, in which a fingertip that draws a J or Z goes at least one palm size; with
    less the motion is not yet done, or the letter only held."""
    tips = clips[:, :, list(TIPS.values()), :2]
    return (tips.amax(1) - tips.amin(1)).amax((1, 2)) >= _MOTION


def cut_motion(clip: torch.Tensor, label: int) -> torch.Tensor | None:
    """The motion (KEYS, 21, 3) in a clip (T, 21, 3) of a J or Z, from the fingertip's start to its end; None without any."""
    tip = clip[:, TIPS[label], :2]
    way = tip.diff(dim=0, prepend=tip[:1]).norm(dim=-1).cumsum(0)
    first, last = int((way < _BEGUN * way[-1]).sum()) - 1, int((way < _OVER * way[-1]).sum())
    if last - max(first, 0) < _FEWEST:
        return None
    return at_times(clip, torch.linspace(max(first, 0), last, KEYS, device=clip.device))


def at_times(clip: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Hands (N, 21, 3) of a clip (T, 21, 3), T > 1, at times (N,) in frames, between its frames by straight lines."""
    before = times.long().clamp(max=len(clip) - 2)
    return torch.lerp(clip[before], clip[before + 1], (times - before)[:, None, None])


def draw_motions(shapes: torch.Tensor, is_j: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Motions (N, KEYS, 21, 3) in which hands (N, 21, 3) draw a J where `is_j` (N,), else a Z."""
    clips, device = len(shapes), shapes.device

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(clips, *shape, generator=generator, device=device)

    done = torch.linspace(0, 1, KEYS, device=device).expand(clips, -1)
    eased = torch.lerp(done, ease(done), uniform(0, 1, 1))

    # Some people hold the index finger of a Z not upright, but to the side and to the front.
    lean = torch.cat([uniform(-1.2, 0.2, 1), uniform(-1.0, 0.5, 1), uniform(-0.2, 1.4, 1)], 1) * (uniform(0, 1, 1) < _LEANING)
    half_turn = shapes.new_tensor([-1, 1, -1])
    shapes_z = torch.where(uniform(0, 1, 1, 1) < _TURNED_ROUND, shapes * half_turn, shapes) @ rotations(lean)
    shapes = torch.where(is_j[:, None, None], shapes, shapes_z)

    path_j, turn_j = _draw_j(eased, uniform)
    path_z, turn_z, finger_z = _draw_z(eased, uniform)
    which = is_j[:, None, None]
    path, turn = torch.where(which, path_j, path_z), torch.where(which, turn_j, turn_z)
    hands = shapes[:, None].expand(-1, KEYS, -1, -1)
    bent = _bend(_bend(hands, 5, finger_z), 1, finger_z / 2)  # the index finger, and the thumb that often lies against it
    hands = torch.where(which[..., None], hands, bent)
    turned = hands @ rotations(turn.flatten(0, 1)).unflatten(0, (clips, KEYS))
    return turned + path[:, :, None]


def _draw_j(done: torch.Tensor, uniform) -> tuple[torch.Tensor, torch.Tensor]:
    """The wrist's path (N, T, 3) and the hand's turn (N, T, 3), radians about x, y and z."""
    swings = uniform(0, 1, 1) < _SWINGING
    down, hook, lift = uniform(0, 2.2, 1) * torch.where(swings, 0.4, 1.0), uniform(-0.7, 1.5, 1), uniform(0, 0.6, 1)
    after_turn = ((done - 0.5) / 0.5).clamp(min=0)
    path = torch.stack(
        [hook * after_turn**1.5, down * (torch.sin(done.clamp(max=0.7) / 0.7 * math.pi / 2) - lift * after_turn), 0 * done], -1
    )
    about_y = torch.where(uniform(0, 1, 1) < 0.85, 1.0, -1.0) * torch.where(swings, uniform(1.8, 3.4, 1), uniform(0.4, 3.3, 1))
    about_y = about_y * done**1.5
    about_x = -torch.where(swings, uniform(0.8, 1.9, 1), uniform(0, 1.5, 1)) * torch.sin(math.pi * done)
    about_z = uniform(-0.4, 1.2, 1) * done
    return path, torch.stack([about_x, about_y, about_z], -1)


def _draw_z(done: torch.Tensor, uniform) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As of a J, and the turn of the index finger against the palm (N, T, 3), with which some people draw."""
    width, height = uniform(0.9, 3.4, 1), uniform(0.4, 2.6, 1)
    way = torch.where(uniform(0, 1, 1) < _OTHER_WAY, -1.0, 1.0)
    corners_x = torch.cat([0 * width, -width, uniform(-0.3, 0.3, 1), -width * uniform(0.6, 1.3, 1)], 1)
    corners_y = torch.cat([0 * height, uniform(-0.2, 0.2, 1), height, height + uniform(-0.2, 0.2, 1)], 1)
    first, second = uniform(0.25, 0.4, 1), uniform(0.25, 0.4, 1)
    bounds = torch.cat([0 * first, first, first + second, torch.ones_like(first)], 1)
    x, y = 0 * done, 0 * done
    for stroke in range(3):
        share = ease(((done - bounds[:, [stroke]]) / (bounds[:, [stroke + 1]] - bounds[:, [stroke]])).clamp(0, 1))
        x = x + (corners_x[:, [stroke + 1]] - corners_x[:, [stroke]]) * share
        y = y + (corners_y[:, [stroke + 1]] - corners_y[:, [stroke]]) * share
    x = way * x
    by_turning = uniform(0, 0.8, 1)  # the share of the way that the tip goes by turning the wrist, not by moving it
    path = (1 - by_turning)[..., None] * torch.stack([x, y, 0 * x], -1)
    turn = torch.stack([-by_turning * y / _REACH, 0 * x, -by_turning * x / _REACH], -1)
    by_finger = uniform(-0.5, 1.5, 1).clamp(min=0)  # radians
    finger = torch.stack([-by_finger * y / height, 0 * x, -by_finger * x / width], -1)
    return path, turn, finger


def _bend(hands: torch.Tensor, knuckle: int, turn: torch.Tensor) -> torch.Tensor:
    """Hands (N, T, 21, 3) whose finger is turned by (N, T, 3), radians, about its knuckle, the first of its four landmarks."""
    base = hands[:, :, knuckle : knuckle + 1]
    finger = hands[:, :, knuckle : knuckle + 4] - base
    turned = finger @ rotations(turn.flatten(0, 1)).unflatten(0, turn.shape[:2])
    return torch.cat([hands[:, :, :knuckle], base + turned, hands[:, :, knuckle + 4 :]], dim=2)
