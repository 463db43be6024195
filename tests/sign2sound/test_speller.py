import numpy as np
import pytest

from sign2sound.labels import LABEL_IDS, LABELS
from sign2sound.speller import Speller, SpellerEvent, SpellerOptions

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
    speller, events = spell(("A", 3))
    assert speller.text == "A"
    assert events == [SpellerEvent("letter", "A", pytest.approx(0.4, abs=1 / 30), 0)]


def test_a_letter_held_too_short_is_not_written():
    assert spell(("nothing", 1), ("A", 0.35), ("nothing", 1))[0].text == ""
    assert spell(("nothing", 1), ("A", 0.45), ("nothing", 1))[0].text == "A"


def test_progress_runs_from_0_to_1_while_a_letter_is_held():
    speller = Speller(SpellerOptions(hold=0.4))
    progress = []
    for frame in range(6):
        speller.update(frame / 10, sure_of("A"))
        progress.append(speller.progress)
    assert progress == pytest.approx([0, 0.25, 0.5, 0.75, 0, 0])
    speller.update(0.6, sure_of("nothing"))
    assert speller.progress == 0


@pytest.mark.parametrize("rate", RATES)
def test_a_word_is_the_same_at_any_rate(rate):
    script = [
        ("nothing", 0.5), ("H", 0.8), ("I", 0.7), ("space", 0.8), ("nothing", 0.5), ("B", 0.6), ("O", 0.9), ("nothing", 0.4),
        ("O", 0.6), ("K", 0.7), ("Z", 0.2), ("S", 0.9), ("del", 0.7), ("nothing", 0.3),
    ]  # fmt: skip
    speller, events = spell(*script, rate=rate)
    assert "".join(event.text for event in events if event.kind == "letter") == "HIBOOKS"
    assert speller.text == "HI BOOK"
    _, finest = spell(*script, rate=240)
    assert [event.text for event in events] == [event.text for event in finest]
    for event, fine in zip(events, finest, strict=True):
        assert abs(event.timestamp - fine.timestamp) <= 1 / rate + 1 / 240


def test_irregular_times_change_nothing_but_by_a_frame():
    random = np.random.default_rng(0)
    for _ in range(20):
        speller, time, events = Speller(), 0.0, []
        while time < 4:
            label = "L" if time < 1 else "nothing" if time < 1.5 else "L" if time < 2.5 else "A"
            if event := speller.update(time, sure_of(label)):
                events.append(event)
            time += random.uniform(0.005, 0.09)
        assert speller.text == "LLA"
        # Hold 0.4 s, and the running mean (0.08 s) needs 0.07 s up to `enter`, after some 0.09 s of frame.
        delays = np.array([event.timestamp for event in events]) - [0.4, 1.97, 2.97]
        assert np.abs(delays).max() < 0.12


def test_a_letter_repeats_only_after_release():
    assert spell(("A", 5))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.15), ("A", 1))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.5), ("A", 1))[0].text == "AA"
    assert spell(("A", 1), ("E", 0.5), ("A", 1))[0].text == "AEA"


@pytest.mark.parametrize("interval", [0.21, 0.3, 1.0])
def test_a_held_letter_is_not_repeated_by_slow_frames(interval):
    speller = Speller()
    for frame in range(20):
        speller.update(frame * interval, sure_of("A"))
    assert speller.text == "A"


def test_a_pause_of_the_stream_is_no_release():
    speller = Speller()
    for time in [*np.arange(0, 1, 1 / 30), *np.arange(1.5, 3, 1 / 30)]:
        speller.update(time, sure_of("A"))
    assert speller.text == "A"


def test_from_one_letter_straight_to_the_next():
    speller, events = spell(("A", 1), ("B", 1))
    assert speller.text == "AB"
    assert events[1].timestamp == pytest.approx(1 + 0.07 + 0.4, abs=2 / 30)


def test_one_wrong_frame_breaks_no_hold():
    frame = 1 / 30
    speller, events = spell(("A", 0.2), ("S", frame), ("A", 0.1), ("nothing", frame), ("A", 1))
    assert speller.text == "A"
    assert events[0].timestamp == pytest.approx(0.4, abs=frame)


def test_a_letter_that_comes_and_goes_frame_by_frame_is_not_written():
    frame = 1 / 30
    assert spell(("nothing", 1), *[("A", frame), ("S", frame)] * 45)[0].text == ""


def test_hysteresis():
    assert spell(("A", 2, 0.55))[0].text == ""  # below enter: never taken up
    assert spell(("A", 0.2, 0.9), ("A", 1, 0.45))[0].text == "A"  # between: kept
    assert spell(("A", 0.2, 0.9), ("A", 1, 0.35))[0].text == ""  # below leave: let go
    assert spell(("A", 1, 0.9), ("A", 1, 0.45), ("A", 1, 0.9))[0].text == "A"  # never released
    assert spell(("A", 1, 0.9), ("A", 1, 0.3), ("A", 1, 0.9))[0].text == "AA"


def test_space_and_del_are_written_once_per_hold():
    assert spell(("A", 1), ("space", 2), ("B", 1))[0].text == "A B"
    speller, events = spell(("A", 1), ("B", 1), ("del", 2))
    assert speller.text == "A"
    assert [event.text for event in events] == ["A", "B", "B"]
    assert spell(("A", 1), ("B", 1), ("del", 1), ("nothing", 0.5), ("del", 1))[0].text == ""
    assert spell(("del", 1), ("A", 1))[0].text == "A"


def test_nothing_is_never_written():
    speller, events = spell(("nothing", 10))
    assert speller.text == "" and events == []


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
    assert spell(("A", 2, 0.55), options=SpellerOptions(enter=0.5))[0].text == "A"
    assert spell(("A", 1), ("nothing", 0.5), ("A", 1), options=SpellerOptions(release=1.0))[0].text == "A"


def test_the_probabilities_given_are_not_changed():
    probabilities = sure_of("A")
    speller = Speller()
    for time in (0.0, 0.5, 1.0):
        speller.update(time, probabilities)
    np.testing.assert_array_equal(probabilities, sure_of("A"))
