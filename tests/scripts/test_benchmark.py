import json
import sys
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from scripts import benchmark
from scripts.benchmarks import measuring, startup, train
from scripts.benchmarks.measuring import Part, Row
from sign2sound import UserError, hand_model
from sign2sound.exported import RELEASED


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
            return Part([Row(name, "s", [value] * arguments.repeats, "nothing", [1.0])], f"Notes on {name}.")

        return SimpleNamespace(measure=measure, check=lambda _: None, MINUTES=1, NEEDS="", __doc__="What it measures.")

    monkeypatch.setattr(benchmark, "PARTS", {"first": part("one", 2.0), "second": part("two", 4.0)})
    call("second", "--repeats", 2)
    report, text = call("first")
    assert list(report) == ["second", "first"] and report["second"]["rows"][0]["values"] == [4.0, 4.0]
    assert text.index("| one ") < text.index("Notes on one.") < text.index("| two ")
    assert text.splitlines()[-5].split() == "| two | 4 s | 4–4 | nothing | 1 s | – | 4.00 |".split()
    assert text.count("Machine 1: ") == 1 and "Machine 2" not in text
    monkeypatch.setattr(benchmark, "machine", lambda: "another")
    assert "Machine 2: " in call("first")[1]


def test_each_part_says_what_it_measures_and_needs(root, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "--list"])
    benchmark.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:-1]] == list(benchmark.PARTS)
    assert "--videos" in next(line for line in lines if line.startswith("| live"))


def test_all_that_lacks_is_said_before_anything_is_measured(call, monkeypatch):
    monkeypatch.setattr(benchmark.PARTS["startup"], "measure", lambda _: pytest.fail("was measured"))
    with pytest.raises(UserError, match=r"live: no .mp4 file.*; train: no landmark file .*Ready.*benchmark.py startup$"):
        call("startup", "live", "train", "--videos", "nowhere", "--landmarks", "nowhere.npz")


def test_readmes_table_is_written_between_its_marks(tmp_path):
    rows = [asdict(Row("1280×720, ONNX, p95", "ms", [20.0], "MediaPipe's video mode alone", [16.0]))]
    (tmp_path / "b.json").write_text(json.dumps({"live": {"rows": rows}}))
    begin, end = benchmark.README_MARKS
    readme = tmp_path / "README.md"
    readme.write_text(f"# How fast\n\n{begin}\nold\n{end}\n\nThe rest.\n")
    for _ in range(2):
        benchmark.write_readme(readme, tmp_path / "b.json")
        lines = readme.read_text().splitlines()
        assert lines[:3] == ["# How fast", "", begin] and lines[-3:] == [end, "", "The rest."] and len(lines) == 9
        assert lines[5].split() == "| the same, p95 | 20 ms | MediaPipe's video mode alone, 16 ms | 1.25 |".split()
    readme.write_text("# Nothing")
    with pytest.raises(UserError, match="has no lines"):
        benchmark.write_readme(readme, tmp_path / "b.json")


def test_export_is_measured(call, monkeypatch):
    report, text = call("export", "--repeats", 1)
    rows = {row["what"]: row for row in report["export"]["rows"]}
    assert rows["int8.onnx: file"]["values"][0] < rows["int8.onnx: file"]["reference"][0] / 2
    assert "probabilities differ by at most" in text


def test_the_workload_repeats_the_stills_with_a_hand(tmp_path):
    landmarks = np.random.default_rng(0).normal(size=(4, 21, 3)).astype(np.float32)
    landmarks[1] = np.nan
    np.savez(tmp_path / "few.npz", landmarks=landmarks, label=["A", "B", "C", "five"], left_handed=np.zeros(4, bool))
    assert train.write_workload(tmp_path / "few.npz", tmp_path / "workload.npz") == 2
    with np.load(tmp_path / "workload.npz") as stored:
        assert stored["landmarks"].shape == (31_210, 21, 3) and set(stored["label"]) == {"A", "C"}


def test_a_command_that_fails_is_said(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    with pytest.raises(UserError, match="preprocess.py .* failed: error: .*nowhere"):
        measuring.command_done("scripts/preprocess.py", "--input", "nowhere", "--output", tmp_path / "out")
    done = measuring.command_done("-c", "x = bytearray(50_000_000)")
    assert done.megabytes > 50 and done.seconds > 0


def test_a_training_is_read_from_its_files(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    landmarks = np.random.default_rng(0).normal(size=(40, 21, 3)).astype(np.float32)
    np.savez(tmp_path / "few.npz", landmarks=landmarks, label=["A", "B"] * 20, left_handed=np.zeros(40, bool))
    options = [f"data.paths=[{tmp_path / 'few.npz'}]", "epochs=2", "epoch_batches=1"]
    history, megabytes = train.train(tmp_path / "run", *train.KAGGLE, *options)
    assert [row["epoch"] for row in history] == [1, 2] and megabytes > 100


def test_the_first_answer_of_the_page(root, tmp_path, monkeypatch):
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    monkeypatch.chdir(root)
    frame, _ = startup.one_frame(tmp_path)
    startup.first_answer(frame, RELEASED)  # raises where no hand is found
    with pytest.raises(UserError, match="did not start"):
        startup.first_answer(frame, tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lunch"], "no part lunch; expected some of memory, listing, preprocess"),
        (["live", "--videos", "nowhere"], "no .mp4 file in nowhere"),
        (["train", "--landmarks", "nowhere.npz"], "no landmark file nowhere.npz"),
    ],
)
def test_mistakes(call, arguments, message):
    with pytest.raises(UserError, match=message):
        call(*arguments)
