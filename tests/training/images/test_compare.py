import json

import numpy as np
import pytest
import torch
from PIL import Image

from sign2sound.checkpoint import save_checkpoint
from sign2sound.errors import UserError, run
from training.images.cnn import ImageCNN
from training.images.compare import (
    GRU,
    Training,
    accuracies,
    choose_candidates,
    draw,
    image_reader,
    main,
    run_once,
    stage,
    to_markdown,
)

TRAININGS = [
    Training("random", ["anna"], "random", ["anna"]),
    Training("blocks", ["anna"], "stored", ["anna", "bo"]),
    Training("back", ["bo"], "stored", ["anna"]),
]


def make_pictures(folder, count=10):
    for label in ("A", "B"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / label / f"{label}{number}.png")
    return folder


def test_pictures_are_taken_evenly_and_in_their_order(tmp_path):
    assert stage(make_pictures(tmp_path / "anna"), tmp_path / "work", 4) == 8
    files = sorted((tmp_path / "work" / "A").iterdir())
    assert [Image.open(file).getpixel((0, 0))[0] for file in files] == [0, 3, 6, 9]
    assert stage(tmp_path / "anna", tmp_path / "work", 4) == 8  # again, for a run that goes on
    with pytest.raises(UserError, match="name another --work"):
        stage(tmp_path / "anna", tmp_path / "work", 3)


def test_parts_of_a_set_are_taken_together(tmp_path):
    for part in ("train", "test"):
        make_pictures(tmp_path / "rooms" / part, 3)
    assert stage(tmp_path / "rooms", tmp_path / "work", 100) == 12


def test_a_command_is_run_once(tmp_path, capfd):
    script = tmp_path / "script.py"
    script.write_text(f"open({str(tmp_path / 'runs')!r}, 'a').write('x')")
    first, again = (run_once(tmp_path / "marker.json", [str(script)]) for _ in range(2))
    assert first == again > 0
    assert (tmp_path / "runs").read_text() == "x"
    with pytest.raises(UserError, match="other settings"):
        run_once(tmp_path / "marker.json", [str(script), "--more"])


def test_what_fails_is_not_taken_for_done(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit(2)")
    with pytest.raises(UserError, match="failed"):
        run_once(tmp_path / "marker.json", [str(script)])
    assert not (tmp_path / "marker.json").exists()


def test_recipes_are_trained_for_the_epochs_and_in_the_batches_named(tmp_path):
    _, first, second = choose_candidates(["cnn200-gap=10x8", "gray64=40"], tmp_path, tmp_path)
    assert (first.name, first.config) == ("cnn200-gap", "training/images/recipes/cnn200-gap.yaml")
    assert {"epochs=10", "batch_size=8"} <= {*first.overrides}
    assert "epochs=40" in second.overrides and not any("batch_size" in override for override in second.overrides)


@pytest.mark.parametrize("recipe", ["cnn1000=3", "cnn200", "cnn200=x8", "cnn200=3x"])
def test_what_is_no_recipe_is_refused(recipe, root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["compare.py", "--recipes", recipe])
    with pytest.raises(SystemExit, match="2"):
        run(main)
    assert capsys.readouterr().err.startswith(f"error: no recipe '{recipe}'; expected")


@pytest.fixture
def report() -> dict:
    def row(right: float) -> dict:
        training = {"epochs": 2, "best_epoch": 1, "seconds": 30, "peak_memory_mib": 700, "parameters": 1000}
        tests = {"random": {"anna": 0.9}, "blocks": {"anna": 0.8, "bo": right}, "back": {"anna": 0.3}}
        trainings = {
            name: training | {"tests": {source: {"static_letters_end_to_end": value} for source, value in values.items()}}
            for name, values in tests.items()
        }
        return {"trainings": trainings, "bytes": 2_000_000, "batch_size": 8, "ms_p50": 3.0, "ms_p95": 4.0}

    return {
        "pictures": {"anna": 80, "bo": 70}, "pictures_per_class": 40, "landmark_seconds": {"anna": 5.0, "bo": 6.0},
        "hand_model_bytes": 7_800_000, "threads": 2, "machine": "x86_64", "models": {GRU: row(0.7), "gray64": row(0.1)},
    }  # fmt: skip


def test_every_test_has_its_column(report):
    assert accuracies(report["models"][GRU], TRAININGS) == {
        "anna, at random": 0.9, "anna, in blocks": 0.8, "anna → bo": 0.7, "bo → anna": 0.3,
    }  # fmt: skip
    head, _, *rows = [line.split(" | ") for line in to_markdown(report, TRAININGS).splitlines() if line.startswith("|")]
    assert len(head) == 13 and len(rows) == 2
    assert [cell.strip() for cell in rows[0]] == [
        f"| {GRU}", "90.0%", "80.0%", "70.0%", "30.0%", "1,000", "2.0 MB + 7.8 MB", "3.0", "4.0", "30 / 30 / 30 s", "8",
        "1 of 2, 1 of 2, 1 of 2", "700 MiB |",
    ]  # fmt: skip
    assert [cell.strip() for cell in rows[1]][:7] == ["| gray64", "90.0%", "80.0%", "10.0%", "30.0%", "1,000", "2.0 MB"]
    json.dumps(report)


def test_the_figure_is_drawn(report, tmp_path, is_drawn):
    draw(report["models"], TRAININGS, tmp_path / "compare.png")
    assert is_drawn(tmp_path / "compare.png")


def test_a_picture_of_any_size_is_read_as_in_training(tmp_path):
    torch.manual_seed(0)
    model = ImageCNN([16, 16, 1], ["a", "b", "c"], ["flatten"])
    save_checkpoint(tmp_path / "model.pth", model, config={}, epoch=1, metrics={})
    grey = np.full((40, 30, 3), 100, np.uint8)
    expected = model.eval().probabilities(torch.full((1, 1, 16, 16), 100 / 255)).detach().numpy()
    np.testing.assert_allclose(image_reader(tmp_path / "model.pth")(grey), expected, atol=1e-6)
