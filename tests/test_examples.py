"""The examples as their users run them, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from sign2sound import hand_model
from sign2sound.exported import RELEASED
from sign2sound.signer import sign_word

VIRTUAL_CAMERA = """
import enum
PixelFormat = enum.Enum("PixelFormat", "BGR")
class Camera:
    def __init__(self, width, height, fps, fmt):
        self.size, self.sent = (height, width, 3), 0
    def __enter__(self):
        return self
    def __exit__(self, *_):
        print("sent", self.sent)
    def send(self, frame):
        assert frame.shape == self.size
        self.sent += 1
"""


@pytest.fixture
def example(root, tmp_path):
    def run(name, *arguments):
        command = [sys.executable, root / "examples" / name, *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(tmp_path)])}
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)

    return run


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """The synthetic signer spells HI."""
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    path = tmp_path_factory.mktemp("video") / "hi.mp4"
    frames = [frame for frame, _ in sign_word("HI")]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


def test_read_picture(example, video, tmp_path):
    cv2.imwrite(str(tmp_path / "h.png"), [frame for frame, _ in sign_word("H")][12][..., ::-1])
    assert example("read_picture.py", tmp_path / "h.png").stdout.startswith("H  ")
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((200, 200, 3), np.uint8))
    assert "no hand found" in example("read_picture.py", tmp_path / "empty.png").stderr
    assert "cannot be read: No such file" in example("read_picture.py", tmp_path / "none.png").stderr


def test_read_video(example, video):
    done = example("read_video.py", video)
    assert (done.stdout.splitlines()[-1], done.returncode) == ("HI", 0)


def test_subtitle_call(example, video, tmp_path):
    """With a stand-in for the virtual camera, which needs a driver; the video is one as the camera would give it."""
    (tmp_path / "pyvirtualcam.py").write_text(VIRTUAL_CAMERA)
    done = example("subtitle_call.py", video)
    assert done.stdout.split()[0] == "sent" and int(done.stdout.split()[1]) > 40, done.stderr


def test_plain_onnxruntime(example, root):
    done = example("plain_onnxruntime.py", RELEASED, root / "examples" / "hand.json")
    assert [line[:-5] for line in done.stdout.splitlines()] == ["picture: L", "stream: L"] and done.stderr == ""


def test_the_notebook_runs_from_top_to_bottom(root, tmp_path):
    """Its cells one after another in one process, which is what a kernel does; with fewer letters and epochs."""
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    cells = json.loads((root / "examples" / "train_on_your_pictures.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    shorter = {
        "EPOCHS = 6": "EPOCHS = 2",
        '"ABILOV"': '"LV"',
        "range(16)": "range(8)",
        '"epoch_batches=40"': '"epoch_batches=20", "batch_size=64"',
        '"sequences.longest=64"': '"sequences.longest=16", "sequences.frames=300"',
    }
    for as_it_stands, in_the_test in shorter.items():
        assert as_it_stands in code
        code = code.replace(as_it_stands, in_the_test)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 pictures of L, V" in done.stdout and "the synthetic signer's OIL: " in done.stdout
    assert "L: read as L" in done.stdout and "V: read as V" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_pictures", "work"]


def test_javascript(root, tmp_path):
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    for name in ("package.json", "read_landmarks.mjs"):
        shutil.copy(root / "examples" / name, tmp_path)
    got = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=tmp_path, capture_output=True, text=True)
    if got.returncode and any(code in got.stderr for code in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "E404")):
        pytest.skip(f"no package registry: {got.stderr.splitlines()[0]}")
    assert got.returncode == 0, got.stderr
    command = ["node", "read_landmarks.mjs", RELEASED, root / "examples" / "hand.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("L 0."), done.stderr
