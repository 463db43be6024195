import csv
import json
import os
import sys
from contextlib import contextmanager

import fsspec
import numpy as np
import pytest

from data import preprocessing
from data.preprocessing import OUTPUTS, preprocess, table
from data.splits import group_split
from sign2sound.errors import UserError
from sign2sound.files import claim_folders, unescaped

HAND = np.arange(63, dtype=np.float32) / 7
SEEN = {"width": 40, "height": 30, "pass": 2, "handedness": "Left", "score": "0.9000", "landmarks": HAND.tobytes().hex()}
MISSED = {"width": 40, "height": 30, "pass": 0, "handedness": "", "score": "", "landmarks": ""}


class Looks:
    """Stands in for the worker processes: says what it was told, and can be interrupted."""

    def __init__(self):
        self.at = []
        self.interrupt_after = None
        self.results = {"A1.jpg": SEEN, "B1.jpg": "empty file"}

    @contextmanager
    def __call__(self, root, paths, workers, cluster):
        yield self.results_of(paths)

    def results_of(self, paths):
        for number, path in enumerate(paths):
            if number == self.interrupt_after:
                raise KeyboardInterrupt
            self.at.append(os.path.basename(path))
            yield self.results.get(self.at[-1], MISSED)


@pytest.fixture
def looks(monkeypatch):
    looks = Looks()
    monkeypatch.setattr(preprocessing, "look_at_all", looks)
    monkeypatch.setattr(preprocessing, "find_hand_model", lambda: None)
    return looks


@pytest.fixture
def pictures(tmp_path):
    for name in ("A/A1.jpg", "A/A2.jpg", "A/A10.jpg", "B/B1.jpg", "B/B2.jpg", "nothing/n.jpg"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path / "pictures"


def contents(output):
    assert sorted(path.name for path in output.iterdir() if path.name != ".lock") == sorted(OUTPUTS)
    return [(output / name).read_bytes() for name in OUTPUTS]


def interrupted(looks, after, pictures, output, **options):
    looks.interrupt_after = after
    with pytest.raises(KeyboardInterrupt) as stop:
        preprocess(pictures, output, **options)
    looks.interrupt_after = None
    looks.at.clear()
    return str(stop.value)


def test_the_three_files_hold_what_was_seen(looks, pictures, tmp_path, capsys):
    (pictures / "junk").mkdir()
    (pictures / "A" / "A3.raw").touch()
    outcome = preprocess(pictures, tmp_path / "out")
    assert outcome.looked_at == 6

    landmarks = np.load(tmp_path / "out" / "landmarks.npy")
    assert landmarks.dtype == np.float32 and landmarks.shape == (5, 63)
    assert (landmarks[0] == HAND).all() and np.isnan(landmarks[1:]).all()

    with open(tmp_path / "out" / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["A/A1.jpg", "A/A2.jpg", "A/A10.jpg", "B/B2.jpg", "nothing/n.jpg"]
    assert {row["split"] for row in rows} == {"train", "validation"}
    del rows[0]["split"]
    assert rows[0] == {
        "path": "A/A1.jpg",
        "label": "A",
        "group": "A/01",
        "width": "40",
        "height": "30",
        "found": "1",
        "pass": "2",
        "handedness": "Left",
        "score": "0.9000",
    }

    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == outcome.report
    assert report["broken"] == [{"path": "B/B1.jpg", "reason": "empty file"}]
    assert report["skipped_folders"] == ["junk"]
    assert report["passed_over"] == ["A/A3.raw"]
    assert "passed over: 1 file named like no picture, such as A/A3.raw" in capsys.readouterr().err
    assert report["classes"]["A"] == {"images": 3, "pass 1": 0, "pass 2": 1, "pass 3": 0, "missed": 2}


def test_an_interrupted_run_goes_on_and_ends_the_same(looks, pictures, tmp_path):
    preprocess(pictures, tmp_path / "whole")
    looks.at.clear()
    assert interrupted(looks, 2, pictures, tmp_path / "out").startswith("2 of 6 images are kept")
    assert preprocess(pictures, tmp_path / "out").looked_at == 4
    assert looks.at == ["A10.jpg", "B1.jpg", "B2.jpg", "n.jpg"]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "torn", [b'{"path": "A/A10', b'{"path": "A/A10.jpg", "stamp": [1, 2]}', b"\0\0\0\0\n{}\n", b"[]\n7\n{\n" + b"[" * 100_000]
)
def test_a_torn_end_of_the_journal_is_forgotten(looks, pictures, tmp_path, torn):
    preprocess(pictures, tmp_path / "whole")
    interrupted(looks, 2, pictures, tmp_path / "out")
    with open(tmp_path / "out" / "journal.jsonl", "ab") as journal:
        journal.write(torn)
    interrupted(looks, 1, pictures, tmp_path / "out")
    assert preprocess(pictures, tmp_path / "out").looked_at == 3
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry | {"pass": 9},
        lambda entry: entry | {"landmarks": entry["landmarks"][:-8]},
        lambda entry: entry | {"width": "40"},
        lambda entry: {key: value for key, value in entry.items() if key != "score"},
        lambda entry: [entry],
    ],
)
def test_a_damaged_line_of_the_journal_costs_that_picture_alone(looks, pictures, tmp_path, damage):
    preprocess(pictures, tmp_path / "whole")
    interrupted(looks, 3, pictures, tmp_path / "out")
    journal = tmp_path / "out" / "journal.jsonl"
    options, first, *rest = journal.read_text().splitlines()
    journal.write_text("\n".join([options, json.dumps(damage(json.loads(first))), *rest]))
    preprocess(pictures, tmp_path / "out")
    assert looks.at == ["A1.jpg", "B1.jpg", "B2.jpg", "n.jpg"]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("head", [b"", b'{"input": "/pic', b"[]"])
