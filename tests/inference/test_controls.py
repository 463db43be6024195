import sys

import numpy as np
import pytest

from inference import teaching
from inference.controls import NOTICE, Controls
from sign2sound import Hand, Recognizer, SpellerEvent, UserError, adapting
from sign2sound.exported import RELEASED, OnnxModel
from sign2sound.live import Live
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import place_hand
from sign2sound.words import Dictionary

PROTOTYPES = load_prototypes()


class Reader(Recognizer):
    """A recognizer whose frames are hands already."""

    def read(self, frame, timestamp):
        return self.update(frame, timestamp)


class Speaker:
    def __init__(self):
        self.said, self.muted = [], False

    def say(self, text, timestamp=None):
        self.said.append(text)


@pytest.fixture(scope="module")
def released(root):
    return Recognizer.load(root / "checkpoints" / "best_model.pth", device="cpu").model


@pytest.fixture
def desk(released, tmp_path, monkeypatch):
    """Controls of a window, with the user's profile in an empty folder."""
    monkeypatch.setattr(teaching, "user_profile", lambda: tmp_path / "profile.npz")
    for name, value in {"_STEPS": 3, "_OWN": 8, "_OTHERS": 8}.items():
        monkeypatch.setattr(adapting, name, value)
    return Controls(Live(Reader(released), Dictionary([("CULL", 3), ("CULM", 1)])), Speaker())


class Signer:
    """Shows letters to the controls, at 30 frames/s."""

    def __init__(self, desk: Controls):
        self.desk, self.time = desk, 0.0

    def show(self, letter: str | None, seconds: float = 1.0) -> None:
        hand = letter and Hand(place_hand(PROTOTYPES[letter][0]))
        for _ in range(round(seconds * 30)):
            self.stages = self.desk.frame(hand, self.time)
            self.time += 1 / 30

    def spell(self, letters: str) -> None:
        for letter in letters:
            self.show(letter)
            self.show(None, 0.4)


def press(desk: Controls, *names: str) -> list:
    return [desk.key(name) for name in names]


def said(desk: Controls) -> list[str]:
    return desk._speaker.said


def test_letters_and_words_are_written_and_spoken(desk, capsys):
    signer = Signer(desk)
    signer.spell("CUL")
    view = desk.view(25.0, 0.03)
    assert (view.text, view.word, view.suggestions) == ("CUL", "CUL", ("CULL", "CULM"))
    assert set(signer.stages) == {"landmarks", "features+model", "text"}
    assert press(desk, "2") == [None] and desk.live.text == "CULM "
    signer.spell("C")
    press(desk, " ", " ")
    assert said(desk) == ["C", "U", "L", "CULM", "C", "C"]
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == list("CULC")


def test_a_corrected_letter_is_printed_and_spoken(desk, monkeypatch, capsys):
    events = iter([SpellerEvent("letter", "I", 0.0, 0.0), SpellerEvent("corrected", "J", 0.03, 0.0)])
    monkeypatch.setattr(desk.live._speller, "update", lambda *_: next(events))
    Signer(desk).show("I", 2 / 30)
    assert said(desk) == ["I", "J"]
    assert [line.split()[-2:] for line in capsys.readouterr().out.splitlines()] == [["letter", "I"], ["corrected", "J"]]


def test_a_pause_ends_a_word_and_speaks_it(desk):
    signer = Signer(desk)
    signer.spell("CU")
    signer.show(None, 3.0)
    assert said(desk) == ["C", "U", "CU"] and desk.live.text == "CU "


def test_keys_edit_quit_save_and_show_help(desk):
    Signer(desk).spell("CU")
    assert press(desk, "backspace", "x", "4", "h", "s") == [None, None, None, None, "save"]
    assert desk.live.text == "C" and desk.view(0, 0).help
    assert press(desk, "h", "c") == [None, None]
    assert desk.live.text == "" and not desk.view(0, 0).help
    for key in ("q", "escape", "closed"):
        assert desk.key(key) == "quit"


