import itertools

import numpy as np
import pytest

from sign2sound import signer
from sign2sound.errors import UserError
from sign2sound.hand import BONES
from sign2sound.labels import STATIC_LETTERS
from sign2sound.landmarker import Landmarker
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand, sign_word

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def landmarker():
    with Landmarker() as landmarker:
        yield landmarker


def test_every_letter_and_the_space_has_a_prototype():
    prototypes = load_prototypes()
    assert sorted(prototypes) == [*LETTERS, "space"]
    for label, poses in prototypes.items():
        assert poses.dtype == np.float32 and np.isfinite(poses).all()
        assert poses.shape[1:] == (21, 3) and (len(poses) > 1) == (label in "JZ")


@pytest.mark.parametrize("letter", STATIC_LETTERS)
def test_the_landmarks_found_are_those_drawn_and_the_hand_is_a_right_one(landmarker, letter):
    drawn = place_hand(load_prototypes()[letter][0])
    hand = landmarker.find(draw_hand(drawn))
    assert hand.found_in == 1
    assert not hand.left_handed
    palm = np.linalg.norm(drawn[9] - drawn[0])
    assert np.linalg.norm(hand.landmarks[:, :2] - drawn[:, :2], axis=1).mean() < 0.15 * palm


def test_the_mirrored_picture_shows_a_left_hand(landmarker):
    picture = draw_hand(place_hand(load_prototypes()["B"][0]))
    hand = landmarker.find(np.ascontiguousarray(picture[:, ::-1]))
    assert hand.left_handed


def test_a_capsules_front_is_where_geometry_says():
    # A bar of radius 2 lying in the picture at depth 10: its front is at 8 all along, and round at the rim.
    a, b = np.float32([5, 5, 10]), np.float32([15, 5, 10])
    x, y = np.arange(0, 20, dtype=np.float32), np.array([[5.0], [6.0], [8.0]], np.float32)
    front = signer._capsule_front(a, b, np.float32(2), np.float32(2), x, y)
    assert front[0, 5:16] == pytest.approx(8)
    assert front[1, 5:16] == pytest.approx(10 - np.sqrt(3), abs=1e-4)
    assert front[0, 4] == pytest.approx(10 - np.sqrt(3), abs=1e-4)  # the end ball, one pixel beyond its centre
    assert (front[2] == signer._FAR).all()
    assert (front[:, :3] == signer._FAR).all()


def test_a_tapered_capsule_melts_the_two_radii():
    a, b = np.float32([0, 0, 0]), np.float32([100, 0, 0])
    middle = signer._capsule_front(a, b, np.float32(4), np.float32(2), np.float32([50]), np.float32([[0]]))
    assert middle.item() == pytest.approx(-3, abs=0.01)


def test_what_lies_outside_the_picture_is_cut_off():
    pose = load_prototypes()["B"][0]
    empty = draw_hand(place_hand(pose) + np.float32([0, 5000, 0]))
    half = draw_hand(place_hand(pose) - np.float32([240, 0, 0]))
    assert empty.shape == half.shape == (480, 480, 3) and empty.dtype == half.dtype == np.uint8
    changed = (half != empty).any(axis=2)
    assert changed[:, :150].any() and not changed[:, 300:].any()


def test_the_way_between_two_poses_starts_and_ends_at_them_and_keeps_bones_their_length():
    a, b = (load_prototypes()[letter][0] for letter in "SP")
    assert signer._between(a, b, 0.0) == pytest.approx(a, abs=1e-5)
    assert signer._between(a, b, 1.0) == pytest.approx(b, abs=1e-5)
    start, end = np.array([bone for bone in BONES if 0 not in bone and bone not in ((5, 9), (9, 13), (13, 17))]).T

    def lengths(pose):
        return np.linalg.norm(pose[end] - pose[start], axis=1)

    for share in (0.25, 0.5, 0.75):
        assert lengths(signer._between(a, b, share)) == pytest.approx(lengths(a) * (1 - share) + lengths(b) * share, rel=1e-4)


def landmarks_of(word, speed, frame_rate=60):
    """The landmarks of all frames, in palm sizes from the picture's middle."""
    signs = [signer._centred(load_prototypes()[letter]) for letter in word]
    return np.stack(list(signer._frames(signs, frame_rate, speed)))


