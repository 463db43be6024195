import sys
from dataclasses import replace

import numpy as np
import pytest

from inference import exercise, teaching
from inference.controls import BETWEEN, CALM, NOTICE, Controls
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


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Speaker:
    def __init__(self):
        self.said, self.muted = [], False

    def say(self, text, timestamp=None):
        self.said.append(text)


@pytest.fixture(scope="module")
def released(root):
    return Recognizer.load(root / "checkpoints" / "best_model.pth", device="cpu").model


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(released, clock, tmp_path, monkeypatch):
    """Controls of a window, with the user's profile in an empty folder."""
    monkeypatch.setattr(teaching, "user_profile", lambda: tmp_path / "profile.npz")
    for name, value in {"_STEPS": 3, "_OWN": 8, "_OTHERS": 8}.items():
        monkeypatch.setattr(adapting, name, value)
    controls = Controls(Live(Reader(released), Dictionary([("CULL", 3), ("CULM", 1)])), Speaker(), clock=clock)
    controls.begin("camera 0", live=True)
    return controls


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


def todo(desk: Controls) -> str:
    desk._todo_until = 0  # as after CALM seconds
    return desk.view(25.0, 0.03).todo


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
    assert press(desk, "backspace", "x", "3", "h", "s", "n") == [None, None, None, None, "save", "next camera"]
    assert desk.live.text == "C" and desk.view(0, 0).help
    assert press(desk, "h", "c") == [None, None]
    assert desk.live.text == "" and not desk.view(0, 0).help
    for key in ("q", "closed"):
        assert desk.key(key) == "quit"


def test_escape_closes_one_thing_after_another_and_then_asks(desk):
    signer = Signer(desk)
    signer.show(None, 0.1)
    press(desk, "f", "t", "a", "enter")
    signer.show(None, 0.1)
    press(desk, "h", "p")
    assert desk.view(0, 0).help
    press(desk, "escape")
    assert not desk.view(0, 0).help and desk.view(0, 0).notice.startswith("Word to practise")
    press(desk, "escape")
    assert desk.view(0, 0).lesson and desk.view(0, 0).notice == ""
    press(desk, "escape")
    assert not desk.view(0, 0).lesson and desk.full_screen
    press(desk, "p", "enter")
    assert desk.view(0, 0).exercise
    press(desk, "escape")
    assert not desk.view(0, 0).exercise and desk.full_screen
    press(desk, "escape")
    assert not desk.full_screen and not desk.view(0, 0).notice.startswith("Quit?")
    assert press(desk, "escape") == [None]
    assert desk.view(0, 0).notice.startswith("Quit?")
    assert press(desk, "c") == [None]  # no, and nothing else
    assert not desk.view(0, 0).notice.startswith("Quit?")
    for answer in ("enter", "escape", "q"):
        assert press(desk, "escape", answer) == [None, "quit"]


def test_another_key_than_yes_does_not_quit_and_does_nothing(desk):
    Signer(desk).spell("CU")
    press(desk, "escape", "c")
    assert desk.live.text == "CU"


def test_full_screen_is_a_key(desk):
    press(desk, "f")
    assert desk.full_screen
    press(desk, "f")
    assert not desk.full_screen


def test_another_reading_of_the_last_letter_is_taken_and_spoken(desk):
    Signer(desk).spell("CU")
    second, third = desk.view(0, 0).readings
    press(desk, "5")
    assert desk.live.text == f"C{third}" and said(desk) == ["C", "U", third]
    press(desk, "4")
    assert desk.live.text == f"C{third}"


def test_letters_are_typed_while_the_hand_is_not_spelled(desk):
    signer = Signer(desk)
    signer.spell("C")
    press(desk, "e", *"uqm7", "backspace", "backspace", "l")
    signer.show("B", 1.0)
    assert desk.live.text == "CUL" and desk.view(0, 0).notice.startswith("Typing")
    assert press(desk, "1") == [None] and desk.live.text == "CULL "
    assert press(desk, "a", " ", "enter", "x") == [None] * 4
    assert desk.live.text == "CULL A " and said(desk) == ["C", "CULL", "A"]
    signer.spell("B")
    assert desk.live.text == "CULL A B"


