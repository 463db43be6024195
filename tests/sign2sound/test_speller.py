from dataclasses import replace
from math import log

import numpy as np
import pytest

from sign2sound.labels import LABEL_IDS, LABELS
from sign2sound.speller import Speller, SpellerOptions

RATES = (15, 30, 60, 240)
FRAME = 1 / 30
# The known answers below are those of these values, whatever the defaults are tuned to.
OPTIONS = SpellerOptions(begin=2.5, proof=0, change=4, end=0.5, shortest=0.05, reluctance=0.5, release=0.06, release_share=0.25,
                         longest_release=0.3, redrawn=0.4, passing=0.3, passing_share=0.25, motion=1, pause=1.5)  # fmt: skip


def sure_of(label, share=1.0, rest=None):
    """Probabilities with `share` for one label, the rest for another one or spread evenly. `nothing` is a hand on its way, of
    which nobody can be quite sure."""
    share = min(share, 0.9999) if label == "nothing" else share
    probabilities = np.full(29, 0.0 if rest else (1 - share) / 28)
    probabilities[LABEL_IDS[label]] = share
    if rest:
        probabilities[LABEL_IDS[rest]] += 1 - share
    return probabilities


def spell(*script, rate=30, options=OPTIONS):
    """Feed (label, seconds) or (label, seconds, share, rest) one after another; returns the speller and its events."""
    speller, events = Speller(options), []
    ends = np.cumsum([entry[1] for entry in script])
    for frame in range(round(ends[-1] * rate)):
        time = frame / rate
        label, _, *share = script[np.searchsorted(ends, time + 1e-9, side="right")]
        if event := speller.update(time, sure_of(label, *share)):
            events.append(event)
    return speller, events


def text_of(*script, rate=30, options=OPTIONS):
    return spell(*script, rate=rate, options=options)[0].text


def frames_until_written(letter, before, share):
    """`letter` is read with probability `share`, `before`, which was shown for a second, with the rest; None if never."""
    speller = Speller(OPTIONS)
    for frame in range(30):
        speller.update(frame / 30, sure_of(before))
    for frame in range(1, 200):
        if speller.update(1 + (frame - 1) / 30, sure_of(letter, share, before)):
            return frame
    return None


def test_the_evidence_of_a_frame_by_hand():
    """log((0.98 p + 0.02 / 29) / (0.98 q + 0.02 / 29)) a frame, for p and q 0.6 and 0.4 this is 0.405."""
    speller = Speller(OPTIONS)
    for frame in range(30):
        speller.update(frame / 30, sure_of("A"))
    speller.update(1, sure_of("B", 0.6, "A"))
    evidence = log((0.98 * 0.6 + 0.02 / 29) / (0.98 * 0.4 + 0.02 / 29))
    assert evidence == pytest.approx(0.405, abs=1e-3) and speller.progress == pytest.approx(evidence / 4)


@pytest.mark.parametrize(
    ("share", "frames"),
    # 2.5 is asked, and `nothing` has 0.5 less in each frame: 7.26, 1.097, 0.405, 0, -0.405 and -0.846 are 0.5 more.
    # However sure, a letter needs 0.05 s: 2 frames.
    [(1.0, 2), (0.75, 2), (0.6, 3), (0.5, 5), (0.4, 27), (0.3, None)],
)
def test_frames_until_a_letter_is_written_after_nothing(share, frames):
    assert frames_until_written("A", "nothing", share) == frames


@pytest.mark.parametrize(("share", "frames"), [(1.0, 2), (0.9, 2), (0.75, 4), (0.6, 10), (0.5, None)])
def test_frames_until_a_letter_is_written_after_another_letter(share, frames):
    """4 is asked: 7.26, 2.191, 1.097, 0.405 and 0 a frame; and 0.05 s, which is 2 frames."""
    assert frames_until_written("A", "B", share) == frames


@pytest.mark.parametrize("rate", RATES)
def test_evidence_counts_by_time(rate):
    """0.5 in 1/30 s, so 2.5 are there after 1/6 s, and the frame that ends then or next decides."""
    _, [event] = spell(("nothing", 1), ("A", 1, 0.5, "nothing"), rate=rate)
    assert event.since == pytest.approx(1 - 1 / rate)  # when the frame before was taken
    needed = np.ceil(round(rate / 6, 6)) / rate
    assert event.timestamp - event.since == pytest.approx(needed)


