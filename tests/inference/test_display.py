import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inference import display
from inference.display import View, annotate, has_display, key_name
from inference.practice import DrillState
from inference.teaching import TeachingState
from sign2sound import Hand, Reading
from sign2sound.labels import LABELS
from sign2sound.recognizer import Latency

JOINT = [40, 170, 255]  # orange
GREY = np.full((480, 640, 3), 128, np.uint8)


def view(landmarks=None, **shown) -> View:
    return View(reading(landmarks), **shown)


def reading(landmarks=None) -> Reading:
    probabilities = np.full(29, 0.1 / 28, np.float32)
    probabilities[LABELS.index("L")] = 0.9
    return Reading("L", 0.9, probabilities, None if landmarks is None else Hand(landmarks), Latency(0.02, 0.001))


def fan() -> np.ndarray:
    """A hand whose landmarks stand apart: at (100, 250), (105, 254), (110, 258) and so on."""
    steps = np.arange(21, dtype=np.float32)
    return np.stack([100 + 5 * steps, 250 + 4 * steps, 0 * steps], axis=1)


def test_the_skeleton_is_drawn_on_the_mirrored_hand_and_nowhere_else():
    picture = GREY.copy()
    drawn = annotate(picture, view(fan()))
    bare = annotate(picture, view())
    assert np.array_equal(picture, GREY)
    for x, y in ((100, 250), (150, 290), (200, 330)):
        assert drawn[y, 639 - x].tolist() == JOINT
        assert drawn[y, x].tolist() == [128, 128, 128]
    changed = np.argwhere((drawn[200:400] != bare[200:400]).any(axis=2)) + [200, 0]
    assert (changed.min(axis=0) >= [244, 433]).all() and (changed.max(axis=0) <= [336, 545]).all()


def test_a_picture_is_mirrored_and_its_colours_kept():
    picture = GREY.copy()
    picture[300, 10] = (255, 0, 50)
    assert annotate(picture, view())[300, 629].tolist() == [50, 0, 255]


def test_a_small_picture_is_enlarged_with_its_hand():
    drawn = annotate(np.full((96, 160, 3), 128, np.uint8), view(fan() * 0.2 + np.float32([40, 0, 0])))
    assert drawn.shape == (480, 800, 3)
    x, y = (160 - 1 - 60) * 5, 50 * 5  # the first landmark, at (60, 50)
    assert drawn[y, x].tolist() == JOINT


