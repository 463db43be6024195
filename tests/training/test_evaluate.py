import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from data.dataset import Samples, load_samples
from sign2sound.checkpoint import load_checkpoint, save_checkpoint
from sign2sound.errors import run
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING
from sign2sound.model import LandmarkGRU
from training.config import load_config
from training.evaluate import acquaintance, main, measure, rows_to_measure, to_markdown
from training.report import calibration_error


def probabilities(*rows: dict[str, float]) -> np.ndarray:
    """Rows that give the labels named their probability, and share the rest among the others."""
    result = np.zeros((len(rows), len(LABELS)))
    for row, values in zip(result, rows, strict=True):
        row[:] = (1 - sum(values.values())) / (len(LABELS) - len(values))
        for label, value in values.items():
            row[LABEL_IDS[label]] = value
    return result.astype(np.float32)


def samples(labels: list[str], found: list[bool], sources: list[str]) -> Samples:
    landmarks = np.ones((len(labels), 1, 21, 3), np.float32)
    landmarks[~np.array(found)] = np.nan
    off = np.zeros(len(labels), bool)
    ids = np.array([LABEL_IDS[label] for label in labels])
    return Samples(landmarks, ids, off, ~off, off, np.array(sources), np.array(sources), np.array(found, int), ~off)


def test_known_figures():
    truth = samples(["A", "A", "B", "J", "C", "nothing"], [True, True, True, True, False, False], ["x"] * 3 + ["y"] * 3)
    given = probabilities({"A": 0.9}, {"B": 0.6, "A": 0.3}, {"B": 0.8}, {"J": 0.7}, {"nothing": 1}, {"nothing": 1})
    report = measure(truth, given, {"x": "known", "y": "not trained on"})

    assert (report["samples"], report["misses"]) == (6, 2)
    assert report["accuracy_given_hand"] == pytest.approx(3 / 4)
    assert report["accuracy_end_to_end"] == pytest.approx(4 / 6)  # the missed C is wrong, the empty picture right
    assert report["static_letters_given_hand"] == pytest.approx(2 / 3)
    assert report["top3_given_hand"] == 1
    assert report["classes"]["A"]["recall"] == pytest.approx(1 / 2) and report["classes"]["A"]["precision"] == 1
    assert report["classes"]["B"]["precision"] == pytest.approx(1 / 2) and report["classes"]["B"]["support"] == 1
    assert report["macro_f1_given_hand"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)  # A, B and J
    assert report["classes"]["C"]["misses"] == 1
    assert (report["classes"]["C"]["precision"], report["classes"]["C"]["recall"]) == (None, None)  # not measured
    table = to_markdown({"model": "m", "trained_on": [], "data": ["d"], "rows": "all", "stills": report})
    (row,) = [line for line in table.splitlines() if line.startswith("| C ")]
    assert row.split() == "| C | – | – | – | 0 | 1 |".split()
    assert report["sources"]["x"]["measured_on"] == "known"
    assert report["measured_on"]["not trained on"]["accuracy_given_hand"] == 1
    assert report["measured_on"]["not trained on"]["accuracy_end_to_end"] == pytest.approx(2 / 3)
    assert report["sources"]["x"]["accuracy_given_hand"] == pytest.approx(2 / 3)
    assert report["confusion"][LABEL_IDS["C"]][NOTHING] == 1
    assert np.sum(report["confusion"]) == 6


def test_accuracy_by_pass_weighs_the_first_pass_like_the_rescued_hands():
    """First pass: A 2 of 4 right, B 1 of 1, C never. Rescued: three A, one B, one C, of which the C has no counterpart."""
    truth = samples(list("AAAAB") + list("AAABC") + ["C"], [True] * 10 + [False], ["x"] * 11)
    truth = replace(truth, passes=np.array([1] * 5 + [2, 2, 2, 3, 3] + [0]))
    read = [{letter: 0.9} for letter in "AABBB" + "ABBBB" + "C"]
    by_pass = measure(truth, probabilities(*read), {"x": "known"})["passes"]

    assert list(by_pass) == ["pass 1", "pass 2", "pass 3", "all rescued"]
    assert [row["samples"] for row in by_pass.values()] == [5, 3, 2, 5]
    assert [row["accuracy_given_hand"] for row in by_pass.values()] == pytest.approx([3 / 5, 1 / 3, 1 / 2, 2 / 5])
    same_mix = [row["first_pass_on_the_same_mix"] for row in by_pass.values()]
    assert same_mix == pytest.approx([3 / 5, 1 / 2, 1, (3 * 1 / 2 + 1) / 4])