def test_sound_is_said_at_all_times(desk, released):
    assert desk.reading is None
    Signer(desk).show(None, 0.1)
    assert desk.view(0, 0).sound == "sound on"
    press(desk, "m")
    assert desk._speaker.muted and desk.view(0, 0).notice == "Sound off" and desk.view(0, 0).sound == "sound off"
    press(desk, "m")
    assert desk.view(0, 0).sound == "sound on"
    silent = Controls(Live(Reader(released)))
    Signer(silent).show(None, 0.1)
    press(silent, "m")
    assert silent.view(0, 0).sound == "no sound" and "--no-speech" in silent.view(0, 0).notice


def test_notices_go_by_the_clock_also_when_no_frames_come(desk, clock):
    Signer(desk).show(None, 0.1)
    desk.end()
    desk.tell("Saved")
    clock.now += NOTICE - 0.1
    assert desk.view(0, 0).notice == "Saved"
    clock.now += 0.2
    assert desk.view(0, 0).notice == ""


def test_a_line_says_what_to_do_now(desk):
    signer = Signer(desk)
    signer.show(None, 0.1)
    assert todo(desk) == "Show one hand to the camera"
    signer.show("C", 0.03)
    assert todo(desk) == "Spell letter by letter"
    signer.show("C")
    assert todo(desk) == "Lower your hand to end the word"
    press(desk, "h")
    assert todo(desk) == "h or Esc closes the keys"
    press(desk, "h")
    desk.begin("/videos/a.mp4", live=False)
    assert todo(desk) == "Reading a.mp4; h shows the keys"
    desk.teach("B")
    signer.show("B", 0.1)
    assert todo(desk) == "Get ready to sign B as shown"
    signer.show(None, teaching.COUNTDOWN)
    assert todo(desk) == "Show your hand to the camera"


def test_the_line_stays_long_enough_to_be_read_but_follows_keys_at_once(desk, clock):
    signer = Signer(desk)
    signer.show(None, 0.1)
    assert desk.view(0, 0).todo == "Show one hand to the camera"
    signer.show("C", 0.03)
    assert desk.view(0, 0).todo == "Show one hand to the camera"
    clock.now += CALM
    assert desk.view(0, 0).todo == "Spell letter by letter"
    press(desk, "h")
    assert desk.view(0, 0).todo == "h or Esc closes the keys"


def test_the_end_of_a_file_is_said_and_the_text_can_still_be_mended(desk):
    desk.begin("a.mp4", live=False)
    Signer(desk).spell("CU")
    assert desk.view(25.0, 0.03).frames_per_second == 25.0
    desk.end()
    view = desk.view(25.0, 0.03)
    assert todo(desk).startswith("This is the end of a.mp4.") and (view.frames_per_second, view.latency) == (0, 0)
    press(desk, "e", "l", "escape", "1")
    assert desk.live.text == "CULL " and not desk.needs_camera


def test_who_wants_to_learn_at_the_end_of_a_file_needs_a_camera_or_is_told(desk):
    signer = Signer(desk)
    signer.spell("C")
    for keys in ("t", "p"):
        desk.begin("a.mp4", live=False)
        press(desk, keys)
        assert not desk.needs_camera
        desk.end()
        assert desk.needs_camera
        desk.no_camera("no camera opens")
        assert desk.view(0, 0).notice == "no camera opens" and not desk.needs_camera
    desk.begin("a.mp4", live=False)
    desk.teach("B")
    desk.end()
    assert desk.needs_camera
    desk.begin("camera 1", live=True)  # one was opened
    assert not desk.needs_camera
    signer.time = 0.0
    signer.show("B", 0.1)
    assert desk.view(0, 0).lesson.letter == "B"


def test_no_other_camera_disturbs_nothing(desk):
    desk.teach("B")
    Signer(desk).show("B", 0.1)
    desk.no_camera("no other camera opens")
    assert desk.view(0, 0).lesson and desk.view(0, 0).notice == "no other camera opens"


