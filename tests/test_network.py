"""Nothing leaves the machine: the kernel sees every name look-up and connection of the programs, those of C++ code too."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

from sign2sound import hand_model
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand

ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
DNS = 53  # a resolver may be on this machine, but asks others
RESOLVER = "io.systemd.Resolve"
FEW_STEPS = """
import sys
from sign2sound import adapting
from training import personalize
adapting._STEPS = 3
sys.argv = ["personalize.py", *sys.argv[1:]]
personalize.main()
"""


@pytest.fixture(scope="module")
def strace():
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "64", "-e", "trace=network"]
    if not shutil.which("strace"):
        pytest.skip("needs strace, which watches the programs: sudo apt-get install strace")
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("strace may not watch programs here")
    return command


@pytest.fixture
def watched(strace, root, tmp_path):
    """Starts a program with a home of its own; calls.txt then has what it does on the network."""

    def start(*arguments):
        if hand_model._problem_with(hand_model.cached_path()):
            pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
        hidden = ("XDG_", "ORT_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        environment |= {"HOME": str(tmp_path / "home"), "SIGN2SOUND_HAND_MODEL": str(hand_model.cached_path())}
        command = [*strace, "-o", tmp_path / "calls.txt", sys.executable, *arguments]
        pipe = subprocess.PIPE
        options = {"cwd": root, "stdout": pipe, "stderr": pipe, "text": True, "env": environment, "start_new_session": True}
        processes.append(subprocess.Popen(list(map(str, command)), **options))
        return processes[-1]

    processes = []
    (tmp_path / "home").mkdir()
    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def outside(calls: str) -> list[str]:
    """The calls that reach another machine or ask for a name's address, of those that strace wrote down."""
    found = []
    for call in calls.splitlines():
        addresses = [ip_address(next(filter(None, groups))) for groups in ADDRESS.findall(call)]
        reached = re.search(r"\b(connect|sendto|sendmsg|sendmmsg)\(", call) and any(
            not (address.is_loopback or address.is_unspecified) for address in addresses
        )
        if reached or str(DNS) in PORT.findall(call) or RESOLVER in call:
            found.append(call)
    return found


def assert_silent(process, tmp_path, status=0):
    stdout, stderr = process.communicate(timeout=180)
    assert process.returncode == status, stderr
    assert outside((tmp_path / "calls.txt").read_text()) == []
    names = [path.name for path in (tmp_path / "home").rglob("*")]
    assert "deviceid" not in names, "onnxruntime prepares to report its use"
    return stdout


@pytest.mark.parametrize("program", ["socket.getaddrinfo('example.org', 0)", "socket.create_connection(('192.0.2.1', 1), 0.1)"])
def test_the_watcher_sees_what_it_is_to_find(watched, tmp_path, program):
    watched("-c", f"import contextlib, socket\nwith contextlib.suppress(OSError): {program}").communicate(timeout=60)
    assert outside((tmp_path / "calls.txt").read_text())


def test_the_demo(watched, tmp_path):
    arguments = ("--headless", "--source", "sample", "--word", "L", "--output", tmp_path / "l.mp4")
    assert "text: L" in assert_silent(watched("inference/realtime_demo.py", *arguments), tmp_path)


@pytest.fixture
def picture():
    return draw_hand(place_hand(load_prototypes()["L"][0]))[..., ::-1]


def test_a_still(watched, tmp_path, picture):
    cv2.imwrite(str(tmp_path / "l.png"), picture)
    assert "  L  " in assert_silent(watched("-m", "sign2sound", "read", tmp_path / "l.png"), tmp_path)


def test_preprocessing(watched, tmp_path, picture):
    for label in "AL":
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(tmp_path / "pictures" / label / f"{number}.png"), picture)
    arguments = ("--input", tmp_path / "pictures", "--output", tmp_path / "out", "--workers", 1, "--split", "random")
    assert "8 images in" in assert_silent(watched("scripts/preprocess.py", *arguments), tmp_path)


def test_teaching(watched, tmp_path):
    hands = np.stack([place_hand(load_prototypes()[letter][0]) for letter in "AB"])
    np.savez(tmp_path / "me.npz", landmarks=hands, label=np.array(["A", "B"]), left_handed=np.zeros(2, bool))
    teaching = watched("-c", FEW_STEPS, "--input", tmp_path / "me.npz", "--output", tmp_path / "profile.npz")
    assert "adapted to all 2 samples" in assert_silent(teaching, tmp_path)


def test_the_page(watched, tmp_path, picture):
    server = watched("inference/web_app.py", "--port", "0")
    address = ""
    deadline = time.monotonic() + 60
    while not address and time.monotonic() < deadline and server.poll() is None:
        match = re.search(r"http://([^/\s]+)", server.stdout.readline())
        address = match[1] if match else ""
    host = address.replace("localhost", "127.0.0.1")
    with connect(f"ws://{host}/stream", origin=f"http://{host}", open_timeout=30) as socket:
        assert json.loads(socket.recv(timeout=60))["type"] == "welcome"
        socket.send(struct.pack("<d", 1.0) + cv2.imencode(".jpg", picture)[1].tobytes())
        assert json.loads(socket.recv(timeout=60))["label"] == "L"
    (program,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()  # strace's one
    os.kill(int(program), signal.SIGINT)
    assert_silent(server, tmp_path, status=server.wait(timeout=30))