def test_the_same_mix_is_one_of_sources_too():
    """The A of x is read, the A of y is not; both were rescued once in x and twice in y."""
    truth = replace(samples(list("AAAAA"), [True] * 5, list("xyxyy")), passes=np.array([1, 1, 2, 2, 2]))
    read = [{letter: 0.9} for letter in "ABAAA"]
    by_pass = measure(truth, probabilities(*read), {"x": "known", "y": "known"})["passes"]
    assert by_pass["pass 2"]["first_pass_on_the_same_mix"] == pytest.approx(1 / 3)


def test_without_a_first_pass_hand_there_is_no_such_mix():
    truth = replace(samples(["A"], [True], ["x"]), passes=np.array([2]))
    by_pass = measure(truth, probabilities({"A": 0.9}), {"x": "known"})["passes"]
    assert by_pass["pass 2"]["first_pass_on_the_same_mix"] is None


def test_calibration_error_by_hand():
    labels = np.zeros(4, int)
    sure = probabilities({"A": 1.0}, {"A": 1.0}, {"B": 1.0}, {"B": 1.0})
    assert calibration_error(labels, sure) == pytest.approx(0.5)
    honest = probabilities({"A": 0.5}, {"A": 0.5}, {"B": 0.5}, {"B": 0.5})
    assert calibration_error(labels, honest) == pytest.approx(0, abs=1e-6)
    two_bins = probabilities({"A": 0.7}, {"A": 0.7}, {"A": 0.9}, {"B": 0.9})
    assert calibration_error(labels, two_bins) == pytest.approx((2 * 0.3 + 2 * 0.4) / 4)


@pytest.fixture
def checkpoint(root, tmp_path):
    """An untrained model that claims to come from the processed folder."""
    path = tmp_path / "model.pth"
    config = load_config(root / "training" / "config.yaml", []).model_dump()
    save_checkpoint(
        path,
        LandmarkGRU(),
        config=config,
        epoch=1,
        metrics={"training_sources": ["processed"], "validation_sources": ["processed"]},
    )
    return path


def test_the_command_writes_a_report_and_pictures(processed, checkpoint, tmp_path, monkeypatch, is_drawn):
    call_with(monkeypatch, "--model", checkpoint, "--data", processed, "--output", tmp_path / "report")
    main()
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["stills"]["samples"] == 29 * 5 and report["stills"]["misses"] == 29  # validation rows only
    assert list(report["stills"]["classes"]) == list(LABELS)
    assert "processed: trained on, other frames" in (tmp_path / "report" / "report.md").read_text()
    for name in ("counts", "normalised"):
        assert is_drawn(tmp_path / "report" / f"confusion_{name}.png")


def test_every_source_says_how_well_the_model_knows_it():
    metrics = {"training_sources": ["a"], "validation_sources": ["a", "b"]}
    assert acquaintance("a", metrics, "held-out") == "trained on, other frames"
    assert "the same frames too" in acquaintance("a", metrics, "all")
    assert "choose the epoch" in acquaintance("b", metrics, "held-out")
    assert acquaintance("c", metrics, "held-out") == acquaintance("c", metrics, "all") == "not trained on"


def call_with(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])


def test_of_a_source_trained_on_only_held_out_rows_count(processed, checkpoint):
    stills, _ = load_samples([processed])
    held_out = rows_to_measure(stills, load_checkpoint(checkpoint), "held-out")
    assert held_out.sum() == 29 * 5
    assert (held_out == stills.validation).all()
    assert rows_to_measure(stills, load_checkpoint(checkpoint), "all").all()


def test_a_checkpoint_older_than_the_key_rescued_is_measured_on_the_same_rows(processed, checkpoint):
    stills, _ = load_samples([processed])
    older = load_checkpoint(checkpoint)
    del older["config"]["data"]["rescued"]
    assert (rows_to_measure(stills, older, "held-out") == stills.validation).all()


def test_users_mistakes_end_in_one_line(processed, checkpoint, tmp_path, monkeypatch, capsys):
    anonymous = tmp_path / "anonymous.pth"
    save_checkpoint(anonymous, LandmarkGRU(), config={}, epoch=1, metrics={})
    for arguments, message in (
        (["--model", tmp_path / "none.pth", "--data", processed], "no checkpoint at"),
        (["--model", anonymous, "--data", processed], "does not say what it was trained on"),
        (["--model", checkpoint, "--data", tmp_path / "none"], "no data at"),
    ):
        call_with(monkeypatch, *arguments, "--output", tmp_path / "report")
        with pytest.raises(SystemExit) as ending:
            run(main)
        error = capsys.readouterr().err
        assert ending.value.code == 2
        assert message in error and error.count("\n") == 1
