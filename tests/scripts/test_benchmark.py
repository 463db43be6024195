import json
import sys

import numpy as np
import pytest

from scripts import benchmark
from scripts.benchmark import Part, Row
from sign2sound import UserError, hand_model


@pytest.fixture
def call(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmark.py", "--output", str(tmp_path / "b.md"), *map(str, arguments)])
        benchmark.main()
        return json.loads((tmp_path / "b.json").read_bytes()), (tmp_path / "b.md").read_text()

    return main


def test_a_row_gives_medians_their_spread_and_the_ratio():
    row = Row("ours", "ms", [3.0, 1.0, 2.0], "theirs", [8.0, 4.0, 5.0])
    assert row.cells() == ["ours", "2 ms", "1–3", "theirs", "5 ms", "4–8", "0.40"]
    assert Row("file", "kB", [1234.5], "it", [2469.0]).cells() == ["file", "1,234 kB", "–", "it", "2,469 kB", "–", "0.50"]


def test_parts_measured_before_stay_in_the_table(call, monkeypatch):
    def part(name, value):
        def measure(arguments):
            """What it measures."""
            return Part([Row(name, "s", [value] * arguments.repeats, "nothing", [1.0])], f"Notes on {name}.")

        return measure

    monkeypatch.setattr(benchmark, "PARTS", {"first": part("one", 2.0), "second": part("two", 4.0)})
    call("second", "--repeats", 2)
    report, text = call("first")
    assert list(report) == ["second", "first"] and report["second"]["rows"][0]["values"] == [4.0, 4.0]
    assert text.index("| one ") < text.index("Notes on one.") < text.index("| two ")
    assert text.splitlines()[-5].split() == "| two | 4 s | 4–4 | nothing | 1 s | – | 4.00 |".split()
    assert text.count("Machine 1: ") == 1 and "Machine 2" not in text
    monkeypatch.setattr(benchmark, "machine", lambda: "another")
    assert "Machine 2: " in call("first")[1]


def test_export_is_measured(call, monkeypatch):
    report, text = call("export", "--repeats", 1)
    rows = {row["what"]: row for row in report["export"]["rows"]}
    assert rows["int8.onnx: file"]["values"][0] < rows["int8.onnx: file"]["reference"][0] / 2
    assert "probabilities differ by at most" in text


def test_the_workload_repeats_the_stills_with_a_hand(tmp_path):
    landmarks = np.random.default_rng(0).normal(size=(4, 21, 3)).astype(np.float32)
    landmarks[1] = np.nan
    np.savez(tmp_path / "few.npz", landmarks=landmarks, label=["A", "B", "C", "five"], left_handed=np.zeros(4, bool))
    assert benchmark.write_workload(tmp_path / "few.npz", tmp_path / "workload.npz") == 2
    with np.load(tmp_path / "workload.npz") as stored:
        assert stored["landmarks"].shape == (31_210, 21, 3) and set(stored["label"]) == {"A", "C"}


def test_a_command_that_fails_is_said(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    with pytest.raises(UserError, match="preprocess.py .* failed: error: .*nowhere"):
        benchmark.command_done("scripts/preprocess.py", "--input", "nowhere", "--output", tmp_path / "out")
    done = benchmark.command_done("-c", "x = bytearray(50_000_000)")
    assert done.megabytes > 50 and done.seconds > 0


def test_a_training_is_read_from_its_files(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    landmarks = np.random.default_rng(0).normal(size=(40, 21, 3)).astype(np.float32)
    np.savez(tmp_path / "few.npz", landmarks=landmarks, label=["A", "B"] * 20, left_handed=np.zeros(40, bool))
    options = [f"data.paths=[{tmp_path / 'few.npz'}]", "epochs=2", "epoch_batches=1"]
    history, megabytes = benchmark.train(tmp_path / "run", *benchmark.KAGGLE, *options)
    assert [row["epoch"] for row in history] == [1, 2] and megabytes > 100


def test_the_first_answer_of_the_page(root, tmp_path, monkeypatch):
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    monkeypatch.chdir(root)
    frame, _ = benchmark.one_frame(tmp_path)
    benchmark.first_answer(frame, benchmark.RELEASED)  # raises where no hand is found
    with pytest.raises(UserError, match="did not start"):
        benchmark.first_answer(frame, tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lunch"], "no part lunch; expected some of memory, preprocess"),
        (["live", "--videos", "nowhere"], "no .mp4 file in nowhere"),
        (["train", "--landmarks", "nowhere.npz"], "no landmark file nowhere.npz"),
    ],
)
def test_mistakes(call, arguments, message):
    with pytest.raises(UserError, match=message):
        call(*arguments)
