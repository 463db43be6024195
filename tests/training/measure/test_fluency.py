import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sign2sound.checkpoint import save_checkpoint
from sign2sound.errors import UserError
from sign2sound.hand import Hand
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING, STATIC_LETTERS
from sign2sound.recognizer import Recognizer
from sign2sound.speller import SpellerOptions
from sign2sound.words import Dictionary
from training.measure import fluency
from training.measure.folds import Fold


@pytest.fixture
def hands():
    """A person's three made-up stills of each static letter, the wrist at the origin."""
    shapes = torch.randn(len(STATIC_LETTERS), 3, 21, 3, generator=torch.Generator().manual_seed(0))
    return dict(zip(STATIC_LETTERS, shapes - shapes[:, :, :1], strict=True))


def spell(text, hands):
    return fluency.spell(text, "anna", False, hands, np.random.default_rng(0), torch.Generator().manual_seed(0))


def stream(*shown):
    """Sure readings of (label, frames)."""
    ids = np.repeat([LABEL_IDS[label] for label, _ in shown], [frames for _, frames in shown])
    return 0.97 * np.eye(len(LABELS))[ids] + 0.03 / len(LABELS)


def test_half_of_each_letters_time_is_held_and_half_on_the_way(hands):
    word = spell("ABBA", hands)
    frames = fluency.compose(word, speed=1, rate=30)
    assert len(frames) == 106  # 3.5 s and the first frame
    shapes = frames - frames[:, :1]
    wrist = frames[:, 0, 0]
    for place in range(4):
        held = slice(30 * place, 30 * place + 16)
        torch.testing.assert_close(shapes[held], word.first[place].expand(16, -1, -1), atol=1e-4, rtol=0)
        assert wrist[held].std() < 1e-5
    assert not torch.allclose(shapes[22], shapes[30], atol=0.1)  # halfway from A to B
    assert 0.3 <= abs(wrist[60] - wrist[30]) <= 0.9 and wrist[30] == wrist[0]  # only equal letters are parted by a slide


