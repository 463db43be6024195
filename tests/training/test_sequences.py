import math
from dataclasses import replace

import pytest
import torch

from sign2sound.labels import LABEL_IDS, LABELS, NOTHING
from training.config import load_config
from training.motions import KEYS
from training.sequences import Slots, between, bones, compose, hands_of

pytestmark = pytest.mark.usefixtures("one_thread")

J = LABEL_IDS["J"]
REST_WEIGHT = 0.3


@pytest.fixture
def options(root):
    def change(**changes):
        plain = {"drift": 0, "long_holds": 0, "least_held": 0.5, "most_held": 0.5, "stalls": 0}
        return load_config(root / "training" / "config.yaml", []).sequences.model_copy(update=plain | changes)

    return change


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def random_hands(*shape: int) -> torch.Tensor:
    hands = torch.randn(*shape, 21, 3, generator=generator())
    return hands - hands[..., :1, :]


def spelled(text: str, count: int = 50) -> Slots:
    """`count` people who spell `text`, each with hands of its own, one for each letter; a space is a hand at rest."""
    labels = torch.tensor([NOTHING if letter == " " else LABEL_IDS[letter] for letter in text])
    hands = random_hands(count, 29)[:, labels]
    same = torch.zeros(len(labels), dtype=torch.bool)
    same[1:] = (labels[1:] == labels[:-1]) & (labels[1:] != NOTHING)
    rows = [each.expand(count, -1) for each in (labels, labels == NOTHING, same)]
    none = torch.empty(0, dtype=torch.long)
    motions = (none, none, torch.empty(0, KEYS, 21, 3))
    return Slots(rows[0], hands, hands, rows[1], rows[2], random_hands(count, 30)[:, 29], motions)


def drawing(text: str, column: int, count: int = 50) -> Slots:
    """As `spelled`, but in `column` a J is drawn: the hand goes 3 palm sizes to the right, and the index fingertip from 0 to 1
    along y. All other index fingers lie at 0."""
    slots = spelled(text, count)
    hands = slots.first.clone()
    hands[:, :, 5:9] = 0
    paths = hands[:, column, None].repeat(1, KEYS, 1, 1)
    done = torch.linspace(0, 1, KEYS)
    paths[:, :, 8, 1] = done
    paths[..., 0] += 3 * done[:, None]
    first, last, labels = hands.clone(), hands.clone(), slots.labels.clone()
    first[:, column], last[:, column] = (paths[:, key] - paths[:, key, :1] for key in (0, -1))
    labels[:, column] = J
    motions = (torch.arange(count), torch.full((count,), column), paths)
    return replace(slots, labels=labels, first=first, last=last, motions=motions)


def at_pace(slots: Slots, frames: int, options, pace: float):
    return compose(slots, frames, options, torch.full((len(slots.labels),), pace), generator())


def runs(labels: torch.Tensor) -> list[tuple[int, int, int]]:
    """Label, first frame and frame after the last of each run of equal labels (T,)."""
    values, lengths = labels.unique_consecutive(return_counts=True)
    ends = lengths.cumsum(0)
    return list(zip(values.tolist(), (ends - lengths).tolist(), ends.tolist(), strict=True))


def inner_ways(labels: torch.Tensor) -> list[tuple[int, int, int]]:
    """Row, first frame and frame after the last of each run of `nothing` (N, T) between two letters."""
    return [(row, *run[1:]) for row, each in enumerate(labels) for run in runs(each)[1:-1] if run[0] == NOTHING]


def test_bones_lead_from_the_wrist_to_each_fingertip():
    hands = torch.zeros(21, 3)
    hands[1:5, 0] = torch.tensor([1.0, 3, 6, 10])  # the thumb
    hands[17:21, 1] = torch.tensor([-2.0, -3, -3, -5])  # the little finger
    found = bones(hands + 7)
    assert found[0, :, 0].tolist() == [1, 2, 3, 4]
    assert found[4, :, 1].tolist() == [-2, -1, 0, -2]
    assert not found[1:4].any()


def test_hands_of_bones_are_the_hands():
    hands = random_hands(5, 7)
    assert torch.allclose(hands_of(bones(hands)), hands, atol=1e-5)
    assert torch.allclose(hands_of(bones(hands + 3)), hands, atol=1e-5)


