"""A model adapted to one person's hand, from a few samples per letter."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div

from sign2sound.errors import UserError
from sign2sound.features import clip_features, palm_clips
from sign2sound.hand import LANDMARKS
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.profile import ADAPTED
from sign2sound.prototypes import load_prototypes

_STEPS = 200  # of the optimizer, Adam
_LEARNING_RATE = 0.003  # its peak, in a one-cycle schedule
_SMOOTHING = 0.05  # label smoothing
_KEEPING = 3.0  # weight of the distillation loss: answering what the released model does on other hands
_CLIP_SHARE = 0.3  # share of the steps that take clips; the others take single frames
_SHORTEST = 8  # frames of a clip
_LONGEST = 36
_OWN = 64  # batch size: clips of the person in a step
_OTHERS = 160  # and clips of other hands
# Augmentation: each clip goes through a random linear map, the identity plus normal noise of this standard deviation per entry.
_OWN_BEND = 0.2
_OTHERS_BEND = 0.35
_NOISE = 0.06  # standard deviation of a landmark's place over a whole clip, in palm sizes
_JITTER = 0.01  # the same from frame to frame
_FINGERS = torch.tensor([0] + [finger for finger in range(5) for _ in range(4)])  # which finger a landmark is of


def adapt(
    model: LandmarkGRU,
    landmarks: np.ndarray,
    labels: Sequence[str],
    left_handed: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> LandmarkGRU:
    """A copy of `model`, on the CPU, adapted to one person's letters by stills, which reads all others as before.

    landmarks: float (N, 21, 3), pixels; NaN where no hand was found, such rows are left out. labels: N of LABELS, without J
    and Z, which stills do not show; any number of each, any left out. left_handed: bool (N,), all right hands when None.
    progress: told the share done, 0 to 1, before each step; what it raises ends the adapting.

    On the person's samples, turned, stretched and held for up to 1.2 s, the copy is trained to give the labels. On other
    hands, the prototypes, whole, with fingers on their way to those of another or of the person, and as moving J and Z, it is
    trained to answer what `model` does: distillation, as in Li and Hoiem, Learning without Forgetting, 2016. The same input
    gives the same copy. Raises UserError on labels that can't be adapted to, or without any hand; ValueError on other shapes.
    """
    own, ids = _samples(landmarks, labels, left_handed)
    signs = _prototypes()
    generator = torch.Generator().manual_seed(0)
    released = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    adapted = copy.deepcopy(released)  # stays in eval mode: so few weights need no dropout
    parameters = [adapted.get_parameter(name).requires_grad_() for name in ADAPTED]
    optimizer = torch.optim.Adam(parameters, lr=_LEARNING_RATE)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=_STEPS, pct_start=0.1)
    weights = 1 / ids.bincount()[ids]  # every letter counts the same

    for step in range(_STEPS):
        if progress is not None:
            progress(step / _STEPS)
        is_clip = torch.rand((), generator=generator) < _CLIP_SHARE
        frames = int(torch.randint(_SHORTEST, _LONGEST + 1, (), generator=generator)) if is_clip else 1
        rows = torch.multinomial(weights, _OWN, replacement=True, generator=generator)
        held = _varied(own[rows, None].expand(-1, frames, -1, -1), _OWN_BEND, generator)
        others = _varied(_others(signs, own, frames, generator), _OTHERS_BEND, generator)
        features = clip_features(torch.cat([held, others]), torch.zeros(_OWN + _OTHERS, dtype=torch.bool))
        logits, _ = adapted(features)
        answers, _ = released(features[_OWN:])

        wanted = ids[rows, None].expand(-1, frames)
        loss = cross_entropy(logits[:_OWN].flatten(0, 1), wanted.flatten(), label_smoothing=_SMOOTHING)
        kept, answers = (part.flatten(0, 1).log_softmax(-1) for part in (logits[_OWN:], answers))
        loss = loss + _KEEPING * kl_div(kept, answers, reduction="batchmean", log_target=True)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        scheduler.step()
    return adapted.requires_grad_(True)


def _samples(landmarks, labels, left_handed) -> tuple[torch.Tensor, torch.Tensor]:
    """The person's hands (N, 21, 3), right hands in palm sizes from the wrist, and their label ids (N,)."""
    landmarks = np.asarray(landmarks, dtype=np.float32)
    sides = np.zeros(len(landmarks), bool) if left_handed is None else np.asarray(left_handed, dtype=bool)
    if landmarks.shape[1:] != (LANDMARKS, 3) or not len(landmarks) == len(labels) == len(sides):
        raise ValueError(
            f"expected landmarks (N, 21, 3) with N labels and sides, found {landmarks.shape}, {len(labels)}, {len(sides)}"
        )
    if wrong := sorted({str(label) for label in labels} - {*LABELS} | {*labels} & {*MOTION_LETTERS}):
        raise UserError(f"cannot adapt to {', '.join(wrong)}; expected stills of A to Z without J and Z, del, space or nothing")
    found = np.isfinite(landmarks).all(axis=(1, 2))
    if not found.any():
        raise UserError(f"no hand in the {len(landmarks)} samples to adapt to; record the letters with the hand in full view")
    own = palm_clips(torch.from_numpy(landmarks[found, None]), torch.from_numpy(sides[found]))[:, 0]
    return own, torch.tensor([LABEL_IDS[label] for label in np.asarray(labels)[found]])


def _prototypes() -> list[torch.Tensor]:
    """Signs (T, 21, 3) of other people, from the wrist, the motions last; T = 1 where the sign is none."""
    signs = [torch.from_numpy(frames - frames[:1, :1]) for frames in load_prototypes().values()]
    return sorted(signs, key=len)


def _others(signs: list[torch.Tensor], own: torch.Tensor, frames: int, generator: torch.Generator) -> torch.Tensor:
    """_OTHERS clips (N, frames, 21, 3): signs that take `frames`; in half of them each finger is somewhere on its way to that
    of another sign or of the person."""
    clips = torch.stack([sign[torch.linspace(0, len(sign) - 1, frames).round().long()] for sign in signs])
    goals = torch.cat([clips[:, 0], own])
    weights = torch.ones(len(signs))
    if frames > 1:
        weights[-len(MOTION_LETTERS) :] = len(signs) / len(MOTION_LETTERS)  # half of the clips move
    clips = clips[torch.multinomial(weights, _OTHERS, replacement=True, generator=generator)]
    goals = goals[torch.randint(len(goals), (_OTHERS,), generator=generator)]
    share = torch.rand(_OTHERS, 5, generator=generator)
    share[: _OTHERS // 2] = 0
    return clips + (share[:, _FINGERS, None] * (goals - clips[:, 0]))[:, None]


def _varied(clips: torch.Tensor, bend: float, generator: torch.Generator) -> torch.Tensor:
    """Clips (N, T, 21, 3) turned, tilted and stretched, all by one random linear map each, and with noise."""
    maps = torch.eye(3) + bend * torch.randn(len(clips), 1, 3, 3, generator=generator)
    noise = _NOISE * torch.randn(len(clips), 1, *clips.shape[2:], generator=generator)
    return clips @ maps + noise + _JITTER * torch.randn(clips.shape, generator=generator)
