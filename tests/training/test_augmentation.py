import pytest
import torch

from sign2sound.labels import LABEL_IDS
from training.augmentation import augment as augment_labelled
from training.augmentation import drape_fingers, mix_fingers, rotations
from training.config import Augmentation

NONE = Augmentation(
    rotation=0, sideways_rotation=0, turned_round=0, tilt=0, scale=0, depth_scale=0, noise=0, tip_noise=1, jitter=0, mirror=0
)
LABELS_OF_CLIPS = torch.full((200,), LABEL_IDS["A"])


@pytest.fixture
def clips() -> torch.Tensor:
    return torch.randn(200, 4, 21, 3, generator=torch.Generator().manual_seed(1))


def augment(clips, options, generator):
    return augment_labelled(clips, LABELS_OF_CLIPS, options, generator)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def test_nothing_asked_nothing_changed(clips):
    assert torch.allclose(augment(clips, NONE, generator()), clips)


def test_the_same_seed_gives_the_same_clips(clips):
    options = NONE.model_copy(
        update={"rotation": 20, "tilt": 20, "scale": 0.1, "depth_scale": 0.3, "noise": 0.03, "jitter": 0.01, "mirror": 0.1}
    )
    assert torch.equal(augment(clips, options, generator()), augment(clips, options, generator()))


def test_mirror_negates_x_of_whole_clips(clips):
    mirrored = augment(clips, NONE.model_copy(update={"mirror": 1}), generator())
    assert torch.allclose(mirrored, clips * torch.tensor([-1.0, 1.0, 1.0]))
    half = augment(clips, NONE.model_copy(update={"mirror": 0.5}), generator())
    kept = torch.isclose(half, clips).all(-1).flatten(1).all(1)
    assert 0.3 < kept.float().mean() < 0.7


def test_rotation_keeps_lengths_and_depth_and_stays_within_its_limit(clips):
    turned = augment(clips, NONE.model_copy(update={"rotation": 30}), generator())
    assert torch.allclose(turned[..., 2], clips[..., 2], atol=1e-5)
    assert torch.allclose(turned.norm(dim=-1), clips.norm(dim=-1), atol=1e-4)
    cosine = torch.nn.functional.cosine_similarity(turned[..., :2], clips[..., :2], dim=-1)
    angles = torch.rad2deg(cosine.clamp(-1, 1).acos())
    assert angles.max() <= 30.1
    assert angles.max() > 25
    assert (angles.flatten(1).amax(1) - angles.flatten(1).amin(1)).max() < 0.2  # one angle for a whole clip


def test_tilt_leaves_the_picture_plane(clips):
    tilted = augment(clips, NONE.model_copy(update={"tilt": 30}), generator())
    assert torch.allclose(tilted.norm(dim=-1), clips.norm(dim=-1), atol=1e-4)
    assert (tilted[..., 2] - clips[..., 2]).abs().max() > 0.3


def test_scale_stretches_each_axis_within_its_share(clips):
    factors = augment(clips, NONE.model_copy(update={"scale": 0.1, "depth_scale": 0.4}), generator()) / clips
    assert 0.9 <= factors[..., :2].min() < 0.91 and 1.09 < factors[..., :2].max() <= 1.1001
    assert 0.6 <= factors[..., 2].min() < 0.62 and 1.38 < factors[..., 2].max() <= 1.4001


def test_noise_holds_for_a_clip_and_jitter_does_not(clips):
    noise = augment(clips, NONE.model_copy(update={"noise": 0.05}), generator()) - clips
    assert torch.allclose(noise[:, 0], noise[:, 3], atol=1e-6)
    assert noise[..., :2].std() == pytest.approx(0.05, rel=0.05)
    assert noise[..., 2].std() == pytest.approx(0.10, rel=0.05)
    jitter = augment(clips, NONE.model_copy(update={"jitter": 0.02}), generator()) - clips
    assert jitter[..., 0].std() == pytest.approx(0.02, rel=0.05)
    assert not torch.allclose(jitter[:, 0], jitter[:, 3], atol=1e-3)


def test_noise_is_larger_at_the_fingertips(clips):
    noise = augment(clips, NONE.model_copy(update={"noise": 0.05, "tip_noise": 2}), generator()) - clips
    for landmark, expected in ((8, 0.10), (7, 0.075), (6, 0.05)):
        assert noise[:, :, landmark, 0].std() == pytest.approx(expected, rel=0.15)


def test_letters_that_point_sideways_turn_further(clips):
    labels = torch.tensor([LABEL_IDS[letter] for letter in "GHPP"] * 25 + [LABEL_IDS[letter] for letter in "AQ"] * 50)
    turned = augment_labelled(clips, labels, NONE.model_copy(update={"rotation": 10, "sideways_rotation": 60}), generator())
    cosine = torch.nn.functional.cosine_similarity(turned[..., :2], clips[..., :2], dim=-1)
    angles = torch.rad2deg(cosine.clamp(-1, 1).acos())
    assert 50 < angles[:100].max() <= 60.1
    assert angles[100:].max() <= 10.1