@pytest.mark.parametrize("shape", [(64, 96), (1080, 1920), (1000, 200), (200, 1000)])
def test_panels_take_the_same_share_of_every_picture(shape):
    """The dark panel of the text covers 120 of 480 parts of the shorter side."""
    drawn = annotate(np.full((*shape, 3), 200, np.uint8), view())
    dark = (drawn[:, -3] < 100).all(axis=1)
    height, unit = len(dark), min(drawn.shape[:2]) / 480
    assert dark[height - round(118 * unit) :].all() and not dark[height // 2 : height - round(122 * unit)].any()


def test_the_text_shows_its_end():
    def bottom(text):
        return annotate(GREY, view(text=text))[-60:]

    assert np.array_equal(bottom("A" * 200 + "B"), bottom("A" * 100 + "B"))
    assert not np.array_equal(bottom("A" * 100 + "B"), bottom("A" * 101))
    assert not np.array_equal(bottom(""), bottom("A"))


WHITE, BLACK = (np.full((480, 640, 3), value, np.uint8) for value in (255, 0))
LESSON = TeachingState("recording", "B", 2, 3, 0.5, 1.5)


def lightness(colour) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = np.asarray(colour, float)[::-1] / 255
    return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("picture", [WHITE, BLACK], ids=["white", "black"])
@pytest.mark.parametrize("colour", [(255, 255, 255), (215, 215, 215), (110, 235, 150)])
def test_text_stands_out_from_its_panel_on_every_picture(picture, colour):
    panel = annotate(picture, view())[479, 300]
    assert (lightness(colour) + 0.05) / (lightness(panel) + 0.05) >= 4.5  # WCAG AA


def test_the_hold_the_suggestions_the_word_and_a_notice_are_seen():
    def drawn(**shown):
        return annotate(GREY, view(fan(), **shown)).astype(int)

    def changed(one, other):
        return (one != other).any(axis=2)

    bare = drawn(text="AB")
    half = changed(drawn(text="AB", progress=0.5), bare)
    assert half[66:74, 12:95].all() and not half[:, 96:].any()
    words = changed(drawn(text="AB", suggestions=("ABLE", "ABOUT", "ABC")), bare)
    assert words[390:420].any() and not words[430:].any() and not words[:380].any()
    assert changed(drawn(text="AB", word="B"), bare)[430:, 30:70].any()
    readings = changed(drawn(text="AB", word="AB", readings=("C", "D")), drawn(text="AB", word="AB"))
    assert readings[390:420].any() and not readings[430:].any() and not readings[:380].any()
    for line in ({"notice": "Saved"}, {"todo": "Spell letter by letter"}):
        told = changed(drawn(text="AB", word="AB", **line), drawn(text="AB", word="AB"))
        assert told[362:388].any() and not told[390:].any() and not told[:360].any()
    both = drawn(notice="Saved", todo="Spell letter by letter")
    assert np.array_equal(both, drawn(notice="Saved"))
    assert changed(drawn(text="AB", help=True), bare)[200:300, 200:440].mean() > 0.9


def test_letters_with_accents_are_drawn():
    plain, accented = (annotate(GREY, view(suggestions=(word,))) for word in ("UBER", "ÜBER"))
    missing = annotate(GREY, view(suggestions=("?BER",)))
    assert not np.array_equal(plain, accented) and not np.array_equal(missing, accented)


@pytest.mark.parametrize("shape", [(240, 320), (720, 1280), (1280, 720)])
def test_a_lesson_shows_the_letter_as_the_users_own_hand_would_look(shape):
    picture = np.full((*shape, 3), 128, np.uint8)
    unit = max(min(shape), 480) / 480

    def signer(**shown):
        left, top, side = (round(part * unit) for part in (12, 68, 176))
        return annotate(picture, view(**shown))[top : top + side, left : left + side].astype(int)

    right = signer(lesson=LESSON)
    assert right.std() > 20  # a hand before a room
    left = View(Reading("B", 0.9, reading().probabilities, Hand(fan(), left_handed=True), Latency(0, 0)), lesson=LESSON)
    mirrored = annotate(picture, left)
    top, side = round(68 * unit), round(176 * unit)
    columns = mirrored[top : top + side, round(12 * unit) : round(12 * unit) + side]
    assert np.abs(columns[:, ::-1] - right).mean() < np.abs(columns - right).mean() / 2


def test_the_speed_is_shown_only_while_frames_come_and_sound_off_stands_out():
    running = annotate(GREY, view(sound="sound on", frames_per_second=25.0, latency=0.03))
    ended = annotate(GREY, view(sound="sound on"))
    off = annotate(GREY, view(sound="sound off"))
    panel = np.s_[:52, 450:]
    assert (running[panel] == 32).all(axis=2).sum() > 1.5 * (ended[panel] == 32).all(axis=2).sum()  # two lines, or one
    assert (ended[30:50, 450:] == 128).all()
    assert (off[panel] == JOINT).all(axis=2).any() and not (ended[panel] == JOINT).all(axis=2).any()


@pytest.mark.parametrize(
    "shown, rows", [({"notice": "word " * 60}, (362, 388)), ({"suggestions": ("COUNTERPRODUCTIVE",) * 3}, (390, 430))]
)
def test_a_line_of_any_length_fits(shown, rows):
    drawn = annotate(GREY, view(**shown))[slice(*rows)]
    assert (drawn[:, 500:625] > 150).any() and not (drawn[:, 630:] > 150).any()


LONG = {
    "text": "PNEUMONOULTRAMICROSCOPIC COUNTERPRODUCTIVE",
    "word": "COUNTERPRODUCTIVE",
    "suggestions": ("COUNTERPRODUCTIVE", "COUNTERPRODUCTIVELY", "COUNTERPRODUCTIVITY"),
    "readings": ("M", "N"),
    "todo": "This is the end of a-long-name-of-a-video-of-me-signing.mp4. p, t, n open a camera, Esc quits",
    "sound": "sound off",
    "frames_per_second": 100.0,
    "latency": 0.123,
}


def exercise(word: str) -> SimpleNamespace:
    state = DrillState(word, 3, 100, 100, "straighten your middle finger")
    return SimpleNamespace(state=state, signer=np.zeros((480, 480, 3), np.uint8), speed=0.5)


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (640, 480), (480, 480), (240, 320), (1080, 1920)])
@pytest.mark.parametrize(
    "state", [{}, {"lesson": LESSON}, {"exercise": exercise("W" * 20)}], ids=["spelling", "lesson", "exercise"]
)
@pytest.mark.parametrize("shows_help", [False, True], ids=["", "help"])
def test_no_text_runs_out_of_the_picture_or_into_another(shape, state, shows_help, monkeypatch):
    texts = []
    write = display._write

    def noted(canvas, text, x, baseline, size, colour):
        (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, display._thickness(size))
        texts.append((text, x, baseline - height, x + width, baseline + below))
        write(canvas, text, x, baseline, size, colour)

    monkeypatch.setattr(display, "_write", noted)
    drawn = annotate(np.full((*shape, 3), 128, np.uint8), view(fan(), **LONG, **state, help=shows_help))
    for index, (text, left, top, right, bottom) in enumerate(texts):
        assert 0 <= left <= right <= drawn.shape[1] and 0 <= top <= bottom <= drawn.shape[0], text
        for other, other_left, other_top, other_right, other_bottom in texts[:index]:
            apart = right <= other_left + 1 or other_right <= left + 1 or bottom <= other_top or other_bottom <= top
            assert apart, (text, other)


