"""The command `sign2sound`."""

import json
import os
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from sign2sound import UserError, command
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand
from sign2sound.speech import find_engine


@pytest.fixture
def sign2sound(tmp_path, monkeypatch):
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sign2sound", *map(str, arguments)])
        command.main()

    return run


@pytest.fixture
def pictures(tmp_path, hand_model_file):
    """A folder with the letter L, an empty picture and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "2.png"), draw_hand(place_hand(load_prototypes()["L"][0]))[..., ::-1])
    cv2.imwrite(str(folder / "10.png"), np.full((200, 200, 3), 128, np.uint8))
    (folder / "1.jpg").write_bytes(b"no picture")
    return folder


def test_pictures_are_read(sign2sound, pictures, capsys):
    sign2sound("read", pictures)
    out, err = capsys.readouterr()
    letter, empty = out.splitlines()
    path, label, confidence = letter.split()
    assert (path, label) == (str(pictures / "2.png"), "L") and 0.5 < float(confidence) <= 1
    assert empty == f"{pictures / '10.png'}  no hand found"
    broken, counts = err.splitlines()
    assert broken.startswith(f"{pictures / '1.jpg'}  cannot be read, skipped: not a picture")
    assert counts == "3 pictures: 1 read, 1 without a hand, 1 broken"

    sign2sound("read", pictures / "2.png", "--json")
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "file": str(pictures / "2.png"),
        "label": "L",
        "confidence": pytest.approx(float(confidence), abs=0.01),
    }
    assert err == "1 picture: 1 read, 0 without a hand, 0 broken\n"


def test_the_signers_video_is_read(sign2sound, hand_model_file, capsys):
    sign2sound("spell", "hi", "--output", "hi.mp4", "--speed", 2)
    assert capsys.readouterr().out == "wrote hi.mp4; read it with: sign2sound read hi.mp4\n"
    sign2sound("read", "hi.mp4")
    assert capsys.readouterr().out.splitlines()[-1] == "text: HI"
    sign2sound("read", "hi.mp4", "--json")
    *events, text = map(json.loads, capsys.readouterr().out.splitlines())
    assert [event["text"] for event in events] == ["H", "I"] and text == {"text": "HI"}
    assert 0.5 < events[0]["seconds"] < events[1]["seconds"] < 2


@pytest.mark.skipif(find_engine() is None, reason="needs espeak-ng")
def test_text_is_spoken_into_a_file(sign2sound, tmp_path, capsys):
    sign2sound("speak", "hello world", "--output", "hello.wav")
    assert capsys.readouterr().out == "wrote hello.wav\n"
    assert (tmp_path / "hello.wav").read_bytes()[:4] == b"RIFF"
    with pytest.raises(UserError, match="a rate of 1 words/min"):
        sign2sound("speak", "hello", "--rate", 1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["read", "nowhere.mp4"], "no file or folder nowhere.mp4; expected a picture, a folder of pictures, a video"),
        (["read", "77"], "camera 77 does not open"),
        (["read", "empty"], "no picture in empty"),
        (["read", "broken.png"], "nothing could be read"),
        (["read", "broken.png", "--watch"], "--watch is for a folder that is being filled, found broken.png"),
        (["read", "broken.mp4"], "broken.mp4 is no video"),
        (["read", "empty", "--model", "nowhere.onnx"], "no model at nowhere.onnx"),
        (["spell", "H3", "--output", "h.mp4"], "cannot spell '3'"),
        (["spell", "HI", "--output", "h.gif"], "h.gif cannot be written as a video"),
        (["spell", "HI", "--output", "empty"], "empty is a folder"),
    ],
)
def test_mistakes(sign2sound, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    for name in ("broken.png", "broken.mp4"):
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(UserError, match=message):
        sign2sound(*arguments)


def test_a_folder_being_filled_is_read_until_ctrl_c(root, tmp_path, hand_model_file):
    folder = tmp_path / "pictures"
    folder.mkdir()
    arguments = [sys.executable, "-m", "sign2sound", "read", str(folder), "--watch"]
    program = subprocess.Popen(arguments, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(folder / name), np.full((200, 200, 3), 128, np.uint8))
        assert program.stdout.readline() == f"{folder / name}  no hand found\n"
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=30)
    assert (program.returncode, err) == (130, "2 pictures: 0 read, 2 without a hand, 0 broken\nstopped\n")


@pytest.mark.skipif(shutil.which("script") is None, reason="needs script, which gives a program a terminal")
def test_a_terminal_is_told_at_once_that_it_loads(root):
    line = f"{sys.executable} -m sign2sound read nowhere.png"
    done = subprocess.run(["script", "-qec", line, os.devnull], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    loading, error = done.stdout.splitlines()
    assert loading == "loading …" and error.startswith("error: no file or folder nowhere.png")
