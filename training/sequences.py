"""Spelling composed of one person's stills: letters held, the ways between them, and hands at rest. Torch, on any device.

Landmarks are those of a right hand in palm sizes, y down, as `sign2sound.features.palm_clips` gives them.
"""

import math
from dataclasses import dataclass

import torch

from sign2sound.features import FRAME_RATE
from sign2sound.labels import NOTHING
from training.augmentation import ease
from training.config import Sequences

_LONGEST_WAY = 18  # frames: who spells slowly holds each letter, and still goes quickly to the next
_LONGEST_HOLD = 90  # frames: 3 s
_LONGEST_STAY = 60  # frames that a J or Z still counts for when it is done: people rest in it, or go on at once
_REST_WAY = (5, 25)  # frames to a resting hand and back
_LOWERED = (1.5, 6.0)  # palm sizes that a resting hand lies below
_UNEQUAL = 0.25  # of a way: how much later each finger may start, and how much earlier it may arrive
_EDGE = 0.2  # of a way: its first and last frames look like the letters, so nothing is asked of them
_DONE, _UNDONE = 0.6, (0.15, 0.4)  # of a motion: from here on it is the letter; in between it surely is not yet
_REPEATED = 0.4  # of the frames, at most, in sequences that repeat some
_REST_WEIGHT = 0.3  # of the frames of a hand at rest, whose shape may be like a letter's


@dataclass(frozen=True)
class Slots:
    """What N sequences show one after another, K things each.

    labels int64 (N, K). first, last (N, K, 21, 3): the hand, wrist at the origin, when it arrives and when it leaves; they
    differ where a J or Z is drawn. rests, same bool (N, K): a hand at rest below, and the same letter once more.
    opened (N, 21, 3): a hand towards which equal letters may be released.
    motions: rows and columns of the drawn slots, (M,) each, and their paths (M, KEYS, 21, 3).
    """

    labels: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    rests: torch.Tensor
    same: torch.Tensor
    opened: torch.Tensor
    motions: tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def bones(hands: torch.Tensor) -> torch.Tensor:
    """Hands (..., 21, 3) -> the vectors (..., 5, 4, 3) of each finger's four bones, from the wrist to the tip."""
    fingers = (hands[..., 1:, :] - hands[..., :1, :]).unflatten(-2, (5, 4))
    return fingers.diff(dim=-2, prepend=torch.zeros_like(fingers[..., :1, :]))


def hands_of(vectors: torch.Tensor) -> torch.Tensor:
    """Bones (..., 5, 4, 3) -> hands (..., 21, 3) with the wrist at the origin."""
    joints = vectors.cumsum(-2).flatten(-3, -2)
    return torch.cat([torch.zeros_like(joints[..., :1, :]), joints], -2)


