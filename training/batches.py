"""Samples -> batches of clips, cut, mixed and varied as tensors on the training device."""

from dataclasses import dataclass

import numpy as np
import torch

from data.dataset import Samples
from sign2sound.features import clip_features, palm_clips
from sign2sound.labels import LABEL_IDS, MOTION_LETTERS, NOTHING
from training.augmentation import augment, drape_fingers, mix_fingers
from training.config import Augmentation, Clips, Sampling
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
    """All landmarks in the device's memory, as right hands in palm sizes, drawn as often as `Sampling` says."""

    def __init__(
        self, stills: Samples, clips: Samples | None, sampling: Sampling, options: Clips, augmentation: Augmentation, device
    ):
        self._sampling = sampling
        self._options = options
        self._augmentation = augmentation
        self._stills = to_palm_clips(stills, device)[:, 0]
        self._labels = torch.from_numpy(stills.labels).to(device)

        frames = drawing_weights(stills, sampling.source_power, sampling.nothing_share, sampling.motion_stills).to(device)
        held = drawing_weights(stills, sampling.source_power, options.nothing_share).to(device)
        self._frame_sums = frames.cumsum(0)
        self._by_label = self._labels.argsort(stable=True)
        self._sums_by_label = torch.cat([held.new_zeros(1), held[self._by_label].cumsum(0)])
        self._label_ends = self._sums_by_label[self._labels.bincount(minlength=len(LABEL_IDS)).cumsum(0)]
        self._shapes = {letter: self._shapes_of(shapes, held) for letter, shapes in DRAWS.items()}
        if clips is not None and len(clips):
            self._clips = to_palm_clips(clips, device)
            self._clip_labels = torch.from_numpy(clips.labels).to(device)
            held = torch.cat([held, source_weights(clips.sources, sampling.source_power).to(device)])
            seen = ~torch.from_numpy(clips.landmarks[:, :, 0, 0]).isnan()
            self._lengths = (seen.shape[1] - seen.flip(1).int().argmax(1)).to(device)
        self._held_and_real_sums = held.cumsum(0)

    def __len__(self) -> int:
        return len(self._held_and_real_sums)

    def draw_frames(self, size: int, generator: torch.Generator) -> Batch:
        """`size` single frames."""
        rows = _draw_rows(self._frame_sums, size, generator)
        others = self._stills[self._others_of_the_same_label(rows, generator)]
        frames = mix_fingers(self._hands(rows, generator), others, self._sampling.finger_mix, generator)[:, None]
        labels = self._labels[rows, None]
        return self._batch(frames, labels, torch.ones_like(labels, dtype=torch.float32), generator)

    def draw_clips(self, size: int, generator: torch.Generator) -> Batch:
        """`size` clips of one length, 2 to max_frames frames: held stills, real clips, and J and Z drawn with stills' hands."""
        device = self._labels.device
        frames = int(torch.randint(2, self._options.max_frames + 1, (), generator=generator, device=device))
        # No J or Z is drawn in less than a third of a second, nor without a hand shape to draw it with.
        can_draw = frames >= _DRAWN_FRAMES and all(len(shapes) for shapes, _ in self._shapes.values())
        drawn = round(self._options.drawn_share * size) if can_draw else 0
        rows = _draw_rows(self._held_and_real_sums, size - drawn, generator)
        real = rows >= len(self._stills)
        held, moving = rows[~real], rows[real] - len(self._stills)
        ways = draw_moves(len(held), frames, self._options, generator)  # before the hands: a seed means the same batches
        parts = [held_clips(self._hands(held, generator), self._labels[held], *ways)]
        if len(moving):
            parts.append(real_clips(self._clips[moving], self._lengths[moving], self._clip_labels[moving], frames, generator))
        if drawn:
            is_j = torch.arange(drawn, device=device) % 3 == 0  # people draw the Z in more ways
            rows = torch.empty(drawn, dtype=torch.long, device=device)
            for letter, chosen in (("J", is_j), ("Z", ~is_j)):
                shapes, sums = self._shapes[letter]
                rows[chosen] = shapes[_draw_rows(sums, int(chosen.sum()), generator)]
            parts.append(drawn_clips(self._stills[rows], is_j, frames, generator))
        return self._batch(*(torch.cat(part) for part in zip(*parts, strict=True)), generator)

    def _batch(self, landmarks: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, generator: torch.Generator) -> Batch:
        landmarks = augment(landmarks, labels[:, -1], self._augmentation, generator)
        right_handed = torch.zeros(len(landmarks), dtype=torch.bool, device=landmarks.device)
        return Batch(clip_features(landmarks, right_handed), labels, weights)

    def _hands(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The stills (N, 21, 3) of `rows`, some M and N with hanging fingers; some that sign nothing give way to hands that
        nobody shows in a picture."""
        labels = self._labels[rows]
        hands = drape_fingers(self._stills[rows], labels, self._sampling.draped, generator)
        asked = (labels == NOTHING) & (torch.rand(len(rows), generator=generator, device=rows.device) < _CHIMERAS)
        first, second, third = self._stills[_draw_rows(self._frame_sums, 3 * int(asked.sum()), generator)].chunk(3)
        chimeras = mix_fingers(mix_fingers(first, second, 1, generator), third, 1, generator)
        far = (chimeras - first).norm(dim=-1).mean(-1) > _FAR_APART
        hands[asked] = torch.where(far[:, None, None], chimeras, hands[asked])
        return hands

    def _others_of_the_same_label(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        labels = self._labels[rows]
        end = self._label_ends[labels]
        start = torch.where(labels > 0, self._label_ends[labels - 1], 0)
        place = start + (end - start) * torch.rand(len(rows), generator=generator, device=rows.device, dtype=torch.float64)
        found = torch.searchsorted(self._sums_by_label, place, right=True) - 1
        return self._by_label[found.clamp(max=len(self._by_label) - 1)]

    def _shapes_of(self, letters: tuple[str, ...], weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the stills of `letters`, and the running sums of their weights."""
        rows = torch.isin(self._labels, self._labels.new_tensor([LABEL_IDS[letter] for letter in letters])).nonzero()[:, 0]
        return rows, weights[rows].cumsum(0)


def draw_moves(
    clips: int, frames: int, options: Clips, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How held hands move: (clips, frames) how far each has come from another hand shape, 0 to 1, and 1 throughout in most;
    (clips, 1, 1, 3) from where, and (clips, 1, 1, 3) its drift in each frame, both in palm sizes."""
    device = generator.device
    start = torch.rand(clips, 1, generator=generator, device=device) * frames
    length = 1 + torch.rand(clips, 1, generator=generator, device=device) * (_TRANSITION_FRAMES - 1)
    changes = torch.rand(clips, 1, generator=generator, device=device) < options.transition_share
    arrived = torch.where(changes, ((torch.arange(frames, device=device) - start) / length).clamp(0, 1), 1.0)
    reach = torch.randn(clips, 1, 1, 3, generator=generator, device=device) * _TRANSITION_REACH
    drift = torch.randn(clips, 1, 1, 3, generator=generator, device=device) * options.drift
    return arrived, reach, drift


def held_clips(
    hands: torch.Tensor, labels: torch.Tensor, arrived: torch.Tensor, reach: torch.Tensor, drift: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Stills (N, 21, 3) of labels (N,) as clips: landmarks (N, T, 21, 3), labels and weights (N, T). Each hand moves as
    `draw_moves` says, and where it comes from another hand shape, from that of the hand before it in the batch."""
    time = torch.arange(arrived.shape[1], device=hands.device)
    share = arrived[..., None, None]
    hands = hands[:, None]
    landmarks = (1 - share) * (hands.roll(1, 0) + reach) + share * hands + drift * time[:, None, None]

    labels = torch.where(arrived < 0.5, labels.roll(1)[:, None], labels[:, None])
    # A hand that holds still is no J or Z, whatever its shape: only the first frame, which has no past, may be one. And a
    # raised index finger, which is a Z in a picture, signs nothing only when it is seen to hold still.
    holds = (arrived == 0) | (arrived == 1)
    weights = holds & ~(_is_motion(labels) & (time > 0)) & ~((labels == NOTHING) & (time == 0))
    return landmarks, labels, weights.float()


def real_clips(
    clips: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor, frames: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The ends of clips (N, T, 21, 3), of which the first `lengths` (N,) frames show a hand, played slower or faster:
    landmarks, labels and weights of `frames` frames. Only the last frame is sure to show the letter."""
    device, count = clips.device, len(clips)
    speed = _SLOWEST + (_FASTEST - _SLOWEST) * torch.rand(count, 1, generator=generator, device=device)
    end = (_CLIP_END + (1 - _CLIP_END) * torch.rand(count, 1, generator=generator, device=device)) * (lengths[:, None] - 1)
    place = (end - speed * torch.arange(frames - 1, -1, -1, device=device)).clamp(min=0)
    before = place.floor().long()
    after = torch.minimum(before + 1, lengths[:, None] - 1)
    share = (place - before)[..., None, None]
    rows = torch.arange(count, device=device)[:, None]
    landmarks = clips[rows, before] * (1 - share) + clips[rows, after] * share

    weights = torch.zeros(count, frames, device=device)
    weights[:, -1] = (moves(landmarks) | ~_is_motion(labels)).float()
    return landmarks, labels[:, None].expand(-1, frames), weights


def drawn_clips(
    hands: torch.Tensor, is_j: torch.Tensor, frames: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A J where `is_j` (N,), else a Z, drawn with hands (N, 21, 3): landmarks, labels and weights of `frames` frames. Only a
    finished motion is a letter."""
    landmarks, done = draw_motions(hands, is_j, frames, generator)
    labels = torch.where(is_j, LABEL_IDS["J"], LABEL_IDS["Z"])[:, None].expand(-1, frames)
    return landmarks, labels, (done == 1).float()


def source_weights(sources: np.ndarray, power: float) -> torch.Tensor:
    """float64 (N,): n^-power for each sample of a source of n."""
    rows = torch.from_numpy(np.unique(sources, return_inverse=True)[1])
    return (rows.bincount().double() ** -power)[rows]


def drawing_weights(stills: Samples, power: float, nothing_share: float, motion_stills: float = 1.0) -> torch.Tensor:
    """How often each still is drawn against the others, float64 (N,): as its source's size says, J and Z `motion_stills`
    times that. Hands that sign nothing count as sources of their own, and where there are any, have `nothing_share` of the
    sum."""
    weights = source_weights(stills.sources, power)
    weights[_is_motion(torch.from_numpy(stills.labels))] *= motion_stills
    nothing = torch.from_numpy(stills.labels == NOTHING)
    if nothing.any():
        of_nothing = source_weights(stills.sources[stills.labels == NOTHING], power)
        weights[nothing] = nothing_share / (1 - nothing_share) * weights[~nothing].sum() / of_nothing.sum() * of_nothing
    return weights


def to_palm_clips(samples: Samples, device) -> torch.Tensor:
    return palm_clips(torch.from_numpy(samples.landmarks).to(device), torch.from_numpy(samples.left_handed).to(device))


def _is_motion(labels: torch.Tensor) -> torch.Tensor:
    return torch.isin(labels, labels.new_tensor([LABEL_IDS[letter] for letter in MOTION_LETTERS]))


def _draw_rows(running_sums: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Rows drawn with the weights whose running sums are given (multinomial would sum them up again each time)."""
    place = torch.rand(size, generator=generator, device=running_sums.device, dtype=torch.float64) * running_sums[-1]
    return torch.searchsorted(running_sums, place, right=True).clamp(max=len(running_sums) - 1)