def test_text_and_time_go_on_from_one_source_into_the_next(desk):
    signer = Signer(desk)
    signer.spell("CU")
    before = desk.now
    desk.begin("camera 1", live=True)
    signer.time = 0.0
    signer.show("L", 0.5)
    assert desk.live.text == "CUL" and desk.now == pytest.approx(before + BETWEEN + 14 / 30)


def test_a_word_is_practised_at_a_speed(desk):
    signer = Signer(desk)
    signer.show(None, 0.1)
    press(desk, "p", "b", "7", "l", "x", "backspace")
    assert desk.view(0, 0).notice.startswith("Word to practise: BL ")
    press(desk, "enter")
    practised = desk.view(0, 0).exercise
    assert (practised.state.word, practised.speed) == ("BL", 0.8)
    signer.show(None, 0.1)
    assert todo(desk) == "Sign B: show your hand to the camera"
    signer.show("L", 0.05)
    assert todo(desk).startswith("Sign B: I see ")
    signer.show("B", 1.0)
    assert practised.state.done == 1 and todo(desk).startswith("Sign L")
    press(desk, "+", "=")
    assert practised.speed == 1.5
    press(desk, "-", " ")
    assert practised.speed == 1.0 and practised.state.done == 2
    assert todo(desk) == "BL is done. Enter: another word, Esc: back to spelling"
    press(desk, "enter")
    assert practised.state.word in exercise.WORDS and practised.state.done == 0
    press(desk, "escape", "p", "a", "enter")
    assert desk.view(0, 0).exercise.speed == 1.0  # it stays
    assert desk.live.text == "" and said(desk) == []


def test_the_signer_spells_what_is_left_of_the_word(desk, monkeypatch):
    asked = []
    spell = exercise.sign_word
    monkeypatch.setattr(exercise, "sign_word", lambda word, **options: asked.append((word, options)) or spell(word, **options))
    desk.practise("BL")
    signer = Signer(desk)
    first = desk._exercise.signer
    signer.show(None, 0.3)
    assert not np.array_equal(desk._exercise.signer, first)
    press(desk, " ", "+", " ")
    assert [(word, options["speed"]) for word, options in asked] == [("BL", 0.8), ("L", 0.8), ("L", 1.0), ("BL", 1.0)]


def test_teaching_leaves_practice_and_practice_leaves_teaching(desk):
    signer = Signer(desk)
    desk.practise("A")
    signer.show(None, 0.1)
    press(desk, "t", "b", "enter")
    signer.show(None, 0.1)
    assert desk.view(0, 0).lesson and not desk.view(0, 0).exercise
    press(desk, "p", "enter")
    signer.show(None, 0.1)
    assert not desk.view(0, 0).lesson and desk.view(0, 0).exercise


def test_what_is_adapted_is_kept_at_the_end_of_a_file_too(desk, tmp_path):
    desk.teach("B")
    Signer(desk).show("B", teaching.COUNTDOWN + teaching.RECORDING + 0.1)
    desk.end()
    desk._teaching._adapting._thread.join()
    desk.wait()
    assert (tmp_path / "profile.npz").exists() and "with its profile" in desk.view(0, 0).notice


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
    assert press(desk, "escape") == [None] and "Letters" not in desk.view(0, 0).notice


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
    assert desk.view(0, 0).notice == "adapting to a hand needs more packages: python -m pip install torch onnx"
    with pytest.raises(UserError, match="needs more packages"):
        desk.teach("A")
    Signer(desk).show("B", 1.0)
    assert desk.live.text == "B"


def test_what_a_reading_has_to_say_is_told(desk, monkeypatch, capsys):
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *frame: replace(read(self, *frame), notice="no colour"))
    desk.frame(None, 0.0)
    assert desk.view(30, 0).notice == "no colour" and capsys.readouterr().err == "no colour\n"
    desk.teach("A")
    desk.frame(None, 0.1)
    assert capsys.readouterr().err == "no colour\n"