def test_an_exercise_shows_the_signer_as_the_users_own_hand_would_look():
    shown = exercise("HELLO")
    shown.signer[:, :240] = 255  # the signer's right half of the body, left in the unmirrored picture
    drawn = annotate(GREY, view(exercise=shown))
    assert (drawn[100:200, 20:90] == 0).all() and (drawn[100:200, 110:180] == 255).all()
    left = View(Reading("B", 0.9, reading().probabilities, Hand(fan(), left_handed=True), Latency(0, 0)), exercise=shown)
    assert (annotate(GREY, left)[100:200, 20:90] == 255).all()


def test_a_picture_is_drawn_over_the_one_before():
    first = annotate(GREY, view(fan(), text="LONG TEXT", help=True))
    again = annotate(WHITE, view(fan(), text="L"), first)
    assert again is first
    np.testing.assert_array_equal(again, annotate(WHITE, view(fan(), text="L")))


@pytest.mark.parametrize(
    "code, expected",
    [(ord("q"), "q"), (ord("Q"), "q"), (32, " "), (8, "backspace"), (127, "backspace"), (13, "enter"), (27, "escape")]
    + [(-1, None), (ord("1"), "1"), (0x100000 + ord("q"), "q"), (0, None)],
)
def test_keys(code, expected):
    assert key_name(code) == expected


def test_a_window_appears_with_its_first_picture(monkeypatch):
    calls = []
    for name in ("namedWindow", "resizeWindow", "imshow", "setWindowProperty"):
        monkeypatch.setattr(cv2, name, lambda _, *given, name=name: calls.append((name, *given)))
    window = display.Window()
    assert calls == []
    window.show(GREY)
    window.show(GREY, full_screen=True)
    window.show(GREY, full_screen=True)
    window.show(GREY)
    names = [name for name, *_ in calls]
    assert names[:3] == ["namedWindow", "resizeWindow", "imshow"] and calls[1][1:] == (640, 480)
    assert names[3:] == ["setWindowProperty", "imshow", "imshow", "setWindowProperty", "imshow"]
    assert [call[2] for call in calls if call[0] == "setWindowProperty"] == [cv2.WINDOW_FULLSCREEN, cv2.WINDOW_NORMAL]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize("display", ["", ":77"])
def test_a_missing_display_is_found_missing(monkeypatch, display):
    monkeypatch.setenv("DISPLAY", display)
    assert not has_display()
