import sys

import numpy as np
import pytest

from sign2sound.checkpoint import save_checkpoint
from sign2sound.errors import UserError
from sign2sound.labels import LABEL_IDS, MOTION_LETTERS, STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.words import Dictionary, literal_of
from training.measure import words as measure_words

LETTERS = (*STATIC_LETTERS, *MOTION_LETTERS)


def reading(label, share=0.9):
    row = np.full((1, 29), (1 - share) / 28)
    row[0, LABEL_IDS[label]] = share
    return row


def test_a_stranger_spells_with_the_letters_it_has_and_borrows_the_others():
    full = {letter: reading(letter) for letter in STATIC_LETTERS}
    lender = {"J": reading("I"), "A": reading("B")}  # too few letters to be a signer
    random = np.random.default_rng(0)
    for _ in range(20):
        evidence = measure_words.spell_by_stranger("JAR", {"full": full, "lender": lender}, 0.0, random)
        assert literal_of(evidence) == "IAR"


def test_slips_drop_and_add_letters_at_their_rate():
    random = np.random.default_rng(0)
    strangers = {"full": {letter: reading(letter) for letter in LETTERS}}
    word = "A" * 4000
    spelled = literal_of(measure_words.spell_by_stranger(word, strangers, 0.1, random))
    missed = 4000 - spelled.count("A") + 400 / 26  # some of those too many are A
    assert missed == pytest.approx(400, abs=60) and len(spelled) == pytest.approx(4000, abs=90)


def test_shares_of_words_read_right_before_and_after():
    strangers = {"full": {letter: reading(letter) for letter in LETTERS} | {"O": reading("Q", 0.6)}}
    dictionary = Dictionary([("DOGMA", 2), ("CAT", 3), ("DOG", 1)])
    figures = measure_words.measure(dictionary, ["CAT", "DOG", "WENDY", "SOLON"], strangers, 0.0, np.random.default_rng(0))
    assert figures["literal"] == 0.5 and figures["best"] == 0.75 and figures["top"] == 0.75
    assert figures["kept"] == 1 and figures["unknown"] == figures["unknown_kept"] == 1


def test_unsure_readings_are_left_out_and_letters_counted_by_stranger():
    strangers = {
        "one": {"A": np.concatenate([reading("A", 0.5), reading("A")]), "B": reading("C", 0.5)},
        "two": {"A": reading("A", 0.5)},
    }
    sure = measure_words.at_least(strangers, 0.6)
    assert list(sure["one"]) == ["A"] and len(sure["one"]["A"]) == 1 and sure["two"] == {}
    assert measure_words.letters_right(strangers) == 0.75


def test_the_most_frequent_words_are_distinct_and_of_three_letters_or_more():
    words = measure_words.common_words(500)
    assert len({*words}) == 500 and words[:2] == ["THE", "AND"] and min(map(len, words)) == 3


def test_suggestions_save_letters():
    figures = measure_words.typing(Dictionary([("ELEPHANT", 2), ("CAT", 3)]), ["ELEPHANT", "CAT"])
    assert figures["spelled"] == pytest.approx(2 / 11)  # E and C
    assert 0 < figures["p50"] <= figures["p95"]


def test_models_must_be_of_strangers_and_read_every_letter(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    labels = np.array(sorted(STATIC_LETTERS))
    np.savez(
        tmp_path / "one.npz",
        landmarks=random.normal(size=(24, 21, 3)).astype(np.float32),
        label=labels,
        left_handed=np.zeros(24, dtype=bool),
    )
    model = tmp_path / "models" / "fold_1.pth"
    arguments = ["--data", str(tmp_path), "--models", str(model.parent), "--model", str(model), "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["words.py", *arguments])
    about = {"epoch": 1, "metrics": {"training_sources": ["three"]}}
    save_checkpoint(model, LandmarkGRU(), config={"data": {"test_sources": ["two"]}}, **about)
    with pytest.raises(UserError, match="no model in .* was trained without one"):
        measure_words.main()
    save_checkpoint(model, LandmarkGRU(), config={"data": {"test_sources": ["one"]}}, **about)
    with pytest.raises(UserError, match=r"no readings of .*J, .*Z of 1 sources"):
        measure_words.main()
    assert not (tmp_path / "words.md").exists()
