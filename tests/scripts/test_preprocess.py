"""The command line on real pictures and real worker processes."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sign2sound.landmarker import Landmarker
from sign2sound.pictures import read_picture

OUTPUTS = ("landmarks.npy", "index.csv", "report.json")
CLASSES = ("A", "O", "nothing")


@pytest.fixture
def pictures(root, tmp_path):
    """42 pictures in three class folders: real ones, or where these are absent noise, in which no hand is found."""
    rooms = root.parent / "shared" / "data" / "images" / "rooms" / "train"
    for label in CLASSES:
        folder = tmp_path / "pictures" / label
        folder.mkdir(parents=True)
        if rooms.is_dir():
            for path in sorted((rooms / label.capitalize()).iterdir())[:14]:
                shutil.copy(path, folder)
        else:
            for number in range(14):
                Image.effect_noise((200, 200), 90).save(folder / f"{number}.jpg")
    return tmp_path / "pictures"


@pytest.fixture
def start(root):
    """Starts the command line on a folder of pictures, in a process group of its own."""
    processes = []

    def start(pictures, output, *options):
        command = [sys.executable, "scripts/preprocess.py", "--input", str(pictures), "--output", str(output), *options]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, cwd=root, stdout=pipe, stderr=pipe, text=True, start_new_session=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def finish(process, status=0):
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == status, stderr
    assert "Traceback" not in stderr
    return stdout, stderr


def wait_for_entries(journal: Path, process, count):
    """The number of entries in the journal, once there are `count`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        entries = journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0
        if entries >= count:
            return entries
        time.sleep(0.005)
    pytest.fail("no progress in the journal")


def looked_at(stdout):
    return int(re.search(r"^(\d+) images? in .* images/s$", stdout, re.MULTILINE)[1])


@pytest.mark.skipif(os.name != "posix", reason="process groups and SIGKILL")
def test_killed_and_run_again_it_ends_as_if_uninterrupted(start, pictures, tmp_path):
    killed = start(pictures, tmp_path / "out", "--workers", "2")
    kept = wait_for_entries(tmp_path / "out" / "journal.jsonl", killed, 5)
    os.kill(killed.pid, signal.SIGKILL)  # the parent alone: its workers have to notice
    killed.communicate(timeout=30)  # they hold its stderr open until they end
    assert not (tmp_path / "out" / "index.csv").exists()
    (tmp_path / "pictures" / "A" / "broken.png").write_bytes(b"no picture")

    again, _ = finish(start(pictures, tmp_path / "out", "--workers", "1"))
    assert looked_at(again) <= 43 - kept
    assert "1 broken picture left out" in again

    whole, _ = finish(start(pictures, tmp_path / "whole", "--workers", "2"))
    assert looked_at(whole) == 43
    for name in OUTPUTS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name != ".lock") == sorted(OUTPUTS)


@pytest.mark.skipif(os.name != "posix", reason="process groups and SIGINT")
def test_interrupted_by_the_keyboard_it_says_how_to_go_on(start, pictures, tmp_path):
    process = start(pictures, tmp_path / "out", "--workers", "1")
    wait_for_entries(tmp_path / "out" / "journal.jsonl", process, 1)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to the workers too
    _, stderr = finish(process, status=130)
    assert re.fullmatch(r"stopped: \d+ of 42 images are kept; the same command goes on", stderr.splitlines()[-1])


def test_the_files_hold_what_the_landmarker_sees(start, pictures, tmp_path, shared_data):
    (pictures / "unknown").mkdir()
    stdout, stderr = finish(start(pictures, tmp_path / "out"))
    assert "unknown is no class" in stderr
    assert re.search(r"^O +14 +\d+ +\d+ +\d+ +0$", stdout, re.MULTILINE)

    landmarks = np.load(tmp_path / "out" / "landmarks.npy")
    with open(tmp_path / "out" / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(landmarks) == 42
    chosen = [next(index for index, row in enumerate(rows) if row["pass"] == number) for number in "120"]
    with Landmarker() as landmarker:
        for index in chosen:
            hand = landmarker.find(read_picture(pictures / rows[index]["path"]))
            assert rows[index]["pass"] == str(hand.found_in if hand else 0)
            if hand:
                assert (landmarks[index] == hand.landmarks.reshape(63)).all()
                assert rows[index]["handedness"] == ("Left" if hand.left_handed else "Right")
            else:
                assert np.isnan(landmarks[index]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "0"), "error: --workers 0: expected 1 or more"),
        (("--group-by", "folders"), "error: --group-by folders is neither blocks"),
        (("--input", "absent"), "absent is not a folder"),
    ],
)
def test_mistakes_end_in_one_line(start, pictures, tmp_path, options, message):
    _, stderr = finish(start(pictures, tmp_path / "out", *options), status=2)
    assert len(stderr.splitlines()) == 1 and message in stderr


def test_a_picture_that_kills_its_worker_is_reported_and_the_others_are_read(tmp_path, root):
    program = (
        "import os\nfrom data import workers\nfrom data.places import Place\n"
        "def look(missing):\n    name = os.path.basename(missing.filename)\n"
        "    if name == 'killer': os._exit(9)\n    return name\n"
        "workers._look = look\n"
        "if __name__ == '__main__':\n    paths = ['a', 'killer', *map(str, range(40))]\n"
        "    with workers.look_at_all(Place('.'), paths, 2, None) as answers: print(*answers, sep='|')\n"
    )
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run([sys.executable, tmp_path / "program.py"], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().split("|") == ["a", "it killed the process that read it, twice", *map(str, range(40))], (
        done.stderr
    )