def test_a_held_letter_is_written_once_and_with_its_second_frame():
    speller, [event] = spell(("nothing", 1), ("A", 10))
    assert speller.text == "A"
    assert (event.kind, event.text, event.timestamp) == ("letter", "A", pytest.approx(1 + FRAME))


@pytest.mark.parametrize(("rate", "frames"), [(15, 1), (30, 2), (60, 3), (240, 12)])
@pytest.mark.parametrize("before", ["nothing", "B"])
def test_a_sure_letter_takes_a_twentieth_of_a_second(before, rate, frames):
    _, events = spell((before, 1), ("A", 1), rate=rate)
    assert events[-1].text == "A"
    assert events[-1].since == pytest.approx(1 - 1 / rate)
    assert events[-1].timestamp == pytest.approx(1 + (frames - 1) / rate)


@pytest.mark.parametrize("label", [label for label in LABELS if label != "nothing"])
def test_one_frame_between_frames_without_a_hand_writes_nothing(label):
    speller, events = spell(("nothing", 1), ("A", 0.3), *[("nothing", 0.3), (label, FRAME)] * 3, ("nothing", 0.3))
    assert speller.text == "A" and len(events) == 1


@pytest.mark.parametrize("rate", [30, 60])
@pytest.mark.parametrize("share", [0.5, 0.6, 0.8, 1.0])
def test_a_frame_of_something_else_does_not_make_one_frame_long_enough(share, rate):
    """One sure frame has more evidence than is asked, and some of it left after the next frame."""
    brief = ("A", FRAME)
    assert text_of(("nothing", 1), brief, ("nothing", 0.5, share), rate=rate) == ""
    assert text_of(("nothing", 1), brief, ("B", 0.5, share), rate=rate) == "B"
    assert text_of(("S", 1), brief, ("B", 0.5, share), rate=rate) == "SB"


@pytest.mark.parametrize("letter", ["A", "J", "S"])
def test_one_frame_at_15_frames_a_second_is_long_enough(letter):
    speller, [event] = spell(("nothing", 1), (letter, 1 / 15), ("nothing", 1), rate=15)
    assert speller.text == letter
    assert event.timestamp == pytest.approx(1) and event.since == pytest.approx(1 - 1 / 15)


def test_progress_is_the_share_of_what_is_asked():
    speller = Speller(OPTIONS)
    speller.update(0.0, sure_of("nothing"))
    progress = []
    for frame in range(1, 8):
        speller.update(frame / 30, sure_of("A", 0.5, "nothing"))
        progress.append(speller.progress)
    assert progress == pytest.approx([0.2, 0.4, 0.6, 0.8, 0, 0, 0])


ALONE = replace(OPTIONS, alone=0.5, proof=40)


@pytest.mark.parametrize(("seconds", "text"), [(5 / 30, ""), (6 / 30, "A")])
def test_a_letter_that_stands_alone_needs_more_evidence(seconds, text):
    """A sure letter gains 7.26 and the reluctance of 0.5 in each frame: 40 takes six."""
    assert text_of(("nothing", 1), ("A", seconds), ("nothing", 1), options=ALONE) == text
    assert text_of(("nothing", 1), ("A", seconds), ("nothing", 1)) == "A"


@pytest.mark.parametrize(("gap", "text"), [(0.1, "AB"), (0.4, "AB"), (0.6, "")])
def test_letters_one_after_the_other_prove_each_other(gap, text):
    assert text_of(("nothing", 1), ("A", 0.1), ("nothing", gap), ("B", 0.1), ("nothing", 1), options=ALONE) == text


@pytest.mark.parametrize("rate", RATES)
def test_a_letter_alone_is_written_after_as_long_at_any_frame_rate(rate):
    _, events = spell(("nothing", 1), ("A", 1), rate=rate, options=ALONE)
    assert [event.text for event in events] == ["A"]
    assert events[0].timestamp - events[0].since == pytest.approx(40 / (7.26 + 0.5) / 30, abs=1 / rate)


def test_letters_that_prove_each_other_are_told_one_after_the_other():
    speller, events = spell(("nothing", 1), ("A", 0.1), ("nothing", 0.1), ("B", 0.1), ("nothing", 0.1), options=ALONE)
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("letter", "B")]
    assert [event.since for event in events] == pytest.approx([1, 1.2], abs=1 / 29)
    assert [int(evidence.argmax()) for evidence in speller.evidence] == [LABEL_IDS["A"], LABEL_IDS["B"]]