def between(start: torch.Tensor, end: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Bones (..., 5, 4, 3) on their way from `start` to `end`, `share` (..., 5) done by each finger. Every joint turns, so
    bones keep their lengths."""
    share = share[..., None, None]
    straight = torch.lerp(start, end, share)
    length = torch.lerp(start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True), share)
    return straight * (length / straight.norm(dim=-1, keepdim=True).clamp(min=1e-3)).clamp(max=4)


def compose(slots: Slots, frames: int, options: Sequences, pace: torch.Tensor, generator: torch.Generator):
    """Clips (N, frames, 21, 3) of the slots at `pace` (N,), letters a second; what each frame shows (N, frames); its weight.

    A frame on the way between two letters, and of a hand at rest, shows `nothing`.
    """
    (count, width), device = slots.labels.shape, slots.labels.device

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator, device=device)

    def normal(*spread: float) -> torch.Tensor:
        return torch.randn(count, width, len(spread), generator=generator, device=device) * pace.new_tensor(spread)

    period = FRAME_RATE / pace[:, None]
    share = uniform(options.least_held, options.most_held, count, 1)
    hold = (share * period * uniform(0.7, 1.4, count, width)).clamp(min=1)
    hold = torch.where(uniform(0, 1, count, width) < options.long_holds, uniform(15, _LONGEST_HOLD, count, width), hold)
    way = ((1 - share) * period * uniform(0.7, 1.4, count, width)).clamp(1.2, _LONGEST_WAY)
    to_rest = slots.rests | slots.rests.roll(-1, 1)
    way = torch.where(to_rest, uniform(*_REST_WAY, count, width).maximum(way), way)
    drawn = torch.full_like(slots.labels, -1)
    rows, columns, paths = slots.motions
    drawn[rows, columns] = torch.arange(len(rows), device=device)
    drawing = (period * uniform(0.8, 1.6, count, width)).clamp(7, 45)
    stay = torch.where(uniform(0, 1, count, width) < 0.4, uniform(8, _LONGEST_STAY, count, width), uniform(1, 8, count, width))
    hold = torch.where(drawn >= 0, drawing + stay, hold)

    # Where the wrist is: it wanders, slides or bounces between equal letters, lies low at rest, and moves with a J or Z.
    how = torch.randint(3, (count, width), generator=generator, device=device)  # equal letters: a slide, a bounce, a release
    side = torch.where(uniform(0, 1, count, 1) < 0.8, -1.0, 1.0)  # most people slide away from the body
    step = normal(0.2, 0.2, 0.05) * torch.where(slots.same, 0.1, 1.0)[..., None]
    step[..., 0] += torch.where(slots.same & (how == 0), uniform(0.3, 0.9, count, width) * side, -0.1)
    travel = torch.zeros_like(step)
    travel[rows, columns] = paths[:, -1, 0] - paths[:, 0, 0]
    place = (step + travel.roll(1, 1)).cumsum(1)
    low = torch.stack([uniform(-1.5, 1.5, count, width), uniform(*_LOWERED, count, width), 0 * place[..., 0]], -1)
    place = torch.where(slots.rests[..., None], place + low, place)
    bounce = (slots.same & (how == 1)).roll(-1, 1)[..., None]
    up_or_down = uniform(0.15, 0.5, count, width) * torch.where(uniform(0, 1, count, width) < 0.5, -1.0, 1.0)
    arc = torch.where(bounce, torch.stack([0 * up_or_down, up_or_down, 0 * up_or_down], -1), normal(0.1, 0.1, 0.05))

    # Which slot each frame is in, and how far it is on the way to the next one. Half of the sequences begin within a slot.
    ends = (hold + way).cumsum(1)
    begin = uniform(0, 1, count, 1) * ends[:, :1].clamp(max=FRAME_RATE) * (uniform(0, 1, count, 1) < 0.5)
    begin = torch.where(drawn[:, :1] >= 0, 0.0, begin)  # who sees only a motion's end sees a held D or I
    time = torch.arange(frames, device=device) + begin
    slot = torch.searchsorted(ends, time, right=True).clamp(max=width - 2)
    row, following = torch.arange(count, device=device)[:, None], slot + 1
    passed = time - (ends - hold - way).gather(1, slot)
    phase = ((passed - hold.gather(1, slot)) / way.gather(1, slot)).clamp(0, 1)
    held = phase == 0

    # Fingers and wrist (the sixth) do not all move at once, nor all evenly.
    late, early = uniform(0, _UNEQUAL, 2, count, width, 6) * (uniform(0, 1, 2, count, 1, 1) < 0.7)
    moved = ((phase[..., None] - late[row, slot]) / (1 - late - early)[row, slot]).clamp(0, 1)
    moved = torch.lerp(moved, ease(moved), uniform(0, 1, count, width, 1)[row, slot])
    shape = between(bones(slots.last)[row, slot], bones(slots.first)[row, following], moved[..., :5])
    halfway = torch.sin(math.pi * phase)
    released = (slots.same & (how == 2))[row, following] & ~held
    opening = torch.where(released, halfway * uniform(0.3, 1, count, width)[row, slot], 0.0)[..., None].expand(-1, -1, 5)
    shape = between(shape, bones(slots.opened)[:, None].expand_as(shape), opening)
    wrist = torch.lerp((place + travel)[row, slot], place[row, following], moved[..., 5:]) + halfway[..., None] * arc[row, slot]
    hands = hands_of(shape)

    done = passed / drawing.gather(1, slot)
    which = drawn.gather(1, slot)
    n, t = (held & (which >= 0)).nonzero(as_tuple=True)
    key = done[n, t].clamp(0, 1) * (paths.shape[1] - 1)
    before = key.long().clamp(max=paths.shape[1] - 2)
    path, part = paths[which[n, t]], (key - before)[:, None, None]
    number = torch.arange(len(n), device=device)
    posed = torch.lerp(path[number, before], path[number, before + 1], part)
    hands[n, t] = posed - posed[:, :1]
    wrist[n, t] = place[n, slot[n, t]] + posed[:, 0] - path[:, 0, 0]

    # A hand sways, and drifts as a whole.
    swing = torch.sin(time[..., None] * uniform(0.05, 0.5, count, 1, 1) + uniform(0, 2 * math.pi, count, 1, 3))
    sway = swing * uniform(0, 0.08, count, 1, 1)
    drift = torch.randn(count, 1, 3, generator=generator, device=device) * options.drift * time[..., None]
    clips = hands + (wrist + sway + drift)[:, :, None]

    # Cameras and videos repeat a frame now and then: a hand that stands still for one is not yet held.
    often = uniform(0, _REPEATED, count, 1) * (uniform(0, 1, count, 1) < options.stalls)
    repeated = uniform(0, 1, count, frames) < often
    shown = (torch.arange(frames, device=device) - repeated.long()).clamp(min=0)
    clips = clips[row, shown]

    labels = torch.where(held, slots.labels.gather(1, slot), NOTHING)
    weights = torch.where(held & slots.rests.gather(1, slot), _REST_WEIGHT, 1.0)
    weights = torch.where(~held & ((phase < _EDGE) | (phase > 1 - _EDGE)), 0.0, weights)
    is_drawn = held & (which >= 0)
    labels = torch.where(is_drawn & (done < _DONE), NOTHING, labels)
    unsure = (done < _UNDONE[0]) | ((done > _UNDONE[1]) & (done < _DONE))
    weights = torch.where(is_drawn & unsure, 0.0, weights)
    weights[:, 0] *= labels[:, 0] != NOTHING  # a single frame may be anything on its way
    return clips, labels, weights