def test_each_finger_turns_by_its_own_share_and_its_length_changes_evenly():
    start, end = torch.zeros(2, 5, 4, 3)
    start[..., 1], end[..., 0] = -1, 3  # up, to the right
    found = between(start, end, torch.tensor([0.25, 0, 0, 0.5, 1]))
    diagonal = 1.5 / math.sqrt(2)  # a quarter of 3 to the right and three of 1 up: 45 degrees; 1.5 long
    assert torch.allclose(found[0], torch.tensor([diagonal, -diagonal, 0]))
    assert torch.allclose(found[1], start[1]) and torch.allclose(found[4], end[4])
    assert torch.allclose(found[3].norm(dim=-1), torch.tensor(2.0))


def test_on_the_way_bones_keep_their_lengths():
    directions = torch.randn(2, 300, 5, 4, 3, generator=generator())
    start, end = directions / directions.norm(dim=-1, keepdim=True) * 0.4
    share = torch.rand(300, 5, generator=generator())
    found = between(start, end, share).norm(dim=-1)
    nearly_opposite = (start * end).sum(-1) < -0.85 * 0.16  # there a bone may be shorter on its way
    assert torch.allclose(found[~nearly_opposite], torch.tensor(0.4), atol=1e-5)
    assert torch.allclose(between(start, end, torch.zeros(300, 5)), start)
    assert torch.allclose(between(start, end, torch.ones(300, 5)), end)


@pytest.mark.parametrize("pace", [0.5, 3.0, 7.0])
def test_every_held_frame_shows_its_letters_still(options, pace):
    slots = spelled("ABCDEFGH")
    clips, labels, weights = at_pace(slots, 30, options(), pace)
    row, frame = (labels != NOTHING).nonzero(as_tuple=True)
    expected = slots.first[row, labels[row, frame]]  # A, B, C ... are the labels 0, 1, 2 ...
    assert torch.allclose((clips - clips[:, :, :1])[row, frame], expected, atol=1e-5)
    assert weights[row, frame].all()


def test_letters_come_in_order_with_nothing_between_them(options):
    text = "HANDSPELIG"
    _, labels, _ = at_pace(spelled(text), 40, options(), 5.0)
    for each in labels:
        shown = [label for label, _, _ in runs(each)]
        assert "".join(LABELS[label] for label in shown if label != NOTHING) in text
        assert all((a == NOTHING) != (b == NOTHING) for a, b in zip(shown, shown[1:], strict=False))


@pytest.mark.parametrize(("pace", "held"), [(2.0, 0.3), (5.0, 0.6)])
def test_letters_a_second_and_the_share_of_their_time_in_which_they_are_held(options, pace, held):
    """On average a letter takes 1.05 times as long as the pace says: 0.7 to 1.4 times."""
    slots = spelled("ABCD" * 20)
    _, labels, _ = at_pace(slots, 300, options(least_held=held, most_held=held), pace)
    starts = ((labels[:, 1:] != NOTHING) & (labels[:, :-1] == NOTHING)).float().sum(1).mean()
    assert starts / (299 / 30) == pytest.approx(pace / 1.05, rel=0.05)
    assert (labels != NOTHING).float().mean() == pytest.approx(held, abs=0.05)


def test_long_holds_last_half_a_second_to_three(options):
    _, labels, _ = at_pace(spelled("ABCDEFGH"), 300, options(long_holds=1), 5.0)
    held = [last - first for each in labels for label, first, last in runs(each)[1:-1] if label != NOTHING]
    assert 15 <= min(held) < 25 and 80 < max(held) <= 91


def test_nothing_is_asked_of_the_first_and_last_fifth_of_a_way(options):
    """At one letter in two seconds a way takes the longest there is, 18 frames: a fifth are its first 3.6 frames."""
    _, labels, weights = at_pace(spelled("ABCDEFGH"), 200, options(least_held=0.25, most_held=0.25), 0.5)
    ways = inner_ways(labels)
    assert len(ways) > 50
    for row, first, last in ways:
        assert last - first in (17, 18)
        way = weights[row, first:last]
        assert not way[[0, 1, 2, -3, -2, -1]].any() and (way[4:-4] == 1).all()


def test_a_single_frame_on_a_way_is_not_asked_for(options):
    _, labels, weights = at_pace(spelled("ABCDEFGH", 400), 12, options(), 2.0)
    first_on_way = labels[:, 0] == NOTHING
    assert 20 < first_on_way.sum() < 200  # half of the sequences begin within a slot
    assert torch.equal(weights[:, 0], (~first_on_way).float())


