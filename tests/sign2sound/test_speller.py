import numpy as np
import pytest

from sign2sound.labels import LABEL_IDS, LABELS
from sign2sound.speller import Speller, SpellerOptions

RATES = (15, 30, 60)


def sure_of(label, share=1.0):
    """Probabilities with `share` for one label, the rest spread evenly."""
    probabilities = np.full(29, (1 - share) / 28, dtype=np.float32)
    probabilities[LABEL_IDS[label]] = share
    return probabilities


def spell(*script, rate=30, options=None):
    """Feed (label, seconds) or (label, seconds, share) one after another; returns the speller and its events."""
    speller, events = Speller(options), []
    ends = np.cumsum([entry[1] for entry in script])
    for frame in range(round(ends[-1] * rate)):
        time = frame / rate
        label, _, *share = script[np.searchsorted(ends, time + 1e-9, side="right")]
        if event := speller.update(time, sure_of(label, *share)):
            events.append(event)
    return speller, events


def test_a_held_letter_is_written_once_after_its_hold():
    speller, events = spell(("nothing", 1), ("A", 3))
    assert speller.text == "A"
    [event] = events
    assert (event.kind, event.text) == ("letter", "A")
    assert event.since == pytest.approx(1, abs=1 / 30)
    assert event.timestamp == pytest.approx(1 + 0.35, abs=2 / 30)


def test_a_letter_held_too_short_is_not_written():
    assert spell(("nothing", 1), ("A", 0.3), ("nothing", 1))[0].text == ""
    assert spell(("nothing", 1), ("A", 0.4), ("nothing", 1))[0].text == "A"


def test_the_less_sure_the_longer():
    # Evidence is gathered at probability - 0.2, and 0.35 x 0.8 is needed.
    for share, seconds in ((1.0, 0.35), (0.76, 0.5), (0.6, 0.7)):
        _, [event] = spell(("A", 2, share))
        assert event.timestamp == pytest.approx(seconds, abs=1 / 30)


def test_two_short_holds_do_not_add_up():
    assert spell(("A", 0.25), ("nothing", 0.3), ("A", 0.25), ("nothing", 0.3), ("A", 0.25), ("nothing", 1))[0].text == ""


def test_progress_runs_from_0_to_1_while_a_letter_is_held():
    speller = Speller(SpellerOptions(hold=0.4))
    progress = []
    for frame in range(6):
        speller.update(frame / 10, sure_of("A"))
        progress.append(speller.progress)
    assert progress == pytest.approx([0, 0.25, 0.5, 0.75, 0, 0])
    speller.update(0.6, sure_of("nothing"))
    assert speller.progress == 0


SCRIPT = [
    ("nothing", 0.5), ("H", 0.8, 0.8), ("I", 0.9), ("nothing", 2.0), ("B", 0.6), ("O", 0.9), ("nothing", 0.5), ("O", 0.6, 0.9),
    ("K", 0.7), ("Q", 0.2), ("S", 0.9), ("del", 0.7), ("nothing", 0.3), ("I", 0.4), ("J", 0.5), ("space", 0.6), ("Z", 0.6),
]  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_a_text_is_the_same_at_any_rate(rate):
    speller, events = spell(*SCRIPT, rate=rate)
    assert [event.text for event in events] == ["H", "I", "HI", "B", "O", "O", "K", "S", "S", "J", "BOOKJ", "Z"]
    assert speller.text == "HI BOOKJ Z"
    _, finest = spell(*SCRIPT, rate=240)
    assert [(event.kind, event.text) for event in events] == [(event.kind, event.text) for event in finest]
    for event, fine in zip(events, finest, strict=True):
        assert abs(event.timestamp - fine.timestamp) <= 1.5 / rate
        assert abs(event.since - fine.since) <= 2 / rate


def noisy(time, tracks):
    """Probabilities of a hand that holds a letter for 0.8 s and is on its way to the next for 0.2 s, never quite sure."""
    step, share = divmod(time, 1)
    before, after = (sure_of(tracks[min(int(step) + ahead, len(tracks) - 1)], 0.75) for ahead in (0, 1))
    moved = np.clip((share - 0.8) / 0.2, 0, 1)
    return (1 - moved) * before + moved * after