def test_letters_that_point_sideways_are_seen_from_both_sides(clips):
    labels = torch.tensor([LABEL_IDS["G"]] * 100 + [LABEL_IDS["A"]] * 100)
    seen = augment_labelled(clips, labels, NONE.model_copy(update={"turned_round": 1}), generator())
    assert torch.allclose(seen[:100], clips[:100] * torch.tensor([-1.0, 1.0, -1.0]), atol=1e-5)
    assert torch.allclose(seen[100:], clips[100:], atol=1e-5)


def test_fingers_of_the_same_hand_turned_leave_it_as_it_is(clips):
    hands = clips[:, 0]
    turned = hands @ rotations(torch.randn(len(hands), 3, generator=generator()))
    assert torch.allclose(mix_fingers(hands, turned, 1, generator()), hands, atol=1e-3)


def test_whole_fingers_are_taken_and_knuckles_stay(clips):
    hands, others = clips[:, 0], clips[:, 1]
    mixed = mix_fingers(hands, others, 1, generator())
    palm = [0, 1, 5, 9, 13, 17]
    assert torch.allclose(mixed[:, palm], hands[:, palm], atol=1e-4)
    changed = (mixed - hands).abs().amax(-1) > 1e-4  # (N, 21)
    fingers = changed[:, [2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20]].unflatten(1, (5, 3))
    assert (fingers.all(-1) | ~fingers.any(-1)).all()
    assert fingers[:, 0, 0].float().mean() == pytest.approx(0.5, abs=0.12)
    assert not (mix_fingers(hands, others, 0, generator()) - hands).any()


def fists(count: int) -> torch.Tensor:
    """A right hand with its palm to the camera and rolled-in fingers, in palm sizes: each finger goes up 0.3 and back."""
    hand = torch.zeros(21, 3)
    hand[1:5, 0] = torch.tensor([0.3, 0.5, 0.4, 0.2])
    hand[1:5, 1] = torch.tensor([-0.2, -0.5, -0.8, -0.9])
    for finger, x in enumerate((0.3, 0.1, -0.1, -0.3)):
        hand[5 + 4 * finger : 9 + 4 * finger] = torch.tensor([[x, -1, 0], [x, -1.3, -0.2], [x, -1.0, -0.4], [x, -0.9, -0.3]])
    return hand.repeat(count, 1, 1)


@pytest.mark.parametrize(("letter", "lying"), [("M", 3), ("N", 2)])
def test_draped_fingers_leave_the_knuckles_downwards_and_no_bone_changes_its_length(letter, lying):
    hands = fists(500)
    draped = drape_fingers(hands, torch.full((500,), LABEL_IDS[letter]), 1.0, generator())
    for joint in range(1, 21):
        before = 0 if joint % 4 == 1 else joint - 1
        lengths = (draped[:, joint] - draped[:, before]).norm(dim=-1)
        assert torch.allclose(lengths, (hands[:, joint] - hands[:, before]).norm(dim=-1), atol=1e-5)

    def bend(hands: torch.Tensor) -> torch.Tensor:
        """Degrees at the knuckles, (N, 4), from the palm's bones to the fingers' first ones."""
        palm, first = hands[:, 5::4] - hands[:, :1], hands[:, 6::4] - hands[:, 5::4]
        return torch.rad2deg(torch.nn.functional.cosine_similarity(palm, first, dim=-1).acos())

    def roll(hands: torch.Tensor) -> torch.Tensor:
        """Degrees at the joints after the knuckles, (N, 4)."""
        first, second = hands[:, 6::4] - hands[:, 5::4], hands[:, 7::4] - hands[:, 6::4]
        return torch.rad2deg(torch.nn.functional.cosine_similarity(first, second, dim=-1).acos())

    assert (roll(hands) - roll(draped))[:, :lying].min() > 10  # hanging straight, not rolled in
    more = bend(draped) - bend(hands)
    assert (more[:, :lying] > 10).all()
    assert more[:, lying:].mean() < more[:, :lying].mean() - 10


def test_only_m_and_n_are_draped_and_only_as_many_as_asked():
    hands = fists(400)
    assert torch.allclose(drape_fingers(hands, torch.full((400,), LABEL_IDS["S"]), 1.0, generator()), hands, atol=1e-6)
    draped = drape_fingers(hands, torch.full((400,), LABEL_IDS["M"]), 0.3, generator())
    changed = ~torch.isclose(draped, hands, atol=1e-5).flatten(1).all(1)
    assert 0.2 < changed.float().mean() < 0.4