def test_mute_and_notices_that_go(desk):
    signer = Signer(desk)
    press(desk, "m")
    assert desk._speaker.muted and desk.view(0, 0).notice == "Sound off"
    signer.show(None, NOTICE + 0.1)
    assert desk.view(0, 0).notice == ""


def test_letters_to_teach_are_typed_and_the_keys_mean_letters_meanwhile(desk):
    signer = Signer(desk)
    press(desk, "t", "q", "s", "j", "q", "x", "backspace")
    assert "Letters to teach: QS " in desk.view(0, 0).notice
    press(desk, "enter")
    signer.show(None, 0.1)
    assert (desk.view(0, 0).lesson.letter, desk.view(0, 0).lesson.total) == ("Q", 2)
    assert press(desk, "escape") == [None]
    assert desk.view(0, 0).lesson is None and desk.view(0, 0).notice == "Nothing taught"
    press(desk, "t")
    assert "Letters to teach: all" in desk.view(0, 0).notice
    assert press(desk, "escape", "escape") == [None, "quit"]


def test_a_lesson_is_learnt_used_and_kept_while_frames_are_read(desk, released, tmp_path, capsys):
    desk.teach("b")
    signer = Signer(desk)
    before = desk.live.recognizer.predict(place_hand(PROTOTYPES["B"][0])[None])
    signer.show("B", teaching.COUNTDOWN + 1)
    view = desk.view(0, 0)
    assert (view.lesson.phase, view.text, said(desk)) == ("recording", "", [])
    assert set(signer.stages) == {"landmarks", "features+model"}
    signer.show("B", teaching.RECORDING)
    desk.finish()
    signer.show("B", 1.0)
    assert desk.view(0, 0).lesson is None and desk.live.text == "B"
    assert np.abs(desk.live.recognizer.predict(place_hand(PROTOTYPES["B"][0])[None]) - before).max() > 1e-4
    assert "countdown  B" in capsys.readouterr().out
    other = Recognizer(released)
    assert teaching.adopt_user_profile(other) == f"reading with your profile {tmp_path / 'profile.npz'}"


def test_a_second_lesson_adds_to_the_first(desk, monkeypatch):
    taught = []
    adapting = teaching.Adapting
    monkeypatch.setattr(teaching, "Adapting", lambda model, samples: taught.append(model) or adapting(model, samples))
    signer = Signer(desk)
    for letter in "AB":
        desk.teach(letter)
        signer.show(letter, teaching.COUNTDOWN + teaching.RECORDING + 0.1)
        desk.finish()
    first, second = taught
    assert first is desk.live.recognizer.model and second is not first and second is not desk.live.recognizer.model_in_use


def test_a_lesson_of_skipped_letters_learns_nothing(desk, tmp_path):
    desk.teach("ab")
    signer = Signer(desk)
    signer.show(None, 0.1)
    press(desk, " ", " ")
    signer.show(None, 0.1)
    assert desk.view(0, 0).notice == "Nothing taught"
    desk.finish()
    assert not (tmp_path / "profile.npz").exists()


def test_a_profile_that_cannot_be_kept_is_used_and_said(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "user_profile", lambda: tmp_path / "file" / "profile.npz")
    (tmp_path / "file").touch()
    desk.teach("a")
    Signer(desk).show("A", teaching.COUNTDOWN + teaching.RECORDING + 0.1)
    desk.finish()
    assert "cannot be written" in desk.view(0, 0).notice


def test_letters_that_cannot_be_taught_are_refused(desk):
    with pytest.raises(UserError, match="cannot teach J"):
        desk.teach("J")


def test_where_nothing_can_be_learnt_the_lesson_says_so_at_its_beginning(desk, monkeypatch):
    desk.live.recognizer.use_model(OnnxModel(RELEASED))
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    press(desk, "t", "enter")
    assert desk.view(0, 0).notice == "learning a hand needs more packages: python -m pip install torch onnx"
    with pytest.raises(UserError, match="needs more packages"):
        desk.teach("A")
    Signer(desk).show("B", 1.0)
    assert desk.live.text == "B"