@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.45])
def test_uneven_times_change_no_letter(jitter):
    """The same signal at 15, 30 and 60 frames/s, every frame up to `jitter` of a frame too early or too late."""
    random = np.random.default_rng(0)
    letters = ["nothing", *"FINGERSPELIRG", "nothing"]
    expected = None
    for rate in (240, *RATES, *RATES):
        speller, events = Speller(), []
        for frame in range(len(letters) * rate):
            time = (frame + random.uniform(-jitter, jitter)) / rate
            if event := speller.update(time, noisy(max(time, 0), letters)):
                events.append(event)
        assert speller.text == "FINGERSPELIRG"
        times = np.array([event.timestamp for event in events])
        if expected is None:
            expected = times
        assert np.abs(times - expected).max() <= 2 / rate + 1 / 240


def test_a_letter_repeats_only_after_release():
    assert spell(("A", 10))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.2), ("A", 1))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.5), ("A", 1))[0].text == "AA"
    assert spell(("A", 1), ("E", 0.6), ("A", 1))[0].text == "AEA"


@pytest.mark.parametrize("interval", [0.21, 0.3, 1.0])
def test_a_held_letter_is_not_repeated_by_slow_frames(interval):
    speller = Speller()
    for frame in range(20):
        speller.update(frame * interval, sure_of("A"))
    assert speller.text == "A"


def test_a_gap_in_the_stream_neither_releases_nor_writes():
    speller = Speller()
    for time in [*np.arange(0, 1, 1 / 30), *np.arange(11, 12, 1 / 30)]:
        speller.update(time, sure_of("A"))
    assert speller.text == "A"
    speller.update(22, sure_of("B"))
    assert speller.text == "A"
    speller.update(22.01, sure_of("B"))
    assert speller.text == "A"


def test_from_one_letter_straight_to_the_next():
    speller, events = spell(("A", 1), ("B", 1))
    assert speller.text == "AB"
    assert events[1].timestamp == pytest.approx(1 + 0.37, abs=2 / 30)


def test_one_wrong_frame_breaks_no_hold():
    frame = 1 / 30
    speller, events = spell(("A", 0.2), ("S", frame), ("A", 0.1), ("nothing", frame), ("A", 1))
    assert speller.text == "A"
    assert events[0].timestamp < 0.6


@pytest.mark.parametrize("rate", RATES)
def test_letters_that_a_hand_passes_through_are_not_written(rate):
    passing = [("S", 0.15), ("M", 0.1), ("E", 0.2, 0.8)]
    assert (
        spell(("nothing", 0.5), *passing, ("A", 0.7), *passing, ("nothing", 0.5), *passing, ("B", 0.7), rate=rate)[0].text
        == "AB"
    )


def test_a_letter_read_one_frame_in_three_is_not_written():
    frame = 1 / 30
    assert spell(("nothing", 1), *[("A", frame), ("S", frame), ("E", frame)] * 45)[0].text == ""


def test_thresholds():
    assert spell(("A", 2, 0.45))[0].text == ""  # never at `enter`
    assert spell(("A", 0.2, 0.9), ("A", 0.3, 0.45), ("A", 0.2, 0.9))[0].text == "A"  # between: kept
    assert spell(("A", 0.2, 0.9), ("E", 0.3, 0.9), ("A", 0.2, 0.9))[0].text == ""  # below `leave`: begins again
    assert spell(("A", 1, 0.9), ("A", 1, 0.3), ("A", 1, 0.9))[0].text == "A"  # never released
    assert spell(("A", 1, 0.9), ("A", 1, 0.1), ("A", 1, 0.9))[0].text == "AA"


def test_a_held_letter_that_comes_to_look_like_another_stays_one_letter():
    """As long as the first is still somewhat likely, the hand has not moved on."""
    undecided = 0.3 * sure_of("D") + 0.7 * sure_of("Z")
    speller = Speller()
    for frame in range(90):
        speller.update(frame / 30, sure_of("D") if frame < 40 else undecided)
    assert speller.text == "D"


@pytest.mark.parametrize(("shape", "motion"), [("I", "J"), ("Y", "J"), ("D", "Z"), ("X", "Z")])
@pytest.mark.parametrize("rate", RATES)
def test_a_motion_letter_is_not_announced_by_the_shape_it_begins_with(shape, motion, rate):
    for still in (0.1, 0.3, 0.45):
        speller, events = spell(("nothing", 0.5), (shape, still), ("S", 0.07), (motion, 0.5), ("nothing", 0.3), rate=rate)
        assert speller.text == motion and len(events) == 1


@pytest.mark.parametrize("shape", "IYDX")
def test_the_shapes_that_begin_motions_are_letters_too(shape):
    _, [event] = spell((shape, 1))
    assert event.text == shape
    assert event.timestamp == pytest.approx(0.35 + 0.2, abs=1 / 30)