def test_a_j_alone_is_written_at_once_and_the_i_it_began_with_is_not():
    _, events = spell(("nothing", 1), ("I", 0.1), ("nothing", 0.3), ("J", 0.1), ("nothing", 1), options=ALONE)
    assert [(event.kind, event.text) for event in events] == [("letter", "J")]


def test_a_letter_alone_that_flickers_goes_on_proving():
    script = [("A", 0.1), ("nothing", FRAME)] * 3
    assert text_of(("nothing", 1), *script, options=ALONE) == "A"


def test_progress_of_a_letter_alone_grows_until_it_is_written():
    speller, progress = Speller(ALONE), []
    for frame in range(8):
        speller.update(frame / 30, sure_of("A"))
        progress.append(speller.progress)
    assert progress == sorted(progress[:6]) + [0, 0] and 0.9 < progress[5] < 1


def test_progress_is_never_more_than_all():
    """One frame that is sure has 7.76 of the 2.5 asked, but is too short."""
    speller = Speller(OPTIONS)
    speller.update(0.0, sure_of("nothing"))
    speller.update(FRAME, sure_of("A"))
    assert speller.text == "" and speller.progress == 1
    speller.update(2 * FRAME, sure_of("A"))
    assert speller.text == "A" and speller.progress == 0


SCRIPT = [
    ("nothing", 0.5), ("H", 0.4, 0.8), ("I", 0.3), ("nothing", 2.0), ("B", 0.2), ("nothing", 0.1), ("O", 0.3), ("nothing", 0.2),
    ("O", 0.3, 0.9), ("nothing", 0.1), ("K", 0.3), ("Q", 0.2), ("S", 0.4), ("del", 0.7), ("nothing", 0.3), ("I", 0.4),
    ("J", 0.5), ("space", 0.6), ("D", 0.2), ("nothing", 0.2), ("Z", 0.2), ("nothing", 0.4),
]  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_a_text_is_the_same_at_any_rate(rate):
    speller, events = spell(*SCRIPT, rate=rate)
    assert speller.text == "HI BOOKQJ Z"
    assert [event.text for event in events] == [
        "H", "I", "HI", "B", "O", "O", "K", "Q", "S", "S", "I", "J", "BOOKQJ", "D", "Z",
    ]  # fmt: skip
    kinds = ["letter"] * 2 + ["word"] + ["letter"] * 6 + ["deleted", "letter", "corrected", "word", "letter", "corrected"]
    assert [event.kind for event in events] == kinds
    _, finest = spell(*SCRIPT, rate=240)
    for event, fine in zip(events, finest, strict=True):
        assert abs(event.timestamp - fine.timestamp) <= 1.5 / rate
        assert abs(event.since - fine.since) <= 2 / rate


def on_the_way(time, speed, letters):
    """Probabilities of a hand that holds each letter for half of its time and is on its way for the other, never quite sure."""
    slot, phase = divmod(time * speed, 1)
    letter = sure_of((letters + letters[-1:])[int(slot) + (phase > 0.75)], 0.8)
    moved = min(1.0, 2 - abs(8 * phase - 6)) if phase > 0.5 else 0.0  # to `nothing` and on to the next letter
    return (1 - moved) * letter + moved * sure_of("nothing", 0.8)


