"""Samples -> batches of clips, cut, mixed and varied as tensors on the training device."""

from dataclasses import dataclass

import numpy as np
import torch

from data.augmentation import Augmentation, augment, drape_fingers, mix_fingers
from data.dataset import Samples
from sign2sound.features import clip_features, palm_clips
from sign2sound.labels import LABEL_IDS, MOTION_LETTERS, NOTHING
from training.config import ClipConfig, SamplingConfig
from training.motions import DRAWS, draw_motions, moves

_SLOWEST, _FASTEST = 0.7, 1.4  # a real clip is played at a speed between these
_CLIP_END = 0.8  # and ends after at least this share of its length
_DRAWN_FRAMES = 12  # the shortest clip in which a J or Z is drawn
_TRANSITION_FRAMES = 8  # at most, from one hand shape to the next: 0.27 s
_CHIMERAS = 0.5  # share of the hands that sign nothing that are made of the fingers of three letters
_FAR_APART = 0.5  # palm sizes, the mean distance of their landmarks from those of the first letter's hand
_TRANSITION_REACH = 1.0  # palm sizes, standard deviation of how far the wrist moves meanwhile


@dataclass(frozen=True)
class Batch:
    """features (N, T, 63); labels int64 (N, T), what each frame shows; weights (N, T), 0 where a frame shows no one letter.

    Of pictures: features (N, channels, H, W), labels and weights (N,).
    """

    features: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


