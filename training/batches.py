"""Samples -> batches of single frames, and of sequences that spell, as tensors on the training device."""

import math
import random
from dataclasses import dataclass

import numpy as np
import torch

from data.dataset import Samples
from sign2sound.features import clip_features, palm_clips
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING
from training.augmentation import augment, rotations
from training.config import Augmentation, Sampling, Sequences
from training.motions import DRAWS, KEYS, cut_motion, draw_motions, moves
from training.sequences import Slots, between, bones, compose, hands_of

_MOTION = [LABEL_IDS[letter] for letter in MOTION_LETTERS]
_MANY_LETTERS = 12  # a person of fewer letters spells less often: such sequences repeat themselves
_PLAYED = (0.7, 1.6)  # times as fast as it was: a real clip, to and fro
_FROM_REST = 0.25  # share of sequences that begin with a hand at rest
_TURNED_DOWN = ((-1.2, 1.2), (-0.8, 0.8), (2.1, 4.2))  # radians about x, y and z: a hand at rest, as no letter is held


@dataclass(frozen=True)
class Batch:
    """features (N, T, 63); labels int64 (N, T), what each frame shows; weights (N, T), 0 where that is not sure.

    Of pictures: features (N, channels, H, W), labels and weights (N,).
    """

    features: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor

    def cut(self, batches: int) -> "list[Batch]":
        """Into so many, to which the rows go in turns, so that each has its share of the real clips, which stand last."""
        parts = (self.features, self.labels, self.weights)
        return [Batch(*(part[first::batches] for part in parts)) for first in range(batches)]