@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.45])
@pytest.mark.parametrize("rate", RATES)
def test_uneven_times_change_no_letter(jitter, rate):
    """Every frame up to `jitter` of a frame too early or too late, at 2 letters/s."""
    random = np.random.default_rng(0)
    speller = Speller(OPTIONS)
    word = "FINGERSPELLING"
    for frame in range(len(word) * rate // 2):
        time = max(0.0, (frame + random.uniform(-jitter, jitter)) / rate)
        if time < len(word) / 2 - 0.15:  # the last letter's way leads nowhere
            speller.update(time, on_the_way(time, 2, word))
    assert speller.text == word


@pytest.mark.parametrize("speed", [1, 2, 4, 5])
@pytest.mark.parametrize("rate", [30, 60, 240])
def test_letters_and_doubled_letters_at_any_speed(speed, rate):
    script = [entry for letter in "COFFEE" for entry in ((letter, 0.5 / speed), ("nothing", 0.5 / speed))]
    assert text_of(*script, rate=rate) == "COFFEE"


def test_a_letter_held_for_two_frames_counts():
    assert text_of(("nothing", 1), *[(letter, 2 * FRAME) for letter in "QUICK"], ("nothing", 1)) == "QUICK"
    assert text_of(("nothing", 1), ("A", 2 * FRAME), ("nothing", 1)) == "A"
    assert text_of(("nothing", 1), ("A", 2 * FRAME, 0.5, "nothing"), ("nothing", 1)) == ""  # were it likely enough


@pytest.mark.parametrize("rate", [15, 30, 60])
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_slow_hold_that_flickers_is_one_letter(rate, frames):
    flicker = ("nothing", frames / rate)
    speller, events = spell(("nothing", 1), *[("A", 1), flicker] * 10, ("A", 1), rate=rate)
    assert speller.text == "A" and len(events) == 1


def test_the_parting_that_a_letter_needs_grows_with_its_hold():
    """A quarter of the hold, 0.06 s at least and 0.3 s at most."""
    for hold, longest, needed in ((0.1, 1, 2), (0.4, 2, 3), (0.8, 5, 6), (10, 8, 9)):
        assert text_of(("A", hold), ("nothing", longest * FRAME), ("A", hold)) == "A"
        assert text_of(("A", hold), ("nothing", needed * FRAME), ("A", hold)) == "AA"


def test_a_hold_goes_on_across_its_flickers():
    """0.3 s, again and again: each alone would be parted by 0.1 s."""
    assert text_of(("A", 0.3), ("nothing", 0.1), ("A", 0.3)) == "AA"
    assert text_of(*[("A", 0.3), ("nothing", FRAME)] * 2, ("A", 0.3), ("nothing", 0.1), ("A", 0.3)) == "A"


@pytest.mark.parametrize("interval", [0.21, 0.3, 1.0])
def test_a_held_letter_is_not_repeated_by_slow_frames(interval):
    speller = Speller(OPTIONS)
    for frame in range(20):
        speller.update(frame * interval, sure_of("A"))
    assert speller.text == "A"


def test_a_held_letter_is_not_repeated_by_irregular_frames():
    speller = Speller(OPTIONS)
    for time in np.random.default_rng(0).uniform(0.001, 0.6, 100).cumsum():
        speller.update(time, sure_of("A", 0.7))
    assert speller.text == "A"


def test_a_gap_in_the_stream_releases_nothing():
    speller = Speller(OPTIONS)
    for time in [*np.arange(0, 1, FRAME), *np.arange(11, 12, FRAME)]:
        speller.update(time, sure_of("A"))
    assert speller.text == "A"


def test_what_is_shown_after_a_gap_counts_for_a_quarter_of_a_second_at_most():
    """7.5 frames of 0.4: 3.0 of the 4 asked, however long the gap."""
    speller = Speller(OPTIONS)
    for time in (0.0, 0.1):
        speller.update(time, sure_of("A"))
    assert speller.text == "A"
    speller.update(10.0, sure_of("B", 0.6, "A"))
    assert speller.progress == pytest.approx(7.5 * 0.405 / 4, abs=0.01)


def test_a_letter_that_is_less_likely_than_the_one_shown_is_not_written():
    speller = Speller(OPTIONS)
    undecided = 0.52 * sure_of("D") + 0.48 * sure_of("Z")
    for frame in range(300):
        speller.update(frame / 30, sure_of("D") if frame < 10 else undecided)
    assert speller.text == "D"


def test_one_frame_that_is_not_sure_writes_nothing():
    unsure = ("S", FRAME, 0.8, "A")
    assert text_of(("A", 0.3), unsure, ("A", 0.3), unsure, ("A", 0.3)) == "A"


@pytest.mark.parametrize(("shape", "motion"), [("I", "J"), ("Y", "J"), ("D", "Z"), ("X", "Z"), ("G", "Z")])
@pytest.mark.parametrize("way", [0, 0.3, 0.9])
def test_a_motion_letter_takes_the_place_of_the_shape_it_began_with(shape, motion, way):
    script = [("nothing", 0.5), ("A", 0.3), ("nothing", 0.1), (shape, 0.3), ("nothing", way), (motion, 0.2)]
    speller, events = spell(*script)
    assert speller.text == "A" + motion
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("letter", shape), ("corrected", motion)]
    # Decided with its second frame; it began when the frame before its first was taken.
    assert events[-1].timestamp == pytest.approx(1.2 + way + FRAME)
    assert events[-1].since == pytest.approx(1.2 + way - FRAME)
    assert [LABELS[letter.argmax()] for letter in speller.evidence] == ["A", motion]


