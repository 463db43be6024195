"""Samples -> batches of clips, cut, mixed and varied as tensors on the training device."""

from dataclasses import dataclass

import numpy as np
import torch

from data.augmentation import Augmentation, augment
from data.dataset import Samples
from sign2sound.features import clip_features, palm_clips
from sign2sound.labels import LABEL_IDS, MOTION_LETTERS
from training.config import ClipConfig

_SLOWEST, _FASTEST = 0.7, 1.4  # a real clip is played at a speed between these
_CLIP_END = 0.8  # and ends after at least this share of its length
_MOTION = 1.0  # palm sizes; a J or Z whose fingertips move less than this is not yet one, or none at all
_FINGERTIPS = [8, 20]  # of the index, which draws the Z, and the little finger, which draws the J
_TRANSITION_FRAMES = 8  # at most, from one hand shape to the next: 0.27 s
_TRANSITION_REACH = 1.0  # palm sizes, standard deviation of how far the wrist moves meanwhile


@dataclass(frozen=True)
class Batch:
    """features (N, T, 63); labels int64 (N, T), what each frame shows; weights (N, T), 0 where a frame shows no one letter."""

    features: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


class TrainingSet:
    """All landmarks in the device's memory, as right hands in palm sizes, drawn with weight 1/sqrt(size of their source)."""

    def __init__(self, stills: Samples, clips: Samples | None, options: ClipConfig, augmentation: Augmentation, device):
        self._options = options
        self._augmentation = augmentation
        self._stills = _palm_clips(stills, device)[:, 0]
        self._labels = torch.from_numpy(stills.labels).to(device)
        self._weights = _source_weights(stills, device)
        if clips is not None and len(clips):
            self._clips = _palm_clips(clips, device)
            self._labels = torch.cat([self._labels, torch.from_numpy(clips.labels).to(device)])
            self._weights = torch.cat([self._weights, _source_weights(clips, device)])
            seen = ~torch.from_numpy(clips.landmarks[:, :, 0, 0]).isnan()
            self._lengths = (seen.shape[1] - seen.flip(1).int().argmax(1)).to(device)
        self._motion = torch.zeros(len(LABEL_IDS), dtype=torch.bool, device=device)
        self._motion[[LABEL_IDS[letter] for letter in MOTION_LETTERS]] = True

    def __len__(self) -> int:
        return len(self._labels)

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """A batch of `size`: of single frames, or of clips of 2 to max_frames frames."""
        device = self._labels.device
        options = self._options
        single = torch.rand((), generator=generator, device=device) < options.still_share
        if options.max_frames == 1 or single:
            rows = torch.multinomial(self._weights[: len(self._stills)], size, replacement=True, generator=generator)
            landmarks = self._stills[rows, None]
            labels = self._labels[rows, None]
            weights = torch.ones_like(labels, dtype=torch.float32)
        else:
            frames = int(torch.randint(2, options.max_frames + 1, (), generator=generator, device=device))
            rows = torch.multinomial(self._weights, size, replacement=True, generator=generator)
            real = rows >= len(self._stills)
            held, moving = rows[~real], rows[real] - len(self._stills)
            parts = [self._held_clips(held, frames, generator)]
            if len(moving):
                parts.append(self._real_clips(moving, frames, generator))
            landmarks, labels, weights = (torch.cat(part) for part in zip(*parts, strict=True))

        landmarks = augment(landmarks, self._augmentation, generator)
        right_handed = torch.zeros(size, dtype=torch.bool, device=device)
        return Batch(clip_features(landmarks, right_handed), labels, weights)

    def _held_clips(self, rows: torch.Tensor, frames: int, generator: torch.Generator):
        """Stills as clips: the hand wanders a little, and in some clips comes from another still's hand shape and place."""
        device, clips = rows.device, len(rows)
        time = torch.arange(frames, device=device)
        before = rows.roll(1)
        start = torch.rand(clips, 1, generator=generator, device=device) * frames
        length = 1 + torch.rand(clips, 1, generator=generator, device=device) * (_TRANSITION_FRAMES - 1)
        changes = torch.rand(clips, 1, generator=generator, device=device) < self._options.transition_share
        done = torch.where(changes, ((time - start) / length).clamp(0, 1), 1.0)  # (N, T): 0 before, 1 after the transition

        reach = torch.randn(clips, 1, 1, 3, generator=generator, device=device) * _TRANSITION_REACH
        drift = torch.randn(clips, 1, 1, 3, generator=generator, device=device) * self._options.drift
        mix = done[..., None, None]
        landmarks = (1 - mix) * (self._stills[before, None] + reach) + mix * self._stills[rows, None]
        landmarks = landmarks + drift * time[:, None, None]

        labels = torch.where(done < 0.5, self._labels[before, None], self._labels[rows, None])
        # A hand that holds still is no J or Z, whatever its shape: only the first frame, which has no past, may be one.
        weights = ((done == 0) | (done == 1)) & ~(self._motion[labels] & (time > 0))
        return landmarks, labels, weights.float()

    def _real_clips(self, rows: torch.Tensor, frames: int, generator: torch.Generator):
        """The end of real clips, played slower or faster; only the last frame is sure to show the letter."""
        device, clips = rows.device, len(rows)
        lengths = self._lengths[rows, None]
        speed = _SLOWEST + (_FASTEST - _SLOWEST) * torch.rand(clips, 1, generator=generator, device=device)
        end = (_CLIP_END + (1 - _CLIP_END) * torch.rand(clips, 1, generator=generator, device=device)) * (lengths - 1)
        place = (end - speed * torch.arange(frames - 1, -1, -1, device=device)).clamp(min=0)
        before = place.floor().long()
        after = torch.minimum(before + 1, lengths - 1)
        share = (place - before)[..., None, None]
        landmarks = self._clips[rows[:, None], before] * (1 - share) + self._clips[rows[:, None], after] * share

        labels = self._labels[len(self._stills) + rows, None].expand(-1, frames)
        tips = landmarks[:, :, _FINGERTIPS, :2]
        moved = (tips.amax(1) - tips.amin(1)).amax((1, 2)) >= _MOTION
        weights = torch.zeros(clips, frames, device=device)
        weights[:, -1] = (moved | ~self._motion[labels[:, 0]]).float()
        return landmarks, labels, weights


def _palm_clips(samples: Samples, device) -> torch.Tensor:
    return palm_clips(torch.from_numpy(samples.landmarks).to(device), torch.from_numpy(samples.left_handed).to(device))


def _source_weights(samples: Samples, device) -> torch.Tensor:
    sources = torch.from_numpy(np.unique(samples.sources, return_inverse=True)[1])
    return sources.bincount().rsqrt()[sources].to(device)