def test_frames_come_at_the_rate_asked_for_with_times_from_zero():
    seconds = 2 * signer.RISE + 1 / signer.SPEED - signer.MOVE
    frames = list(sign_word("b", size=64, frame_rate=10))
    assert [timestamp for _, timestamp in frames] == pytest.approx(np.arange(int(seconds * 10) + 1) / 10)
    assert all(picture.shape == (64, 64, 3) and picture.dtype == np.uint8 for picture, _ in frames)


def test_a_letter_is_held_and_the_hand_starts_and_ends_out_of_the_picture():
    pictures = np.stack([picture for picture, _ in sign_word("B", size=64, frame_rate=10)]).astype(int)
    room = signer._room(64)
    assert (pictures[[0, -1]] == room).all()
    held = pictures[int(signer.RISE * 10) + 1]
    assert (held != room).any(axis=-1).mean() > 0.05


def test_between_two_equal_letters_the_hand_leaves_the_picture():
    room = signer._room(64)
    shown = [(picture != room).any() for picture, _ in sign_word("LL", size=64, frame_rate=25)]
    runs = [(seen, len(list(run))) for seen, run in itertools.groupby(shown)]
    assert [seen for seen, _ in runs] == [False, True, False, True, False]
    assert runs[2][1] / 25 > 0.3  # a letter held for long counts as let go after 0.3 s


@pytest.mark.parametrize("speed", [0.5, 1, 3, 6])
def test_letters_come_at_the_speed_asked_for(speed):
    """Each letter more takes 1/speed seconds, of which the way is 0.35 s, or half where that is less."""
    seconds = [len(landmarks_of(word, speed)) / 60 for word in ("HE", "HELO")]
    assert seconds[1] - seconds[0] == pytest.approx(2 / speed, abs=1 / 30)
    landmarks = landmarks_of("HELO", speed)
    moved = np.linalg.norm(np.diff(landmarks, axis=0), axis=2).max(axis=1)
    letters = moved[int(signer.RISE * 60) + 1 : -int(signer.RISE * 60) - 1]
    way = min(0.35, 0.5 / speed)
    assert np.mean(letters > 0.005) == pytest.approx(3 * way / (4 / speed - way), abs=0.1)


@pytest.mark.parametrize("speed", [2, 6])
def test_at_speed_equal_letters_are_parted_by_a_slide(speed):
    wrists = landmarks_of("LLLO", speed)[:, 0]
    letters = [wrists[int((signer.RISE + (number + 0.25) / speed) * 60)] for number in range(4)]
    assert np.diff([x for x, _, _ in letters[:3]]) == pytest.approx([-0.8, 0.8], abs=0.07)  # sways by 0.03
    assert np.ptp([y for _, y, _ in letters[:3]]) < 0.05  # and never leaves the picture


@pytest.mark.parametrize("letter", "JZ")
def test_at_speed_motions_take_one_and_a_half_letters_time_at_most(letter):
    frames, slow = len(load_prototypes()[letter]), len(landmarks_of(letter, 0.5)) / 60
    assert slow == pytest.approx(2 * signer.RISE + (frames - 1) / 30 + 1.65 / 2, abs=0.02)
    fast = len(landmarks_of(letter, 6)) / 60
    assert fast < 2 * signer.RISE + 1.5 / 6 + 0.25 / 6 + 0.02


def test_the_same_hand_moves_smoothly():
    steps = np.linalg.norm(np.diff(landmarks_of("HELO", signer.SPEED, 25), axis=0), axis=2)
    assert steps.max() < 0.6  # palm sizes a frame; a jump from letter to letter would be more


@pytest.mark.parametrize(
    "word, found",
    [("A1", "'1'"), ("naïve", "'Ï'"), ("", "no word"), ("  ", "no word")],
    ids=["digit", "accent", "empty", "blank"],
)
def test_what_cannot_be_spelled_is_said_at_once(word, found):
    with pytest.raises(UserError, match=found) as error:
        sign_word(word)
    assert "A to Z" in str(error.value)


@pytest.mark.parametrize("speed", [0.4, 6.1, float("nan")])
def test_a_speed_that_nobody_spells_at_is_refused(speed):
    with pytest.raises(UserError, match="0.5 to 6"):
        sign_word("A", speed=speed)