def test_other_letters_are_not_corrected():
    for first, second in ("KJ", "DJ", "IZ", "JI", "ZD"):
        speller, events = spell((first, 0.3), ("nothing", 0.1), (second, 0.3))
        assert speller.text == first + second and {event.kind for event in events} == {"letter"}
    assert text_of(("I", 0.3), ("A", 0.3), ("J", 0.3)) == "IAJ"
    assert text_of(("I", 0.3), ("nothing", 0.1), ("I", 0.3), ("J", 0.3)) == "IJ"


def test_a_letter_is_corrected_within_its_word_and_time_only():
    assert text_of(("I", 0.3), ("nothing", 1.1), ("J", 0.3)) == "IJ"
    assert text_of(("I", 0.3), ("nothing", 0.8), ("J", 0.3), options=replace(OPTIONS, motion=0.5)) == "IJ"
    assert text_of(("I", 0.3), ("nothing", 0.8), ("J", 0.3), options=replace(OPTIONS, pause=0.5)) == "I J"
    assert text_of(("D", 0.3), ("nothing", 2), ("Z", 0.3)) == "D Z"
    assert text_of(("D", 0.3), ("space", 0.3), ("Z", 0.3)) == "D Z"
    speller = Speller(OPTIONS)
    for time in (0.0, 0.1):
        speller.update(time, sure_of("D"))
    speller.write("space")
    assert speller.update(0.2, sure_of("Z")).kind == "letter" and speller.text == "D Z"


def test_space_and_del_are_written_once_per_hold():
    assert text_of(("A", 1), ("space", 2), ("B", 1)) == "A B"
    speller, events = spell(("A", 1), ("B", 1), ("del", 2))
    assert speller.text == "A"
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("letter", "B"), ("deleted", "B")]
    assert text_of(("A", 1), ("B", 1), ("del", 1), ("nothing", 0.5), ("del", 1)) == ""
    speller, events = spell(("del", 1), ("A", 1))
    assert speller.text == "A" and len(events) == 1


def test_a_pause_ends_a_word_with_one_space():
    speller, events = spell(("nothing", 3), ("A", 1), ("nothing", 5), ("B", 1))
    assert speller.text == "A B"
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("word", "A"), ("letter", "B")]
    assert events[1].timestamp - events[1].since == pytest.approx(1.5)
    assert text_of(("A", 1), ("nothing", 1.4), ("B", 1)) == "AB"
    assert text_of(("A", 1), ("space", 1), ("nothing", 3), ("space", 1), ("B", 1)) == "A B"
    assert text_of(("space", 1), ("A", 1)) == "A"


def test_a_resting_hand_ends_a_word_too():
    assert text_of(("A", 1), ("nothing", 3, 0.7), ("B", 1)) == "A B"


def test_a_space_that_was_deleted_by_key_does_not_come_back():
    speller, _ = spell(("A", 1), ("nothing", 2))
    assert speller.text == "A "
    speller.write("del")
    for frame in range(90):
        speller.update(3 + frame / 30, sure_of("nothing"))
    assert speller.text == "A"


def test_nothing_is_never_written():
    speller, events = spell(("nothing", 10))
    assert speller.text == "" and events == []


def test_the_word_and_its_evidence():
    speller, _ = spell(("A", 0.7, 0.9), ("B", 1, 0.6))
    assert speller.word == "AB"
    assert [LABELS[letter.argmax()] for letter in speller.evidence] == ["A", "B"]
    assert [letter.max() for letter in speller.evidence] == pytest.approx([0.9, 0.6])

    speller.write("C")
    assert speller.word == "ABC" and speller.evidence[2][LABEL_IDS["C"]] == 1
    speller.write("space")
    assert speller.word == "ABC" and len(speller.evidence) == 3  # until the next letter
    speller.write("D")
    assert speller.word == "D" and len(speller.evidence) == 1
    speller.write("del")
    assert speller.text == "ABC " and speller.word == "ABC"
    speller.write("del")
    speller.write("del")
    assert speller.word == "AB" and len(speller.evidence) == 2
    speller.clear()
    assert speller.word == "" and speller.evidence == ()


@pytest.mark.parametrize("after", ["nothing", "B"])
def test_evidence_is_the_mean_over_the_hold(after):
    """0.1 s at 0.9 and 0.2 s at 0.6: 0.7. What comes before and after is no part of it, though it is shown for long."""
    script = [("nothing", 1), ("A", 0.1, 0.9, "S"), ("A", 0.2, 0.6, "S"), (after, 1)]
    for rate in (30, 60):
        speller, _ = spell(*script, rate=rate)
        evidence = speller.evidence[0]
        assert evidence[[LABEL_IDS["A"], LABEL_IDS["S"]]] == pytest.approx([0.7, 0.3])
        assert evidence.sum() == pytest.approx(1)