def test_a_journal_that_does_not_tell_its_options_begins_again(looks, pictures, tmp_path, head):
    interrupted(looks, 3, pictures, tmp_path / "out")
    journal = tmp_path / "out" / "journal.jsonl"
    journal.write_bytes(head + journal.read_bytes()[journal.read_bytes().index(b"\n") :])
    assert preprocess(pictures, tmp_path / "out").looked_at == 6


def test_of_two_runs_on_one_output_the_second_says_so(looks, pictures, tmp_path):
    with claim_folders(tmp_path / "out"), pytest.raises(UserError, match="another run is at work in .*out"):
        preprocess(pictures, tmp_path / "out")
    assert preprocess(pictures, tmp_path / "out").looked_at == 6


@pytest.mark.parametrize(
    "report", [b"[]", b"7", b"{}", b'{"options": []}', b'{"options": {"passes": 1}}', b"[" * 100_000, b'{"broken": [1]}']
)
def test_a_damaged_report_is_no_finished_output(looks, pictures, tmp_path, report):
    preprocess(pictures, tmp_path / "out")
    (tmp_path / "out" / "report.json").write_bytes(report)
    with pytest.raises(UserError, match="--fresh"):
        preprocess(pictures, tmp_path / "out")


@pytest.mark.parametrize("key", ["classes", "broken", "bytes"])
@pytest.mark.parametrize("value", [None, 7, [1], {"A": 1}])
def test_a_report_with_damaged_structure_is_no_finished_output(looks, pictures, tmp_path, key, value):
    report = preprocess(pictures, tmp_path / "out").report
    (tmp_path / "out" / "report.json").write_text(json.dumps(report | {key: value}))
    with pytest.raises(UserError, match="--fresh"):
        preprocess(pictures, tmp_path / "out")


@pytest.mark.parametrize("size", [0, 64, -4])
def test_emptied_or_cut_landmarks_are_no_finished_output(looks, pictures, tmp_path, size):
    preprocess(pictures, tmp_path / "out")
    landmarks = tmp_path / "out" / "landmarks.npy"
    landmarks.write_bytes(landmarks.read_bytes()[:size])
    with pytest.raises(UserError, match="--fresh replaces them"):
        preprocess(pictures, tmp_path / "out")
    preprocess(pictures, tmp_path / "out", fresh=True)
    assert np.load(landmarks).shape == (5, 63)


def test_names_that_spreadsheets_would_compute_are_quoted(looks, pictures, tmp_path):
    for name in ("=1+1", "+1", "-1", "@x", "'a", "anna"):
        (pictures / "A" / name).mkdir()
        (pictures / "A" / name / "p.jpg").write_bytes(b"12345")
    for path in pictures.rglob("?*.jpg"):
        if path.parent.parent == pictures:
            path.unlink()
    preprocess(pictures, tmp_path / "out", group_by="A/([^/]+)/")
    with open(tmp_path / "out" / "index.csv", newline="") as file:
        groups = [row["group"] for row in csv.DictReader(file)]
    assert sorted(groups) == ["''a", "'+1", "'-1", "'=1+1", "'@x", "anna"]
    assert preprocess(pictures, tmp_path / "out", group_by="A/([^/]+)/").looked_at == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are UTF-8")