def test_a_j_is_drawn_where_the_hand_is_and_the_next_letter_starts_from_its_end(hands):
    frames = fluency.compose(word := spell("AJB", hands), speed=2, rate=30)
    starts, holds = fluency.holds_of("AJB", 2)
    assert starts.tolist() == pytest.approx([0, 0.5, 0.5 + 0.3 + 0.125 + 0.25]) and holds[1] == pytest.approx(0.425)
    path = word.motions[1]
    torch.testing.assert_close(frames[15], path[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(frames[24:28], path[-1].expand(4, -1, -1), atol=1e-4, rtol=0)  # drawn at 0.8 s, then held
    torch.testing.assert_close(frames[-1], word.first[2] + path[-1, 0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("rate", fluency.RATES)
def test_words_are_read_as_in_live_use(model, hands, rate):
    spellings = [spell(text, hands) for text in ("CAB", "JOLLY")]
    recognizer = Recognizer(model)
    for spelling, read in zip(
        spellings, fluency.read_words({"anna": Fold(Path("fold"), ["anna"], model)}, spellings, 3, rate), strict=True
    ):
        recognizer.reset()
        frames = fluency.compose(spelling, 3, rate).numpy()
        live = [recognizer.update(Hand(frame), number / rate).probabilities for number, frame in enumerate(frames)]
        np.testing.assert_allclose(read, live, atol=1e-4)


def test_a_frame_without_a_hand_is_nothing(model, hands):
    clip = hands["A"][0].repeat(6, 1, 1)
    clip[4:] = torch.nan
    (read,) = fluency.read_by_person({"anna": Fold(Path("fold"), ["anna"], model)}, ["anna"], [clip])
    assert read[4:].argmax(1).tolist() == [NOTHING] * 2 and read[5, NOTHING] == 1 and read[3, NOTHING] < 1


def test_when_each_character_was_written():
    speller, times = fluency.write(stream(("A", 15), ("nothing", 15), ("I", 15), ("J", 15)), rate=30)
    assert speller.text == "AJ" and len(times) == 2
    assert 0 <= times[0] < 0.3 and 1.5 <= times[1] < 1.8  # the J when it took the place of the I
    slow, _ = fluency.write(stream(("A", 15)), 30, SpellerOptions(begin=1000))
    assert slow.text == ""


def test_delays_count_static_letters_that_were_written():
    assert fluency.delays_of("ABJC", "AXJC", [0.1, 1.0, 2.2, 4.0], speed=1) == pytest.approx([0.1, 4.0 - 3.25])


def test_figures_weigh_words_by_their_letters():
    found = fluency.figures(np.array(["ABCD", "EF"]), np.array(["ABD", "EF"]))
    assert found == pytest.approx({"cer": 1 / 6, "right": 0.5})


def test_holds_are_written_once_wrong_repeatedly_or_not_at_all(hands, monkeypatch, model):
    streams = {
        "A": stream(("A", 90)),
        "B": stream(("C", 90)),
        "C": stream(("C", 40), ("nothing", 20), ("C", 30)),
        "D": stream(("nothing", 90)),
    }
    monkeypatch.setattr(fluency, "read_by_person", lambda folds, sources, clips: list(streams.values()))
    found = fluency.measure_holds({}, {"anna": {letter: hands[letter][:1] for letter in streams}})
    assert found == {"holds": 4, "right": 0.25, "wrong": 0.25, "repeated": 0.25, "missed": 0.25}


def test_words_go_in_turn_to_people_who_have_their_letters(hands):
    without_e = {letter: stills for letter, stills in hands.items() if letter != "E"}
    spellings, skipped = fluency.spell_by_person({"anna": without_e, "bo": hands})
    assert skipped == 0 and len(spellings) == fluency.WORDS + 200
    assert {word.source for word in spellings if "E" in word.text} == {"bo"}
    assert {word.source for word in spellings if "E" not in word.text} == {"anna", "bo"}
    again, _ = fluency.spell_by_person({"anna": without_e, "bo": hands})
    assert all(torch.equal(one.first, other.first) for one, other in zip(spellings, again, strict=True))
    assert fluency.spell_by_person({"anna": without_e})[1] > 200


def test_the_command_line(model, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    save_checkpoint(
        tmp_path / "fold_1.pth", model, config={"data": {"test_sources": ["one", "waves"]}}, epoch=1,
        metrics={"training_sources": ["two"]},
    )  # fmt: skip

    def store(folder, name, labels, frames):
        (tmp_path / folder).mkdir(exist_ok=True)
        shape = (len(labels), *frames, 21, 3)
        landmarks = (100 + 50 * random.normal(size=shape)).astype(np.float32)
        np.savez(tmp_path / folder / name, landmarks=landmarks, label=np.array(labels), left_handed=np.zeros(len(labels), bool))

    store("stills", "one.npz", STATIC_LETTERS[:17], ())
    store("clips_not_letters", "waves.npz", ["hello", "hello", "tea/cup"], (30,))
    store("clips", "one.npz", ["J", "Z", "Z"], (30,))
    data = [str(tmp_path / name) for name in ("stills", "clips_not_letters", "clips")]
    program = ["fluency.py", "--data", *data, "--models", str(tmp_path), "--model", str(tmp_path / "fold_1.pth")]
    monkeypatch.setattr(sys, "argv", [*program, "--output", str(tmp_path)])
    monkeypatch.setattr(fluency, "SPEEDS", (1, 4))
    monkeypatch.setattr(fluency, "BEFORE", (0.2,))
    monkeypatch.setattr(fluency, "RATES", (15, 30))
    (tmp_path / "names.txt").write_text("ZOE\nANNA\n")
    monkeypatch.setattr(fluency, "NAMES", tmp_path / "names.txt")
    monkeypatch.setattr(fluency.Dictionary, "load", lambda language: Dictionary([("CAT", 2), ("DOG", 1)]))
    monkeypatch.setattr(fluency, "common_words", lambda count: ["CAT", "DOG"])
    with pytest.raises(UserError, match="no source has stills of 18 of the 24"):
        fluency.main()

    store("stills", "one.npz", STATIC_LETTERS, ())
    fluency.main()
    report = json.loads((tmp_path / "fluency.json").read_text())
    assert report["people"] == ["one"] and report["texts"] == 4
    signs = report["no_letters"]["waves"]
    assert signs["hello"]["look_alike"] and not signs["tea/cup"]["look_alike"]
    assert signs["hello"]["clips"] == 2 and signs["hello"]["minutes"] == pytest.approx(2 / 60)
    assert {letter: found["clips"] for letter, found in report["moving"]["one"].items()} == {"J": 1, "Z": 2}
    assert "| CER of the release before* " in (tmp_path / "fluency.md").read_text()

    monkeypatch.setattr(fluency, "GRID", {"begin": (1.0, 1000.0), "end": (0.5,)})
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--search"])
    fluency.main()
    rows = json.loads((tmp_path / "fluency_search.json").read_text())
    assert {row["begin"]: row["cer"] for row in rows}[1000.0] == 1.0 and rows[0]["cer"] <= rows[1]["cer"]