def test_evidence_of_letters_held_for_two_frames_is_their_own():
    speller, _ = spell(("nothing", 1), *[(letter, 2 * FRAME, 0.99) for letter in "QUICK"])
    assert [LABELS[letter.argmax()] for letter in speller.evidence] == list("QUICK")
    assert [letter.max() for letter in speller.evidence] == pytest.approx([0.99] * 5)


def test_evidence_of_a_corrected_letter_is_that_of_its_motion():
    speller, _ = spell(("I", 0.5), ("nothing", 0.1), ("J", 0.2, 0.9, "I"), ("nothing", 0.5))
    [evidence] = speller.evidence
    assert evidence[[LABEL_IDS["J"], LABEL_IDS["I"]]] == pytest.approx([0.9, 0.1])


def test_a_word_is_replaced():
    speller = Speller(OPTIONS)
    for label in ["H", "I", "space", "T", "E", "H"]:
        speller.write(label)
    speller.replace_word("THE")
    assert speller.text == "HI THE " and speller.word == "THE"
    speller.replace_word("THEY")  # it just ended and can still be changed
    assert speller.text == "HI THEY "
    speller.write("A")
    assert speller.text == "HI THEY A"


def test_write_and_clear():
    speller = Speller(OPTIONS)
    for label in LABELS:
        speller.write(label)
    assert speller.text == "ABCDEFGHIJKLMNOPQRSTUVWXY "  # Z deleted
    speller.clear()
    assert speller.text == ""


def test_clearing_does_not_write_what_is_still_held():
    speller = Speller(OPTIONS)
    for frame in range(90):
        if frame == 30:
            speller.clear()
        speller.update(frame / 30, sure_of("A"))
    assert speller.text == ""


def test_a_hands_first_frame_decides_nothing():
    """It does not say whether the hand moves; a hand that comes up shows some letter in it."""
    speller = Speller(OPTIONS)
    for time, label in enumerate(["none", "C", "nothing", "nothing", "none", "C", "C", "C"]):
        speller.update(time / 15, np.eye(29)[LABEL_IDS["nothing"]] if label == "none" else sure_of(label))
    assert speller.text == "C"


def test_a_letter_that_flickers_is_measured_as_one_hold():
    """C, which flickers, is passed through on the way to E, and so is T on the way to an L that flickers."""
    flickers = ("nothing", FRAME)
    assert text_of(("H", 1), ("nothing", 0.5), ("C", 0.1), flickers, ("C", 0.1), ("E", 2)) == "HE"
    assert text_of(("T", 0.1), ("nothing", 0.1), ("L", 0.2), flickers, ("L", 1.5)) == "L"


def test_options():
    half = ("A", 10 * FRAME, 0.5, "nothing")  # 10 frames of 0.5
    assert text_of(half, options=replace(OPTIONS, begin=4.4)) == "A" and text_of(half, options=replace(OPTIONS, begin=5)) == ""
    assert text_of(half, options=replace(OPTIONS, reluctance=0)) == ""
    after = [("B", 0.5), ("A", 10 * FRAME, 0.6, "B")]  # 10 frames of 0.405
    assert text_of(*after, options=replace(OPTIONS, change=3.9)) == "BA"
    assert text_of(*after, options=replace(OPTIONS, change=4.2)) == "B"
    brief = [("nothing", 0.5), ("A", FRAME), ("nothing", 0.5)]
    assert text_of(*brief, options=replace(OPTIONS, shortest=0)) == "A" and text_of(*brief) == ""
    gone = [("A", 0.5), ("nothing", 0.2), ("A", 0.5)]
    assert text_of(*gone, options=replace(OPTIONS, end=50)) == "A"
    assert text_of(*gone, options=replace(OPTIONS, release=0.4)) == "A"
    assert text_of(*gone, options=replace(OPTIONS, release_share=0.5)) == "A"
    assert text_of(*gone, options=replace(OPTIONS, release_share=0.5, longest_release=0.1)) == "AA"
    assert text_of(("A", 1), ("nothing", 1), ("B", 1), options=replace(OPTIONS, pause=0.5)) == "A B"


def test_the_probabilities_given_are_not_changed():
    probabilities = sure_of("A")
    speller = Speller(OPTIONS)
    for time in (0.0, 0.5, 1.0):
        speller.update(time, probabilities)
    np.testing.assert_array_equal(probabilities, sure_of("A"))