def test_a_lowered_hand_draws_no_motion_letter():
    assert spell(("I", 0.8), ("J", 0.5), ("nothing", 1))[0].text == "I"
    assert spell(("D", 0.8), ("Z", 0.5), ("nothing", 1))[0].text == "D"
    assert spell(("I", 0.8), ("nothing", 0.5), ("J", 0.5), ("nothing", 1))[0].text == "IJ"
    assert spell(("K", 0.8), ("J", 0.5), ("nothing", 1))[0].text == "KJ"


def test_space_and_del_are_written_once_per_hold():
    assert spell(("A", 1), ("space", 2), ("B", 1))[0].text == "A B"
    speller, events = spell(("A", 1), ("B", 1), ("del", 2))
    assert speller.text == "A"
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("letter", "B"), ("deleted", "B")]
    assert spell(("A", 1), ("B", 1), ("del", 1), ("nothing", 0.5), ("del", 1))[0].text == ""
    speller, events = spell(("del", 1), ("A", 1))
    assert speller.text == "A" and len(events) == 1


def test_a_pause_ends_a_word_with_one_space():
    speller, events = spell(("nothing", 3), ("A", 1), ("nothing", 5), ("B", 1))
    assert speller.text == "A B"
    assert [(event.kind, event.text) for event in events] == [("letter", "A"), ("word", "A"), ("letter", "B")]
    assert events[1].timestamp - events[1].since == pytest.approx(1.5, abs=1 / 30)
    assert spell(("A", 1), ("nothing", 1.3), ("B", 1))[0].text == "AB"
    assert spell(("A", 1), ("space", 1), ("nothing", 3), ("space", 1), ("B", 1))[0].text == "A B"
    assert spell(("space", 1), ("A", 1))[0].text == "A"


def test_a_resting_hand_ends_a_word_too():
    assert spell(("A", 1), ("nothing", 3, 0.7), ("B", 1))[0].text == "A B"


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
    assert all(letter.sum() == pytest.approx(1) for letter in speller.evidence)
    assert speller.evidence[0].max() == pytest.approx(0.9) and speller.evidence[1].max() == pytest.approx(0.6, abs=0.05)

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


def test_evidence_is_the_mean_over_the_hold():
    """0.2 s of A or S, then A: S is in the evidence, in its share of the time; the frames before are not."""
    speller = Speller()
    for frame in range(60):
        time = frame / 60
        speller.update(
            time, sure_of("E") if time < 0.3 else 0.5 * sure_of("A") + 0.5 * sure_of("S") if time < 0.5 else sure_of("A")
        )
    [evidence] = speller.evidence
    assert evidence[LABEL_IDS["E"]] < 0.05
    assert 0.1 < evidence[LABEL_IDS["S"]] < 0.3


def test_a_word_is_replaced():
    speller = Speller()
    for label in ["H", "I", "space", "T", "E", "H"]:
        speller.write(label)
    speller.replace_word("THE")
    assert speller.text == "HI THE " and speller.word == "THE"
    speller.replace_word("THEY")  # it just ended and can still be changed
    assert speller.text == "HI THEY "
    speller.write("A")
    assert speller.text == "HI THEY A"


def test_write_and_clear():
    speller = Speller()
    for label in LABELS:
        speller.write(label)
    assert speller.text == "ABCDEFGHIJKLMNOPQRSTUVWXY "  # Z deleted
    speller.clear()
    assert speller.text == ""


def test_clearing_does_not_write_what_is_still_held():
    speller = Speller()
    for frame in range(90):
        if frame == 30:
            speller.clear()
        speller.update(frame / 30, sure_of("A"))
    assert speller.text == ""


def test_options():
    assert spell(("A", 0.15), ("nothing", 1), options=SpellerOptions(hold=0.1))[0].text == "A"
    assert spell(("A", 0.9), options=SpellerOptions(hold=1.0))[0].text == ""
    assert spell(("A", 3, 0.45), options=SpellerOptions(enter=0.4))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.5), ("A", 1), options=SpellerOptions(release=1.0))[0].text == "A"
    assert spell(("A", 1), ("nothing", 1), ("B", 1), options=SpellerOptions(pause=0.5))[0].text == "A B"


def test_the_probabilities_given_are_not_changed():
    probabilities = sure_of("A")
    speller = Speller()
    for time in (0.0, 0.5, 1.0):
        speller.update(time, probabilities)
    np.testing.assert_array_equal(probabilities, sure_of("A"))