class TrainingSet:
    """All landmarks in the device's memory, as right hands in palm sizes, drawn as often as SamplingConfig says."""

    def __init__(
        self,
        stills: Samples,
        clips: Samples | None,
        sampling: SamplingConfig,
        options: ClipConfig,
        augmentation: Augmentation,
        device,
    ):
        self._sampling = sampling
        self._options = options
        self._augmentation = augmentation
        self._stills = to_palm_clips(stills, device)[:, 0]
        self._labels = torch.from_numpy(stills.labels).to(device)
        self._motion = torch.zeros(len(LABEL_IDS), dtype=torch.bool, device=device)
        self._motion[[LABEL_IDS[letter] for letter in MOTION_LETTERS]] = True

        weights = _source_weights(stills, sampling.source_power, device)
        nothing = stills.labels == NOTHING
        if nothing.any():
            weights[nothing] = _source_weights(stills[nothing], sampling.source_power, device)
        singles = torch.where(self._motion[self._labels], sampling.motion_stills * weights, weights)
        self._singles = _with_nothing(singles, self._labels, sampling.nothing_share).cumsum(0)
        self._by_label = self._labels.argsort(stable=True)
        self._summed_by_label = torch.cat([weights.new_zeros(1), weights[self._by_label].cumsum(0)])
        ends = self._labels.bincount(minlength=len(LABEL_IDS)).cumsum(0)
        self._label_ends = self._summed_by_label[ends]
        weights = _with_nothing(weights, self._labels, options.nothing_share)
        self._shapes = {letter: self._shapes_of(shapes, weights) for letter, shapes in DRAWS.items()}
        if clips is not None and len(clips):
            self._clips = to_palm_clips(clips, device)
            self._labels = torch.cat([self._labels, torch.from_numpy(clips.labels).to(device)])
            weights = torch.cat([weights, _source_weights(clips, sampling.source_power, device)])
            seen = ~torch.from_numpy(clips.landmarks[:, :, 0, 0]).isnan()
            self._lengths = (seen.shape[1] - seen.flip(1).int().argmax(1)).to(device)
        self._held_and_real = weights.cumsum(0)

    def __len__(self) -> int:
        return len(self._labels)

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """A batch of `size` single frames, or of clips of 2 to max_frames frames."""
        device = self._labels.device
        options = self._options
        single = torch.rand((), generator=generator, device=device) < options.still_share
        if options.max_frames == 1 or single:
            rows = _draw_rows(self._singles, size, generator)
            others = self._stills[self._others_of_the_same_label(rows, generator)]
            landmarks = mix_fingers(self._hands(rows, generator), others, self._sampling.finger_mix, generator)[:, None]
            labels = self._labels[rows, None]
            weights = torch.ones_like(labels, dtype=torch.float32)
        else:
            frames = int(torch.randint(2, options.max_frames + 1, (), generator=generator, device=device))
            # No J or Z is drawn in less than a third of a second, nor without a hand shape to draw it with.
            drawn = round(options.drawn_share * options.batch_size) if frames >= _DRAWN_FRAMES and self._can_draw else 0
            rows = _draw_rows(self._held_and_real, options.batch_size - drawn, generator)
            real = rows >= len(self._stills)
            held, moving = rows[~real], rows[real] - len(self._stills)
            parts = [self._held_clips(held, frames, generator)]
            if len(moving):
                parts.append(self._real_clips(moving, frames, generator))
            if drawn:
                parts.append(self._drawn_clips(drawn, frames, generator))
            landmarks, labels, weights = (torch.cat(part) for part in zip(*parts, strict=True))

        landmarks = augment(landmarks, labels[:, -1], self._augmentation, generator)
        right_handed = torch.zeros(len(landmarks), dtype=torch.bool, device=device)
        return Batch(clip_features(landmarks, right_handed), labels, weights)

    def _hands(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The stills (N, 21, 3) of `rows`, some M and N with hanging fingers; some that sign nothing give way to hands that
        nobody shows in a picture."""
        labels = self._labels[rows]
        hands = drape_fingers(self._stills[rows], labels, self._sampling.draped, generator)
        asked = (labels == NOTHING) & (torch.rand(len(rows), generator=generator, device=rows.device) < _CHIMERAS)
        first, second, third = self._stills[_draw_rows(self._singles, 3 * int(asked.sum()), generator)].chunk(3)
        chimeras = mix_fingers(mix_fingers(first, second, 1, generator), third, 1, generator)
        far = (chimeras - first).norm(dim=-1).mean(-1) > _FAR_APART
        hands[asked] = torch.where(far[:, None, None], chimeras, hands[asked])
        return hands

    def _others_of_the_same_label(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        labels = self._labels[rows]
        end = self._label_ends[labels]
        start = torch.where(labels > 0, self._label_ends[labels - 1], 0)
        place = start + (end - start) * torch.rand(len(rows), generator=generator, device=rows.device, dtype=torch.float64)
        found = torch.searchsorted(self._summed_by_label, place, right=True) - 1
        return self._by_label[found.clamp(max=len(self._by_label) - 1)]

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
        hands = self._hands(rows, generator)[:, None]
        landmarks = (1 - mix) * (hands.roll(1, 0) + reach) + mix * hands
        landmarks = landmarks + drift * time[:, None, None]

        labels = torch.where(done < 0.5, self._labels[before, None], self._labels[rows, None])
        # A hand that holds still is no J or Z, whatever its shape: only the first frame, which has no past, may be one. And a
        # raised index finger, which is a Z in a picture, signs nothing only when it is seen to hold still.
        weights = ((done == 0) | (done == 1)) & ~(self._motion[labels] & (time > 0)) & ~((labels == NOTHING) & (time == 0))
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
        weights = torch.zeros(clips, frames, device=device)
        weights[:, -1] = (moves(landmarks) | ~self._motion[labels[:, 0]]).float()
        return landmarks, labels, weights

    def _drawn_clips(self, clips: int, frames: int, generator: torch.Generator):
        """J, and twice as many Z, drawn with the hand shapes of stills; only a finished motion is a letter."""
        device = self._labels.device
        is_j = torch.arange(clips, device=device) % 3 == 0  # people draw the Z in more ways
        rows = torch.empty(clips, dtype=torch.long, device=device)
        for letter, chosen in (("J", is_j), ("Z", ~is_j)):
            shapes, weights = self._shapes[letter]
            rows[chosen] = shapes[_draw_rows(weights, int(chosen.sum()), generator)]
        landmarks, done = draw_motions(self._stills[rows], is_j, frames, generator)
        labels = torch.where(is_j, LABEL_IDS["J"], LABEL_IDS["Z"])[:, None].expand(-1, frames)
        return landmarks, labels, (done == 1).float()

    @property
    def _can_draw(self) -> bool:
        return all(len(shapes) for shapes, _ in self._shapes.values())

    def _shapes_of(self, letters: tuple[str, ...], weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the stills of `letters`, and their weights summed up."""
        ids = self._labels.new_tensor([LABEL_IDS[letter] for letter in letters])
        rows = torch.isin(self._labels[: len(self._stills)], ids).nonzero()[:, 0]
        return rows, weights[rows].cumsum(0)


def to_palm_clips(samples: Samples, device) -> torch.Tensor:
    return palm_clips(torch.from_numpy(samples.landmarks).to(device), torch.from_numpy(samples.left_handed).to(device))


def _source_weights(samples: Samples, power: float, device) -> torch.Tensor:
    sources = torch.from_numpy(np.unique(samples.sources, return_inverse=True)[1])
    return (sources.bincount().double() ** -power)[sources].to(device)


def _with_nothing(weights: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
    """`weights` in which `nothing`, where there is any, has this share of the sum."""
    nothing = labels == NOTHING
    if not nothing.any():
        return weights
    scale = share / (1 - share) * weights[~nothing].sum() / weights[nothing].sum()
    return torch.where(nothing, scale * weights, weights)


def _draw_rows(summed_weights: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Rows drawn with the weights whose running sum is given (multinomial would sum them up again each time)."""
    place = torch.rand(size, generator=generator, device=summed_weights.device, dtype=torch.float64) * summed_weights[-1]
    return torch.searchsorted(summed_weights, place, right=True).clamp(max=len(summed_weights) - 1)
