import numpy as np
import pytest

from inference.practice import FINGERS, Drill, compare
from sign2sound import Hand, SpellerEvent
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import place_hand

JOINTS = np.arange(1, 21).reshape(5, 4)


def turned(hand, x: float, y: float, z: float):
    """Landmarks turned about the three axes, by degrees."""
    for axis, degrees in enumerate((x, y, z)):
        a, b = [other for other in range(3) if other != axis]
        sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        rotation = np.eye(3)
        rotation[[a, a, b, b], [a, b, a, b]] = cosine, -sine, sine, cosine
        hand = hand @ rotation
    return hand.astype(np.float32)


def prototype(letter: str):
    return place_hand(load_prototypes()[letter][0])


def bent(hand, finger: int, degrees: float = 80):
    """The finger folded at its second joint, about a line across the palm (Rodrigues' formula)."""
    hand = hand.copy()
    _, middle, *rest = JOINTS[finger]
    across = hand[17] - hand[5]
    axis = across / np.linalg.norm(across)
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    for joint in rest:
        bone = hand[joint] - hand[middle]
        hand[joint] = hand[middle] + bone * cosine + np.cross(axis, bone) * sine + axis * (axis @ bone) * (1 - cosine)
    return hand


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, 30, 40), (0, -50, 10)])
@pytest.mark.parametrize("finger", [1, 2, 3, 4])
def test_the_bent_finger_of_an_open_hand_is_named_however_the_hand_is_turned(finger, turn):
    found = compare(Hand(turned(bent(prototype("B"), finger), *turn)), "B")
    assert found.finger == FINGERS[finger]
    assert found.advice == f"straighten your {FINGERS[finger]} finger"


def test_a_finger_stretched_that_should_be_bent_is_named():
    straight = compare(Hand(prototype("W")), "V")  # W holds up the ring finger too
    assert (straight.finger, straight.advice) == ("ring", "bend your ring finger")


@pytest.mark.parametrize(
    ("shown", "wanted", "advice"),
    [
        ("Y", "I", "put your thumb across your folded fingers"),
        ("L", "D", "put your thumb on the tip of your middle finger"),
        ("S", "A", "put your thumb upright beside your fist"),
        ("A", "S", "put your thumb across the front of your fist"),
        ("S", "T", "put your thumb between index and middle finger"),
    ],
)
def test_letters_that_differ_by_the_thumb_say_where_it_goes(shown, wanted, advice):
    found = compare(Hand(prototype(shown)), wanted)
    assert (found.finger, found.advice) == ("thumb", advice)


def test_fingers_that_differ_sideways_say_to_which_side():
    assert compare(Hand(prototype("U")), "V").advice == "move your index finger towards your thumb"
    assert compare(Hand(prototype("V")), "U").advice == "move your index finger towards your little finger"


@pytest.mark.parametrize(
    ("shown", "wanted", "advice"), [("U", "H", "point your hand to the side"), ("H", "U", "point your hand up")]
)
def test_a_hand_turned_far_is_to_be_turned_before_its_fingers(shown, wanted, advice):
    drill = Drill()
    drill.start(wanted)
    state = drill.update(None, Hand(prototype(shown)), shown)
    assert (state.advice, state.finger) == (advice, "")


def test_a_left_hand_is_compared_as_a_right_one():
    mirrored = bent(prototype("B"), 3) * np.float32([-1, 1, 1])
    assert compare(Hand(mirrored, left_handed=True), "B").finger == "ring"


def test_the_signer_s_own_hand_needs_no_change_and_a_turned_one_a_turn():
    same = compare(Hand(prototype("V")), "V")
    assert same.distance == pytest.approx(0, abs=1e-4) and same.advice == ""
    around = compare(Hand(turned(prototype("V"), 0, 0, 90)), "V")
    assert around.turn == pytest.approx(90, abs=1) and around.advice == "point your hand up"