def test_on_a_way_the_hand_goes_from_one_letter_to_the_next(options):
    slots = spelled("AB")
    clips, labels, _ = at_pace(slots, 40, options(), 1.0)
    relative = clips - clips[:, :, :1]
    start, end = ((relative - slots.first[:, column, None]).norm(dim=-1).mean(-1) for column in (0, 1))
    for row, each in enumerate(labels):
        way = (each == NOTHING).nonzero()[:, 0]
        way = way[(way > 0) & (way < 39)]
        assert (start[row, way].diff() > -1e-3).float().mean() > 0.9
        assert (end[row, way].diff() < 1e-3).float().mean() > 0.9


def test_fingers_do_not_all_move_at_once(options):
    slots = spelled("AB", 200)
    clips, labels, _ = at_pace(slots, 40, options(), 1.0)
    left = (clips - clips[:, :, :1] - slots.first[:, 0, None]).abs()[:, :, 1:].unflatten(2, (5, 4)).amax((-1, -2)) > 1e-4
    first_moved = left.int().argmax(1)  # (N, fingers), the frame in which each leaves the A
    spread = first_moved.amax(1) - first_moved.amin(1)
    assert (spread == 0).any() and (spread > 1).float().mean() > 0.3


def test_equal_letters_are_parted_by_a_slide_a_bounce_or_a_release(options):
    slots = spelled("A" * 12, 100)
    clips, labels, _ = at_pace(slots, 200, options(), 1.0)
    wrist, shape = clips[:, :, 0], clips - clips[:, :, :1]
    ways = inner_ways(labels)
    assert len(ways) > 300
    opened, slid, bounced = [], [], []
    for row, first, last in ways:
        way = slice(first - 1, last + 1)  # with the last frame of one hold and the first of the next
        opened.append(float((shape[row, way] - slots.first[row, 0]).abs().max()))
        path = wrist[row, way] - wrist[row, first - 1]
        slid.append(float(path[-1, 0].abs()))
        bounced.append(float((path[:, 1] - torch.linspace(0, 1, len(path)) * path[-1, 1]).abs().max()))
    opened, slid, bounced = (torch.tensor(each) for each in (opened, slid, bounced))
    released = opened > 1e-3
    assert opened[released].min() > 0.1
    only_bounced = (bounced > 0.15) & ~released & (slid <= 0.25)  # a hand on another way may go in an arc as well
    for share in (released, slid > 0.25, only_bounced):
        assert share.float().mean() == pytest.approx(1 / 3, abs=0.1)
    assert (released | (slid > 0.1) | (bounced > 0.05)).all()  # swaying hides a little of it


def test_most_slides_go_away_from_the_body_and_those_of_a_person_all_one_way(options):
    slots = spelled("A" * 12, 200)
    clips, _, _ = at_pace(slots, 300, options(), 1.0)
    way = clips[:, -1, 0, 0] - clips[:, 0, 0, 0]
    assert (way < 0).float().mean() == pytest.approx(0.8, abs=0.12)


def test_a_rest_lies_below_and_is_nothing(options):
    slots = spelled("A B", 100)
    hold = options(least_held=0.9, most_held=0.9)
    clips, labels, weights = at_pace(replace_last(slots), 200, hold, 1.0)
    assert set(labels.unique().tolist()) == {LABEL_IDS["A"], LABEL_IDS["B"], NOTHING}
    resting = weights == REST_WEIGHT
    assert resting.any(1).all() and (labels[resting] == NOTHING).all()
    row, frame = resting.nonzero(as_tuple=True)
    assert torch.allclose((clips - clips[:, :, :1])[row, frame], slots.first[row, 1], atol=1e-5)
    height = clips[:, :, 0, 1]
    for letter in "AB":
        shown = labels == LABEL_IDS[letter]
        both = shown.any(1)
        lower = (height * resting).sum(1) / resting.sum(1) - (height * shown).sum(1) / shown.sum(1).clamp(min=1)
        assert both.sum() > 50 and lower[both].min() > 0.7 and 3 < lower[both].mean() < 4.5


def replace_last(slots: Slots) -> Slots:
    """The last slot twice: compose goes on to the last one and never arrives."""
    repeated = torch.tensor([*range(slots.labels.shape[1]), slots.labels.shape[1] - 1])
    names = ("labels", "first", "last", "rests", "same")
    return replace(slots, **{name: getattr(slots, name)[:, repeated] for name in names})


