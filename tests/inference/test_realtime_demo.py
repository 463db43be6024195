import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count

import cv2
import numpy as np
import pytest
import torch

from inference import realtime_demo, teaching
from inference.controls import Controls
from sign2sound import Recognizer, UserError
from sign2sound.checkpoint import load_model, save_checkpoint
from sign2sound.live import Live
from sign2sound.model import LandmarkGRU
from sign2sound.profile import save_profile
from sign2sound.sources import Camera, Frame
from sign2sound.video_writer import VideoWriter


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "untrained.pth"
    save_checkpoint(path, LandmarkGRU(), config={}, epoch=0, metrics={})
    return path


@pytest.fixture
def demo(tmp_path, monkeypatch, untrained):
    """Runs the program in this process, in an empty folder, headless, with an untrained model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    threads, terminate = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["realtime_demo.py", "--model", str(untrained), "--headless", *map(str, arguments)])
        realtime_demo.main()

    yield run
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def start(root, tmp_path):
    """Starts the program as a user does, in an empty folder."""

    def popen(*arguments, display=""):
        environment = {**os.environ, "PYTHONPATH": str(root), "DISPLAY": display, "XDG_DATA_HOME": str(tmp_path / "home")}
        command = [sys.executable, str(root / "inference" / "realtime_demo.py"), *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return popen


def write_video(path, frames: int):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (320, 240))
    for _ in range(frames):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    return path


def frames_in(path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def wait_for_video(folder):
    """Until `out.mp4` is begun, whose file has another name until it is whole."""
    deadline = time.monotonic() + 60
    while not list(folder.glob(".out.mp4.*")) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_real_video_leaves_text_table_report_and_video(start, shared_data, untrained, tmp_path):
    source = shared_data / "videos" / "L.mp4"
    process = start("--source", source, "--model", untrained, "--headless", "--output", "a/l.mp4", "--report", "b/l.json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "text: " in out and "features+model" in out

    report = json.loads((tmp_path / "b" / "l.json").read_text())
    assert report["source"] == str(source)
    assert report["frames"] == 102 and report["dropped"] == 0
    assert [row["count"] for row in report["latency_ms"].values()] == [102] * 6
    stages = report["latency_ms"]
    assert stages["total"]["p50"] > stages["landmarks"]["p50"] > stages["features+model"]["p50"] > 0
    assert report["machine"]["cores"] == os.cpu_count()
    assert frames_in(tmp_path / "a" / "l.mp4") == 102


def test_without_camera_and_display_the_released_model_reads_the_sample(start, root, tmp_path):
    """The whole path: a drawn hand, MediaPipe, the network, the speller. Its video lies in the project."""
    process = start("--source", "sample", "--model", root / "checkpoints" / "best_model.pth")
    out, err = process.communicate(timeout=180)
    assert (process.returncode, err) == (0, "")
    assert "no display found: reading sample (HELLO) without a window" in out
    assert [line.split()[-1] for line in out.splitlines() if " s  " in line] == list("HELLO")
    assert "text: HELLO" in out.splitlines()
    video = root / "results" / "run" / "sample.mp4"
    assert f"annotated video: {video}, which browsers and players show" in out.splitlines() and frames_in(video) > 100


def test_a_mistake_is_one_line_and_status_2(start):
    process = start("--source", "nowhere.mp4")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: no file or folder nowhere.mp4; expected")


def test_ctrl_c_loses_nothing(start, untrained, tmp_path):
    source = write_video(tmp_path / "long.mp4", 3000)
    process = start("--source", source, "--model", untrained, "--headless", "--output", "out.mp4", "--report", "r.json")
    wait_for_video(tmp_path)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "stopped\n")
    assert "text: " in out and "features+model" in out
    frames = json.loads((tmp_path / "r.json").read_text())["frames"]
    assert 0 < frames < 3000
    assert frames_in(tmp_path / "out.mp4") in (frames, frames + 1)  # stopped before or after the frame was counted


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb, a display without a screen")
def test_the_window_opens_and_a_terminated_run_loses_nothing(start, untrained, tmp_path):
    server = subprocess.Popen(["Xvfb", "-displayfd", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        display = f":{server.stdout.readline().strip()}"
        process = start(
            "--word", "A", "--model", untrained, "--no-speech", "--output", "out.mp4", "--report", "r.json", display=display
        )
        wait_for_video(tmp_path)
        time.sleep(0.5)
        process.terminate()
        out, err = process.communicate(timeout=60)
    finally:
        server.terminate()
        server.wait()
    assert (process.returncode, err) == (143, "")
    assert "reading sample (A) in a window; keys:" in out
    assert json.loads((tmp_path / "r.json").read_text())["frames"] > 0
    assert frames_in(tmp_path / "out.mp4") > 0


def test_an_unplugged_camera_is_an_error_and_loses_nothing(demo, monkeypatch, tmp_path, capsys):
    capture = cv2.VideoCapture(str(write_video(tmp_path / "camera.mp4", 40)))
    monkeypatch.setattr(realtime_demo, "open_camera", lambda number, _: Camera(capture, f"camera {number}"))
    with pytest.raises(UserError, match="camera 0 delivers no more pictures"):
        demo("--output", "out.mp4", "--report", "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["source"] == "camera 0"
    assert report["frames"] > 0 and report["frames"] + report["dropped"] == 40
    assert "text: " in capsys.readouterr().out
    assert frames_in(tmp_path / "out.mp4") > 0


class Desk:
    """A player without a screen, which is pressed keys one after another, one at each frame."""

    def __init__(self, *keys: str | None, video=None):
        self.keys, self.shown, self.full_screen = list(keys), [], []
        recognizer = Recognizer(LandmarkGRU())
        recognizer.read = lambda picture, timestamp: recognizer.update(None, timestamp)
        self.clock = 100.0
        self.controls = Controls(Live(recognizer), clock=lambda: self.clock)
        self.progress = realtime_demo.Progress("somewhere")
        self.player = realtime_demo.Player(self.controls, self.progress, self, video, (320, 240))

    def show(self, picture, full_screen):
        self.shown.append(picture.copy())
        self.full_screen.append(full_screen)

    def wait(self, seconds):
        self.clock += max(seconds, 1.0)
        return self.keys.pop(0) if self.keys else "closed"


class Pictures:
    """A file with three frames, or a camera, which does not end."""

    dropped = 2

    def __init__(self, name: str, number: int = -1, size=(480, 640)):
        self.name, self.number, self.live, self.closed, self._size = name, number, number >= 0, False, size

    def __iter__(self):
        for index in count() if self.live else range(3):
            yield Frame(np.full((*self._size, 3), 90, np.uint8), index / 25, 0.0)

    def close(self):
        self.closed = True


@pytest.fixture
def cameras(monkeypatch):
    """Cameras 0 and 1 are there."""
    opened = []

    def open_next(number, resolution):
        assert resolution == (320, 240)
        opened.append(Pictures(f"camera {(number + 1) % 2}", (number + 1) % 2, (240, 320)))
        return opened[-1]

    monkeypatch.setattr(realtime_demo, "next_camera", open_next)
    return opened


def no_camera(*_):
    raise UserError("no camera opens")


def test_the_end_of_a_file_stays_on_show_until_the_user_quits():
    desk, file = Desk(None, None, None, "e", "a", "escape", "escape", "x", "q"), Pictures("a.mp4")
    desk.player.play(file)
    assert desk.progress.frames == 3 and desk.progress.dropped == 2 and file.closed
    assert desk.keys == [] and len(desk.shown) == 9
    assert desk.controls.live.text == "A"
    assert desk.controls.view(25.0, 0.03).frames_per_second == 0


def test_without_a_window_a_run_ends_with_its_file():
    desk = Desk()
    desk.player._window = None
    desk.player.play(Pictures("a.mp4"))
    assert desk.progress.frames == 3


@pytest.mark.parametrize("key", ["t", "p", "n"])
def test_at_the_end_of_a_file_a_camera_is_opened_for_who_needs_it(cameras, key):
    desk, file = Desk(None, None, None, None, key, None, "q"), Pictures("a.mp4")
    desk.controls.live.write("A")
    desk.player.play(file)
    assert [camera.name for camera in cameras] == ["camera 0"] and file.closed and cameras[0].closed
    assert desk.controls.live.text == "A" and desk.progress.frames > 3


@pytest.mark.parametrize("key", ["t", "p", "n"])
def test_at_the_end_of_a_file_it_is_said_why_no_camera_is_opened(monkeypatch, key):
    monkeypatch.setattr(realtime_demo, "next_camera", no_camera)
    desk = Desk(None, None, None, key)
    desk.player.play(Pictures("a.mp4"))
    assert desk.controls._notice == "no camera opens" and not desk.controls.needs_camera


def test_a_key_goes_from_camera_to_camera_and_the_video_goes_on(cameras, tmp_path):
    video = VideoWriter(tmp_path / "v.mp4")
    desk = Desk(None, "n", None, "n", None, "q", video=video)
    first = Pictures("camera 0", 0)
    desk.player.play(first)
    video.close()
    assert [camera.name for camera in cameras] == ["camera 1", "camera 0"] and first.closed and cameras[0].closed
    assert desk.progress.dropped == 6
    assert frames_in(tmp_path / "v.mp4") == desk.progress.frames


def test_no_other_camera_leaves_the_one_there_is(monkeypatch):
    monkeypatch.setattr(realtime_demo, "next_camera", no_camera)
    desk = Desk("n", None)
    desk.player.play(Pictures("camera 0", 0))
    assert desk.progress.frames == 3  # each with a key, or the window's end


def test_keys_save_the_picture_and_fill_the_screen(monkeypatch, tmp_path, is_drawn):
    monkeypatch.chdir(tmp_path)
    desk = Desk("f", None, "escape", "s")
    desk.player.play(Pictures("camera 0", 0))
    assert desk.full_screen == [False, True, True, False, False]
    (saved,) = (tmp_path / "results" / "run").iterdir()
    assert is_drawn(saved)


def test_cameras_are_listed(demo, monkeypatch, capsys):
    monkeypatch.setattr(realtime_demo, "list_cameras", lambda: ["camera 0: 640x480, 30 frames/s"])
    demo("--list-cameras")
    assert capsys.readouterr().out == "camera 0: 640x480, 30 frames/s\n"
    monkeypatch.setattr(realtime_demo, "list_cameras", list)
    demo("--list-cameras")
    assert capsys.readouterr().out.startswith("no camera opens; ")


def test_headless_without_output_draws_nothing(demo, tmp_path):
    demo("--source", write_video(tmp_path / "v.mp4", 5), "--report", "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["latency_ms"]["drawing"] == {"count": 0} and report["latency_ms"]["landmarks"]["count"] == 5


def test_a_session_is_recorded(demo, tmp_path):
    demo("--source", write_video(tmp_path / "v.mp4", 5), "--record", "session")
    with np.load(tmp_path / "session" / "landmarks.npz") as kept:
        assert kept["landmarks"].shape == (5, 21, 3) and np.isnan(kept["landmarks"]).all()
        assert kept["timestamps"].tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert json.loads((tmp_path / "session" / "text.json").read_text())["source"] == str(tmp_path / "v.mp4")


def test_the_users_profile_is_used_or_said_not_to_fit_and_forgotten(demo, tmp_path, untrained, monkeypatch, capsys):
    path = tmp_path / "profile.npz"
    monkeypatch.setattr(realtime_demo, "user_profile", lambda: path)
    monkeypatch.setattr(teaching, "user_profile", lambda: path)
    model, video = load_model(untrained)[0], write_video(tmp_path / "v.mp4", 2)
    save_profile(path, model, model)
    demo("--source", video)
    assert f"reading with your profile {path}" in capsys.readouterr().out
    save_profile(path, model, LandmarkGRU())
    demo("--source", video)
    assert "reading without your profile: " in capsys.readouterr().out
    with pytest.raises(UserError, match="belongs to another model"):
        demo("--source", video, "--profile", path)
    demo("--source", video, "--forget-profile")
    assert f"deleted {path}" in capsys.readouterr().out and not path.exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--source", "77"], "camera 77 does not open"),
        (["--source", "77", "--resolution", "1280x720"], "camera 77 does not open"),
        (["--resolution", "1280"], "--resolution 1280 is no picture's size; expected for example 1280x720"),
        (["--source", "sample", "--resolution", "1280x720"], "--resolution is for cameras, but the source is sample"),
        (["--source", "nowhere.mp4"], "no file or folder nowhere.mp4"),
        (["--source", "text.mp4"], "text.mp4 is no video"),
        (["--source", "empty"], "empty is no stream; read pictures with: python -m sign2sound read empty"),
        (["--teach", "AJ"], "cannot teach J"),
        (["--word", "A", "--record", "empty/.."], "is not empty, and no recording is overwritten"),
        (["--word", "A", "--language", "klingon"], "no words for klingon"),
        (["--word", "A", "--rate", "1", "--speech"], "a rate of 1 words/min"),
        (["--source", "text.mp4", "--output", "text.mp4"], "--output is the source text.mp4 itself"),
        (["--source", "text.mp4", "--word", "HI"], "--word is for the sample"),
        (["--source", "text.mp4", "--speed", "3"], "--speed is for the sample"),
        (["--speed", "9"], "a speed of 9 letters/s; the synthetic signer spells 0.5 to 6"),
        (["--word", "H3"], "'3'"),
        (["--word", "A", "--output", "out.xyz"], "out.xyz cannot be written as a video"),
        (["--speech-output", "/dev/full"], "/dev/full is a device; give the path of a file"),
        (["--output", "text.mp4/out.mp4"], "cannot write in text.mp4 .Not a directory."),
        (["--report", "empty"], "empty is a folder; give the path of a file"),
        (["--model", "nowhere.pth"], "no checkpoint at nowhere.pth"),
        (["--profile", "nowhere.pth"], "no profile at nowhere.pth"),
        (["--source", "rtsp://127.0.0.1:1/a"], "no stream at rtsp://127.0.0.1:1/a that OpenCV can read"),
        (["--model", "text.mp4"], "text.mp4 is not a checkpoint"),
    ],
)
def test_mistakes(demo, tmp_path, arguments, message):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        demo(*arguments)
    assert (tmp_path / "text.mp4").read_text() == "no video"