class TrainingSet:
    """All landmarks in the device's memory, as right hands in palm sizes, drawn as often as Sampling says."""

    def __init__(
        self,
        stills: Samples,
        clips: Samples | None,
        sampling: Sampling,
        sequences: Sequences,
        augmentation: Augmentation,
        device,
    ):
        self._sequences, self._augmentation = sequences, augmentation
        sources = np.unique(stills.sources, return_inverse=True)[1]
        order = np.lexsort((stills.labels, sources))  # so that one person's stills of a letter stand together
        stills, sources = stills[order], torch.from_numpy(sources[order]).to(device)
        self._hands = to_palm_clips(stills, device)[:, 0]
        self._labels = torch.from_numpy(stills.labels).to(device)
        self._has_z = torch.from_numpy(stills.has_z).to(device)
        weights = drawing_weights(stills, sampling.source_power, sampling.nothing_share, sampling.motion_stills).to(device)
        self._weights_so_far = weights.cumsum(0)

        cells = torch.bincount(sources * len(LABELS) + self._labels, minlength=(int(sources.max()) + 1) * len(LABELS))
        self._counts = cells.view(-1, len(LABELS))  # stills by person and letter
        self._starts = (cells.cumsum(0) - cells).view_as(self._counts)
        self._spelled = (self._counts > 0).double()
        self._spelled[:, [*_MOTION, NOTHING]] = 0
        letters = self._spelled.sum(1)
        size = self._counts.sum(1).double() ** (1 - sampling.source_power)
        self._people_so_far = (size * letters.clamp(max=_MANY_LETTERS)).cumsum(0)
        self.spells = bool(letters.any())  # else there is nothing to compose sequences of
        self._resting = (self._labels == NOTHING).nonzero()[:, 0]

        self._clips, self._motions = torch.empty(0), {label: torch.empty(0, KEYS, 21, 3, device=device) for label in _MOTION}
        if clips is not None and len(clips):
            self._take(clips, device)

    def _take(self, clips: Samples, device) -> None:
        """Motions out of the clips in which a J or Z moves; those of other labels as they are."""
        palms, labels = to_palm_clips(clips, device), torch.from_numpy(clips.labels).to(device)
        seen = ~torch.from_numpy(clips.landmarks[:, :, 0, 0]).isnan()
        lengths = (seen.shape[1] - seen.flip(1).int().argmax(1)).to(device)
        moving = moves(palms)
        for label in _MOTION:
            rows = (moving & (labels == label)).nonzero()[:, 0].tolist()
            cut = [cut_motion(palms[row, : lengths[row]], label) for row in rows]
            if cut := [motion for motion in cut if motion is not None]:
                self._motions[label] = torch.stack(cut)
        still = ~torch.isin(labels, labels.new_tensor(_MOTION)) & (lengths > 1)
        self._clips, self._clip_labels, self._lengths = palms[still], labels[still], lengths[still]

    def __len__(self) -> int:
        return len(self._labels)

    def draw_frames(self, size: int, generator: torch.Generator) -> Batch:
        """A batch of `size` single frames."""
        rows = _draw(self._weights_so_far, size, generator)
        hands, labels = self._hands[rows, None], self._labels[rows, None]
        weights = torch.ones_like(labels, dtype=torch.float32)
        return self._batch(hands, labels, weights, self._has_z[rows], self._augmentation.noise, generator)

    def draw_sequences(self, batches: int, choices: random.Random, generator: torch.Generator) -> Batch:
        """So many batches in one, for `Batch.cut`, each of about `frames` frames, all sequences as long as `choices` draws:
        people who spell, then pieces of real clips where there are any."""
        options = self._sequences
        lengths = (math.log(options.shortest), math.log(options.longest))
        frames = round(math.exp(choices.uniform(*lengths)))
        count = max(options.frames // frames, 4)
        real = min(round(options.real_clips * count), count - 1) if len(self._clips) else 0
        parts = [self._spelling(batches * (count - real), frames, generator)]
        if real:
            parts.append(self._real(batches * real, frames, generator))
        landmarks, labels, weights, has_z = (torch.cat(part) for part in zip(*parts, strict=True))
        return self._batch(landmarks, labels, weights, has_z, options.noise, generator)

    def _batch(self, landmarks, labels, weights, has_z, noise: float, generator: torch.Generator) -> Batch:
        landmarks = augment(landmarks, has_z, noise, self._augmentation, generator)
        right_handed = torch.zeros(len(landmarks), dtype=torch.bool, device=landmarks.device)
        return Batch(clip_features(landmarks, right_handed), labels, weights)

    def _spelling(self, count: int, frames: int, generator: torch.Generator):
        """Clips, labels, weights and has_z of `count` people who spell letters at random, J and Z too, and rest."""
        options, device = self._sequences, self._labels.device
        person = _draw(self._people_so_far, count, generator)
        slowest, fastest = math.log(options.slowest), math.log(options.fastest)
        pace = torch.exp(slowest + (fastest - slowest) * torch.rand(count, generator=generator, device=device))
        width = math.ceil(frames * float(pace.max()) / 20) + 3  # letters that the fastest can show, and two to go on to

        chance = torch.rand(count, width, generator=generator, device=device)
        rests, moving = chance < options.rests, chance > 1 - options.motions
        rests[:, 0] = chance[:, 0] < _FROM_REST
        moving[:, 0] &= ~rests[:, 0]
        labels = torch.multinomial(self._spelled[person], width, replacement=True, generator=generator)
        again = torch.rand(count, width, generator=generator, device=device) < options.repeated
        for column in range(1, width):
            repeats = again[:, column] & ~(rests | moving)[:, column - 1]
            labels[:, column] = torch.where(repeats, labels[:, column - 1], labels[:, column])
            rests[repeats, column] = moving[repeats, column] = False
        # One still of each letter in a sequence.
        place = torch.rand(count, len(LABELS), generator=generator, device=device) * self._counts[person]
        rows = (self._starts[person] + place.long()).clamp(max=len(self._labels) - 1)
        first = self._hands[rows.gather(1, labels)]
        first[rests] = self._at_rest(first[rests], generator)

        at, column, paths, drawn = self._moving(moving, rows, person, generator)
        last = first.clone()
        first[at, column], last[at, column] = (paths[:, key] - paths[:, key, :1] for key in (0, -1))
        labels = torch.where(rests, NOTHING, labels)
        labels[at, column] = drawn
        same = torch.zeros_like(rests)
        same[:, 1:] = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != NOTHING)
        same[at, column] = False
        # A release opens the hand towards one that is no doubled letter: from the same shape to the same shape nothing opens.
        doubled = ((labels[:, :, None] == labels[:, None]) & same[:, None]).any(2)
        towards = torch.multinomial((~doubled).float() + 1e-9, 1, generator=generator)[:, 0]
        opened = first[torch.arange(count, device=device), towards]
        slots = Slots(labels, first, last, rests, same, opened, (at, column, paths))
        return *compose(slots, frames, options, pace, generator), self._has_z[self._starts[person, 0]]

    def _at_rest(self, hands: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Hands (N, 21, 3) that sign nothing: real ones, or `hands` half on their way to another letter and turned down."""
        size, device = len(hands), hands.device
        chance = torch.rand(size, 3, generator=generator, device=device)
        low, high = hands.new_tensor(_TURNED_DOWN).T
        turned = hands_of(between(bones(hands), bones(hands.roll(1, 0)), chance[:, :1].expand(-1, 5) / 2))
        turned = turned @ rotations(low + (high - low) * torch.rand(size, 3, generator=generator, device=device))
        if not len(self._resting):
            return turned
        real = self._resting[(chance[:, 1] * len(self._resting)).long()]
        return torch.where((chance[:, 2] < 0.5)[:, None, None], self._hands[real], turned)

    def _moving(self, moving: torch.Tensor, rows: torch.Tensor, person: torch.Tensor, generator: torch.Generator):
        """Rows, columns, paths and labels of the slots `moving` (N, K) that a J or Z can be shown in: half of them real
        motions, half drawn with a hand shape of the person's."""
        at, column = moving.nonzero(as_tuple=True)
        size, device = len(at), rows.device
        is_j = torch.rand(size, generator=generator, device=device) < 0.5
        label = torch.where(is_j, *(LABEL_IDS[letter] for letter in "JZ"))
        chosen, usable = torch.empty(size, 21, 3, device=device), torch.zeros(size, dtype=torch.bool, device=device)
        for letter, shapes in DRAWS.items():
            ids = rows.new_tensor([LABEL_IDS[shape] for shape in shapes])
            mine = (label == LABEL_IDS[letter]).nonzero()[:, 0]
            there = (self._counts[person[at[mine]]][:, ids] > 0).double()
            picked = torch.multinomial(there + 1e-9, 1, generator=generator) if len(mine) else there.long()
            chosen[mine] = self._hands[rows[at[mine]].gather(1, ids[picked])[:, 0]]
            usable[mine] = there.gather(1, picked)[:, 0] > 0
        paths = draw_motions(chosen, is_j, generator)
        real = torch.rand(size, generator=generator, device=device) < 0.5
        for kind, motions in self._motions.items():
            mine = (label == kind) & (real | ~usable)
            if len(motions):
                paths[mine] = motions[torch.randint(len(motions), (int(mine.sum()),), generator=generator, device=device)]
                usable |= mine
        return at[usable], column[usable], paths[usable], label[usable]

    def _real(self, count: int, frames: int, generator: torch.Generator):
        """Pieces of real clips of held letters, and of hands that sign nothing, played to and fro."""
        device = self._labels.device
        rows = torch.randint(len(self._clips), (count,), generator=generator, device=device)
        last = (self._lengths[rows] - 1)[:, None]
        speed = _PLAYED[0] + (_PLAYED[1] - _PLAYED[0]) * torch.rand(count, 1, generator=generator, device=device)
        time = (speed * torch.arange(frames, device=device)) % (2 * last)
        time = torch.minimum(time, 2 * last - time)
        before = torch.minimum(time.long(), last - 1)
        share = (time - before)[..., None, None]
        landmarks = torch.lerp(self._clips[rows[:, None], before], self._clips[rows[:, None], before + 1], share)
        labels = self._clip_labels[rows, None].expand(-1, frames)
        weights = (labels != NOTHING).float()
        weights[:, 3:] = 1.0  # that a hand signs nothing shows in how it moves
        return landmarks, labels, weights, torch.ones(count, dtype=torch.bool, device=device)


def source_weights(sources: np.ndarray, power: float) -> torch.Tensor:
    """float64 (N,): n^-power for each sample of a source of n."""
    rows = torch.from_numpy(np.unique(sources, return_inverse=True)[1])
    return (rows.bincount().double() ** -power)[rows]


def drawing_weights(stills: Samples, power: float, nothing_share: float, motion_stills: float = 1.0) -> torch.Tensor:
    """How often each still is drawn against the others, float64 (N,): as its source's size says, J and Z `motion_stills`
    times that. Hands that sign nothing count as sources of their own, and where there are any, have `nothing_share` of the
    sum."""
    weights = source_weights(stills.sources, power)
    weights[torch.isin(torch.from_numpy(stills.labels), torch.tensor(_MOTION))] *= motion_stills
    nothing = torch.from_numpy(stills.labels == NOTHING)
    if nothing.any() and not nothing.all():
        of_nothing = source_weights(stills.sources[stills.labels == NOTHING], power)
        weights[nothing] = nothing_share / (1 - nothing_share) * weights[~nothing].sum() / of_nothing.sum() * of_nothing
    return weights


def to_palm_clips(samples: Samples, device) -> torch.Tensor:
    return palm_clips(torch.from_numpy(samples.landmarks).to(device), torch.from_numpy(samples.left_handed).to(device))


def _draw(weights_so_far: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Rows drawn with the weights whose running sums are given (multinomial would sum them up again each time)."""
    place = torch.rand(size, generator=generator, device=weights_so_far.device, dtype=torch.float64) * weights_so_far[-1]
    return torch.searchsorted(weights_so_far, place, right=True).clamp(max=len(weights_so_far) - 1)