def test_a_drawn_motion_is_nothing_before_and_the_letter_after_it_is_done(options):
    clips, labels, weights = at_pace(drawing("AIBC", 1), 120, options(), 1.0)
    done = (clips - clips[:, :, :1])[:, :, 8, 1]
    shown = labels == J
    assert shown.any(1).all()
    assert done[shown].min() > 0.6 - 1e-4 and weights[shown].all()
    before = shown.int().cumsum(1) == 0
    surely_not, unsure = before & (done > 0.16) & (done < 0.39), before & (done > 0.41) & (done < 0.59)
    assert surely_not.any(1).float().mean() > 0.9 and unsure.any(1).float().mean() > 0.9
    assert (labels[surely_not] == NOTHING).all() and weights[surely_not].all()
    assert (labels[unsure] == NOTHING).all() and not weights[unsure].any()


def test_a_drawn_motion_takes_the_wrist_along_and_the_next_letter_begins_there(options):
    clips, labels, _ = at_pace(drawing("AIBC", 1), 120, options(), 1.0)
    wrist = clips[:, :, 0, 0]

    def place(letter: str) -> torch.Tensor:
        """Where the wrist is on average, (N,), NaN where the letter is not seen."""
        shown = labels == LABEL_IDS[letter]
        return (wrist * shown).sum(1) / shown.sum(1)

    # A letter lies 0.1 to the left of the one before, and the J counts from 0.6 of its way on, 1.8 of 3 palm sizes.
    assert (place("J") - place("A")).nanmean() == pytest.approx(2.6, abs=0.15)
    assert (place("B") - place("A")).nanmean() == pytest.approx(2.8, abs=0.15)


@pytest.mark.parametrize("pace", [1.0, 6.0])
def test_a_motion_is_drawn_at_the_pace_of_the_letters(options, pace):
    """0.8 to 1.6 times the time of a letter, but 7 frames at least and 45 at most."""
    clips, labels, _ = at_pace(drawing("AIBC", 1, 200), 120, options(), pace)
    done = (clips - clips[:, :, :1])[:, :, 8, 1]
    shown = labels == J
    before = shown.int().cumsum(1) == 0
    frames = (before & (done > 1e-4)).sum(1) / 0.6  # of its first six tenths
    period = 30 / pace
    assert max(0.8 * period, 7) - 2 <= frames.min() and frames.max() <= min(max(1.6 * period, 7), 45) + 2


def test_a_motion_is_asked_for_only_where_it_was_seen_from_its_start(options):
    """Whoever begins to look when a Z is drawn sees a held D."""
    clips, labels, weights = at_pace(drawing("IABC", 0, 400), 60, options(), 2.0)
    done = (clips - clips[:, :, :1])[:, :, 8, 1]
    asked = ((labels == J) & (weights > 0)).any(1)
    assert asked.float().mean() > 0.5 and (done[asked, 0] < 0.2).all()


def test_drift_moves_the_whole_hand(options):
    slots = spelled("ABCDEFGH", 500)
    plain, drifting = (at_pace(slots, 60, options(drift=drift), 1.0)[0] for drift in (0, 0.05))
    speed = (drifting - plain).diff(dim=1)
    assert torch.allclose(speed, speed[:, :1, :1].expand_as(speed), atol=1e-4)
    assert speed.std() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(("pace", "stalls", "share"), [(1.0, 1, 0.147), (1.0, 0.5, 0.073), (1.0, 0, 0), (3.0, 1, 0.147)])
def test_a_camera_that_stalls_repeats_frames(options, pace, stalls, share):
    """p up to 0.4 of them, each showing the frame before; after one that does so too that is a new one: p (1 - p) on average."""
    clips, labels, _ = at_pace(spelled("ABCDEFGH", 2000), 60, options(stalls=stalls, long_holds=0), pace)
    on_its_way = (labels[:, 1:-1] == NOTHING) & (labels[:, :-2] == NOTHING) & (labels[:, 2:] == NOTHING)
    fingers = clips[:, :, 1:] - clips[:, :, :1]
    repeated = (fingers[:, 1:-1] == fingers[:, :-2]).flatten(2).all(2)
    assert repeated[on_its_way].float().mean() == pytest.approx(share, abs=0.02)