def test_names_that_are_not_utf_8_are_read_kept_and_given_back(looks, pictures, tmp_path):
    names = [b"caf\xe9.jpg", "caf\u00e9.jpg".encode(), rb"back\slash\xe9.jpg"]
    for name in names:
        (pictures / "A" / os.fsdecode(name)).write_bytes(b"12345")
    assert "6 of 9 images are kept" in interrupted(looks, 6, pictures, tmp_path / "out")
    assert preprocess(pictures, tmp_path / "out").looked_at == 3
    with open(tmp_path / "out" / "index.csv", newline="", encoding="utf-8") as file:
        stored = [row["path"] for row in csv.DictReader(file)]
    assert {"A/caf\\xe9.jpg", "A/caf\u00e9.jpg", r"A/back\\slash\\xe9.jpg"} <= {*stored}
    assert {os.fsencode(unescaped(path)) for path in stored} >= {b"A/" + name for name in names}
    assert preprocess(pictures, tmp_path / "out").looked_at == 0


def test_a_journal_without_a_whole_line_begins_again(looks, pictures, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.jsonl").write_bytes(b'{"input": "/pic')
    assert preprocess(pictures, tmp_path / "out").looked_at == 6


def test_changed_added_and_removed_pictures_are_noticed_on_going_on(looks, pictures, tmp_path):
    interrupted(looks, 3, pictures, tmp_path / "out")
    os.utime(pictures / "A/A1.jpg", ns=(1, 1))
    (pictures / "A/A2.jpg").unlink()
    (pictures / "A/A3.jpg").write_bytes(b"new")
    preprocess(pictures, tmp_path / "out")
    assert looks.at == ["A1.jpg", "A3.jpg", "B1.jpg", "B2.jpg", "n.jpg"]
    preprocess(pictures, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_output_is_left_as_it_is(looks, pictures, tmp_path):
    first = preprocess(pictures, tmp_path / "out")
    again = preprocess(pictures, tmp_path / "out")
    assert again.looked_at == 0 and again.report == first.report
    assert len(looks.at) == 6


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "--seed 0, not 1; --fresh"),
        ({"split": "random"}, "--split group, not random; --fresh"),
        ({"group_by": "(.)[.]jpg"}, "--group-by blocks, not .*; --fresh"),
    ],
)
def test_other_options_are_refused_by_name_and_fresh_begins_again(
    looks, pictures, tmp_path, monkeypatch, finished, options, message
):
    monkeypatch.setattr(preprocessing, "VALIDATION_SHARE", 0.5)  # six pictures are too few for a random split of less
    if finished:
        preprocess(pictures, tmp_path / "out")
    else:
        interrupted(looks, 3, pictures, tmp_path / "out")
    (pictures / "nothing/m.jpg").write_bytes(b"12345")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(UserError, match=message):
        preprocess(pictures, tmp_path / "out", **options)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert preprocess(pictures, tmp_path / "out", fresh=True, **options).looked_at == 7
    preprocess(pictures, tmp_path / "whole", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("older", ["without passes", "two passes"])
def test_work_of_a_version_with_other_passes_is_refused_and_fresh_begins_again(looks, pictures, tmp_path, finished, older):
    if finished:
        preprocess(pictures, tmp_path / "out")
        file = tmp_path / "out" / "report.json"
        written = json.loads(file.read_text())
        options = written["options"]
    else:
        interrupted(looks, 3, pictures, tmp_path / "out")
        file = tmp_path / "out" / "journal.jsonl"
        head, rest = file.read_text().split("\n", 1)
        written = options = json.loads(head)
    if older == "two passes":
        del options["passes"][2]
    else:
        del options["passes"]
    file.write_text(json.dumps(written) + ("" if finished else f"\n{rest}"))

    with pytest.raises(UserError, match="looks for hands in another way; --fresh begins it again"):
        preprocess(pictures, tmp_path / "out")
    assert preprocess(pictures, tmp_path / "out", fresh=True).looked_at == 6
    preprocess(pictures, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_run_refused_before_its_first_picture_binds_to_nothing(looks, pictures, tmp_path):
    with pytest.raises(UserError, match="one group"):
        preprocess(pictures, tmp_path / "out", group_by="folder")
    assert preprocess(pictures, tmp_path / "out").looked_at == 6


def test_other_groups_in_a_csv_of_the_same_name_are_refused(looks, pictures, tmp_path):
    groups = tmp_path / "groups.csv"
    paths = [path.relative_to(pictures).as_posix() for path in pictures.rglob("*.jpg")]
    groups.write_text("path,group\n" + "".join(f"{path},{number % 2}\n" for number, path in enumerate(paths)))
    preprocess(pictures, tmp_path / "out", group_by=str(groups))
    assert preprocess(pictures, tmp_path / "out", group_by=str(groups)).looked_at == 0
    groups.write_text("path,group\n" + "".join(f"{path},{number % 3}\n" for number, path in enumerate(paths)))
    with pytest.raises(UserError, match="have changed .* --fresh"):
        preprocess(pictures, tmp_path / "out", group_by=str(groups))


def test_other_pictures_in_a_finished_output_are_refused(looks, pictures, tmp_path):
    preprocess(pictures, tmp_path / "out")
    (pictures / "A/A1.jpg").write_bytes(b"another size")
    with pytest.raises(UserError, match="have changed .* --fresh"):
        preprocess(pictures, tmp_path / "out")


def test_files_of_another_origin_are_not_taken_for_a_finished_output(looks, pictures, tmp_path):
    for name in OUTPUTS:
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match="--fresh replaces them"):
        preprocess(pictures, tmp_path)


def test_addresses_in_the_place_of_folders(looks, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(preprocessing, "user_cache_path", lambda _: tmp_path / "cache")
    memory, root = fsspec.filesystem("memory"), f"/{tmp_path.name}"
    for path in pictures.rglob("*.jpg"):
        memory.pipe(f"{root}/pictures/{path.relative_to(pictures).as_posix()}", path.read_bytes())
    source, output = f"memory:/{root}/pictures", f"memory:/{root}/out"
    assert interrupted(looks, 2, source, output).startswith("2 of 6 images are kept")
    assert preprocess(source, output).looked_at == 4
    preprocess(pictures, tmp_path / "here")
    for name in OUTPUTS[:2]:
        assert memory.cat(f"{root}/out/{name}") == (tmp_path / "here" / name).read_bytes()
    report = json.loads(memory.cat(f"{root}/out/report.json"))
    assert report["options"]["input"] == source and report["broken"] == [{"path": "B/B1.jpg", "reason": "empty file"}]

    assert preprocess(source, output).looked_at == 0
    with pytest.raises(UserError, match=f"{output} was made with --seed 0, not 1; --fresh"):
        preprocess(source, output, seed=1)
    assert preprocess(source, output, seed=1, fresh=True).looked_at == 6
    assert {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()} <= {".lock"}


def test_groups_and_labels_as_numbers_split_as_their_names_do(looks, tmp_path):
    """The listing keeps numbers in the place of names: the split is the one that the names give."""
    for label in ("A", "b", "space"):
        for number in range(30):
            path = tmp_path / "pictures" / label / f"person{number % 11}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"1")
    preprocess(tmp_path / "pictures", tmp_path / "out", group_by="folder")
    with open(tmp_path / "out" / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    labels, groups = (np.array([row[name] for row in rows]) for name in ("label", "group"))
    expected = group_split(labels, groups, preprocessing.VALIDATION_SHARE, 0)
    assert [row["split"] == "validation" for row in rows] == expected.tolist()


def test_when_every_picture_is_broken_the_files_are_empty(looks, pictures, tmp_path):
    looks.results = {path.name: "empty file" for path in pictures.rglob("*.jpg")}
    report = preprocess(pictures, tmp_path / "out").report
    assert len(report["broken"]) == 6
    assert np.load(tmp_path / "out" / "landmarks.npy").shape == (0, 63)
    assert table(report).splitlines()[-2].split() == ["all", "0", "0", "0", "0", "0"]


def test_the_table_counts_hands_where_there_should_be_one(looks, pictures, tmp_path):
    lines = table(preprocess(pictures, tmp_path / "out").report).splitlines()
    assert lines[1].split() == ["A", "3", "0", "1", "0", "2"]
    assert lines[-3].split() == ["all", "5", "0", "1", "0", "4"]
    assert lines[-2].split() == ["all", "with", "hand", "4", "0", "1", "0", "3"]
    assert lines[-1] == "hand found in 25.0% of the images other than `nothing` (0.0% at once)"
