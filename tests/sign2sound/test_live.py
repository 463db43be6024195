import cv2
import numpy as np
import pytest

from sign2sound import Hand, Recognizer
from sign2sound.live import Live
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import place_hand
from sign2sound.words import Dictionary


@pytest.fixture(scope="module")
def recognizer(root):
    return Recognizer.load(root / "checkpoints" / "best_model.pth", device="cpu")


@pytest.fixture
def live(recognizer) -> Live:
    return Live(recognizer, Dictionary([("CULL", 3), ("CULM", 1), ("BULL", 2), ("OTHER", 9)]))


def sign(live: Live, letters: str, start: float = 0.0):
    """Holds each letter of the released model's prototypes for a second, with a moment without a hand after it."""
    steps = []
    for index, letter in enumerate(letters):
        landmarks = place_hand(load_prototypes()[letter][0])
        for frame in range(40):
            time = start + 1.4 * index + frame / 30
            steps.append(live.update(Hand(landmarks) if frame < 30 else None, time))
    return steps


def test_signs_become_text_word_and_suggestions(live):
    steps = sign(live, "CUL")
    assert [(step.event.kind, step.event.text) for step in steps if step.event] == [("letter", letter) for letter in "CUL"]
    last = steps[-1]
    assert (last.text, last.word, last.suggestions[:2]) == ("CUL", "CUL", ("CULL", "CULM"))
    assert (live.text, live.word, live.suggestions) == (last.text, last.word, last.suggestions)
    assert set(last.seconds) == {"landmarks", "features+model", "text"} and all(
        seconds >= 0 for seconds in last.seconds.values()
    )


def test_a_suggestion_taken_stands_in_the_words_place(live):
    sign(live, "CUL")
    assert not live.take(3) and not live.take(-1) and live.text == "CUL"
    assert live.take(1)
    assert (live.text, live.suggestions) == ("CULM ", ())
    assert not live.take(0)
    sign(live, "C", start=10.0)
    assert live.text == "CULM C"


def test_the_last_letter_is_corrected_by_another_reading_or_a_typed_letter(live):
    assert live.readings == () and not live.correct("A")
    sign(live, "CUL")
    second, third = live.readings
    assert len({second, third, "L"}) == 3
    assert live.correct(second)
    assert live.text == f"CU{second}" and live.readings == ()  # what was chosen is sure
    live.write("space")
    assert live.correct("L")
    assert (live.text, live.word, live.suggestions[0]) == ("CUL ", "CUL", "CULL")


def test_keys_change_the_suggestions_too(live):
    for label in "BUL":
        live.write(label)
    assert live.suggestions[0] == "BULL"
    live.write("del")
    live.write("space")
    assert live.text == "BU "
    live.clear()
    assert (live.text, live.word, live.suggestions) == ("", "", ())


def test_suggestions_are_looked_up_only_when_the_text_changes(live, monkeypatch):
    asked = []
    monkeypatch.setattr(live, "dictionary", type("Counting", (), {"suggest": lambda self, *given: asked.append(given) or []})())
    steps = sign(live, "CUL")
    assert len(asked) == sum(step.event is not None for step in steps) == 3


def test_reset_begins_anew(live):
    first = sign(live, "CU", start=100.0)
    live.reset()
    assert live.text == ""
    again = sign(live, "CU")
    assert again[-1].text == first[-1].text == "CU"


def test_no_dictionary_no_suggestions(recognizer):
    assert sign(Live(recognizer), "C")[-1].suggestions == ()


def test_frames_are_read_as_hands_are(recognizer, shared_data):
    picture = cv2.imread(str(shared_data / "images" / "rooms" / "train" / "L" / "L0.jpg"))[..., ::-1]
    live = Live(recognizer)
    with recognizer:
        steps = [live.step(picture, frame / 30) for frame in range(30)]
    assert steps[-1].text == "L" and steps[-1].reading.hand is not None
    assert np.mean([step.seconds["landmarks"] for step in steps]) > 0


def test_a_command_of_many_letters_is_suggested_for_once(recognizer):
    asked = []

    class Words:
        def suggest(self, evidence, count):
            asked.append(len(evidence))
            return []

    Live(recognizer, Words()).write(*"ABC")
    assert asked == [3]