@pytest.mark.parametrize(("degrees", "advice"), [(55, ""), (60, "straighten your ring finger")])
def test_a_finger_may_differ_by_a_quarter_of_a_palm(degrees, advice):
    assert compare(Hand(bent(prototype("B"), 3, degrees)), "B").advice == advice


@pytest.mark.parametrize(
    ("shown", "wanted", "finger"),
    [
        ("V", "W", "ring"),
        ("W", "V", "ring"),
        ("Y", "I", "thumb"),
        ("A", "Y", "little"),
        ("A", "S", "thumb"),
        ("S", "A", "thumb"),
    ],
)
def test_real_hands(shared_data, shown, wanted, finger):
    """Photographs of many people, some from the side: nine in ten."""
    with np.load(shared_data / "landmarks" / "crowd.npz") as file:
        rows = np.flatnonzero((file["label"] == shown) & file["trusted"] & np.isfinite(file["landmarks"]).all(axis=(1, 2)))[::3]
        hands = [Hand(file["landmarks"][row], bool(file["left_handed"][row])) for row in rows]
    assert len(hands) > 10
    assert np.mean([compare(hand, wanted).finger == finger for hand in hands]) >= 0.9


def letter(text: str) -> SpellerEvent:
    return SpellerEvent("letter", text, 1.0, 0.5)


def test_a_word_is_done_letter_by_letter_and_the_score_goes_on():
    drill = Drill()
    drill.start("AB")
    assert drill.letter == "A"
    state = drill.update(letter("A"), None, "A")
    assert (state.word, state.done, state.right, state.wrong) == ("AB", 1, 1, 0)
    state = drill.update(letter("V"), None, "V")
    assert (state.done, state.right, state.wrong) == (1, 1, 1)
    drill.update(SpellerEvent("word", "AB", 1.0, 0.5), None, "nothing")
    state = drill.update(letter("B"), None, "B")
    assert (state.done, state.right, state.wrong, drill.letter) == (2, 2, 1, "")
    state = drill.update(letter("C"), None, "C")
    assert (state.right, state.wrong) == (2, 1)  # nothing is asked for
    drill.start("C")
    drill.skip()
    assert drill.update(None, None, "nothing").done == 1 and drill.letter == ""


def test_a_motion_letter_s_first_shape_counts_for_nothing():
    drill = Drill()
    drill.start("JA")
    state = drill.update(letter("I"), None, "I")
    assert (state.done, state.right, state.wrong) == (0, 0, 1)
    corrected = SpellerEvent("corrected", "J", 1.0, 0.5)
    state = drill.update(corrected, None, "J")
    assert (state.done, state.right, state.wrong) == (1, 1, 0)
    drill.start("IT")
    drill.update(letter("I"), None, "I")
    state = drill.update(corrected, None, "J")  # it did begin with an I
    assert (state.done, state.right, state.wrong) == (1, 2, 1)


def test_a_letter_that_is_taken_back_was_not_wrong():
    drill = Drill()
    drill.start("W")
    drill.update(letter("V"), None, "V")
    drill.update(letter("U"), None, "U")
    assert drill.update(letter("W"), None, "W").wrong == 2
    state = drill.update(SpellerEvent("deleted", "U", 1.0, 0.5), None, "W")  # after the word's end too
    assert (state.done, state.right, state.wrong) == (1, 1, 1)
    assert drill.update(SpellerEvent("deleted", "W", 1.0, 0.5), None, "del").wrong == 1  # it was right


def test_advice_only_while_another_letter_is_seen():
    drill = Drill()
    drill.start("V")
    hand = Hand(prototype("W"))
    state = drill.update(None, hand, "W")
    assert (state.advice, state.finger) == ("bend your ring finger", "ring")
    assert drill.update(None, hand, "V").advice == ""
    assert drill.update(None, None, "nothing").advice == ""


def test_a_motion_letter_asks_for_the_motion_when_the_hand_is_right():
    drill = Drill()
    drill.start("J")
    assert drill.update(None, Hand(prototype("J")), "I").advice == "move your hand as the signer does"
