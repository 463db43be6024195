import http.server
import os
import subprocess
import sys
import threading
import time
import venv
import zipfile

import pytest

from sign2sound import UserError, hand_model
from sign2sound.hand_model import ENVIRONMENT_VARIABLE, cached_path, find_hand_model

WRONG_URL = "http://127.0.0.1:9/hand_landmarker.task"  # the discard port: nobody answers


@pytest.fixture(autouse=True)
def no_internet(tmp_path, monkeypatch):
    """An empty cache folder, nobody at the official address, and a pip that finds nothing."""
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if tmp_path not in cached_path().parents:
        pytest.skip("needs a system whose cache folder is set by XDG_CACHE_HOME")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(hand_model, "OFFICIAL_URL", WRONG_URL)


class Server(http.server.ThreadingHTTPServer):
    """Serves a good model file, and several that are not."""

    def __init__(self, good: bytes):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.good, self.requests = good, []
        self.together = threading.Barrier(2, timeout=20)

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(self.path)
        self.close_connection = True
        good, name = self.server.good, self.path[1:]
        if name == "missing":
            self.send_error(404)
            return
        if name == "nonsense":
            self.wfile.write(b"certainly no HTTP\r\n\r\n")
            return
        if name == "silent":
            time.sleep(0.6)
            return
        if name == "together":
            self.server.together.wait()
        self.send_response(200)
        if name == "chunks":  # announces more than comes: http.client.IncompleteRead
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"100000\r\n" + good[:1000])
            return
        body = b"<html>log in to the hotel's network</html>" if name == "wrong" else good
        self.send_header("Content-Length", "many" if name == "length" else str(len(body)))
        self.end_headers()
        self.wfile.write(body[: 1 << 20] if name == "short" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(hand_model_file):
    with Server(hand_model_file.read_bytes()) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def cache_files():
    return [path.name for path in cached_path().parent.iterdir()] if cached_path().parent.exists() else []


def other_zip(path):
    """A bundle with the right names, and other networks in it."""
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("hand_detector.tflite", b"other")
        bundle.writestr("hand_landmarks_detector.tflite", b"other")
    return path


def test_order_of_sources(hand_model_file, server, tmp_path, monkeypatch):
    named, from_environment = tmp_path / "named.task", tmp_path / "environment.task"
    for path in (named, from_environment):
        path.write_bytes(server.good)
    monkeypatch.setattr(hand_model, "OFFICIAL_URL", server.url("good"))

    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(from_environment))
    assert find_hand_model(named) == find_hand_model(str(named)) == named
    assert find_hand_model() == from_environment
    assert cache_files() == [] and server.requests == []

    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert find_hand_model() == cached_path()
    assert cached_path().read_bytes() == server.good
    assert find_hand_model() == cached_path()
    assert server.requests == ["/good"]  # fetched once, then cached


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("none", "no such file"),
        ("folder", "not the expected zip"),
        ("text", "not the expected zip"),
        ("other", "another sha256"),
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_named_file_is_checked_and_nothing_else_taken(tmp_path, monkeypatch, content, reason, by_environment):
    path = tmp_path / "named.task"
    if content == "folder":
        path.mkdir()
    elif content == "text":
        path.write_text("hello")
    elif content == "other":
        other_zip(path)
    if by_environment:
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(path))
    with pytest.raises(UserError) as refused:
        find_hand_model(None if by_environment else path)
    message = str(refused.value)
    assert str(path) in message and reason in message and "hand_landmarker.task" in message and "\n" not in message
    assert cache_files() == []


def test_damage_anywhere_in_the_file_is_seen(server, tmp_path):
    path = tmp_path / "damaged.task"
    directory = server.good.rindex(b"PK\x01\x02")
    for offset in (100, len(server.good) // 2, directory + 10, directory + 42, len(server.good) - 3):
        damaged = bytearray(server.good)
        damaged[offset] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"hand landmark model .*damaged\.task"):
            find_hand_model(path)


@pytest.mark.parametrize("answer", ["missing", "nonsense", "silent", "chunks", "wrong", "length", "short"])
def test_a_broken_download_is_never_used(server, monkeypatch, answer):
    monkeypatch.setattr(hand_model, "OFFICIAL_URL", server.url(answer))
    monkeypatch.setattr(hand_model, "_TIMEOUT", 0.2)
    monkeypatch.setattr(sys, "executable", "no python")
    with pytest.raises(UserError, match="could not be fetched") as refused:
        find_hand_model()
    message = str(refused.value)
    assert server.url(answer) in message and str(cached_path()) in message and ENVIRONMENT_VARIABLE in message
    assert "MediaPipe's server: " in message and "pip: " in message
    assert "\n" not in message
    assert cache_files() == []


def test_a_damaged_cache_is_fetched_again(server, monkeypatch):
    monkeypatch.setattr(hand_model, "OFFICIAL_URL", server.url("good"))
    cached_path().parent.mkdir(parents=True)
    cached_path().write_bytes(server.good[:-100])
    assert find_hand_model().read_bytes() == server.good


def test_a_cache_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setattr(hand_model, "OFFICIAL_URL", server.url("good"))
    monkeypatch.setattr(sys, "executable", "no python")
    with pytest.raises(UserError, match="could not be fetched") as refused:
        find_hand_model()
    assert str(tmp_path / "cache") in str(refused.value) and "\n" not in str(refused.value)


def test_a_full_disk(server, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hand_model, "OFFICIAL_URL", server.url("good"))
    monkeypatch.setattr(sys, "executable", "no python")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        find_hand_model()
    assert cache_files() == []


def test_no_network_and_no_pip(tmp_path, monkeypatch):
    venv.create(tmp_path / "bare", with_pip=False)
    (python,) = (tmp_path / "bare").glob("*/python") if os.name == "posix" else (tmp_path / "bare").glob("*/python.exe")
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(UserError, match=r"MediaPipe's server: .*; pip: no network, or no pip") as refused:
        find_hand_model()
    assert f"download {WRONG_URL} by hand and save it as {cached_path()}" in str(refused.value)


@pytest.mark.parametrize("networks", ["good", "other"])
def test_the_networks_come_out_of_the_wheel(hand_model_file, tmp_path, monkeypatch, networks):
    """The real pip, with a folder of wheels in place of the internet."""
    pytest.importorskip("pip")
    with zipfile.ZipFile(hand_model_file) as bundle, zipfile.ZipFile(
        tmp_path / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as wheel:  # fmt: skip
        for name, _, member in hand_model._MEMBERS:
            wheel.writestr(member, bundle.read(name) if networks == "good" else b"other")
        about = "mediapipe-0.10.21.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n")
        wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    if networks == "other":
        with pytest.raises(UserError, match=r"pip: .*mediapipe-0\.10\.21.*another sha256"):
            find_hand_model()
        assert cache_files() == []
        return
    assert find_hand_model() == cached_path()
    with zipfile.ZipFile(cached_path()) as bundle:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in bundle.infolist())
    assert cache_files() == ["hand_landmarker.task"]


def test_two_processes_fetching_at_once(server):
    program = "import sys; from sign2sound import hand_model as h; h.OFFICIAL_URL = sys.argv[1]; print(h.find_hand_model())"
    command = [sys.executable, "-c", program, server.url("together")]  # answered when both have asked
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        output, error = process.communicate(timeout=30)
        assert (process.returncode, output.strip()) == (0, str(cached_path())), error
        assert "hand landmark model: 100%" in error  # the progress bar
    assert server.requests == ["/together"] * 2
    assert cached_path().read_bytes() == server.good
    assert cache_files() == ["hand_landmarker.task"]


def test_the_module_runs_as_a_program(server, tmp_path):
    command = [sys.executable, "-m", "sign2sound.hand_model"]
    (tmp_path / "good.task").write_bytes(server.good)
    good = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {ENVIRONMENT_VARIABLE: str(tmp_path / "good.task")}
    )
    assert (good.returncode, good.stdout, good.stderr) == (0, f"{tmp_path / 'good.task'}\n", "")
    bad = subprocess.run(command, capture_output=True, text=True, env=os.environ | {ENVIRONMENT_VARIABLE: "none.task"})
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("error: hand landmark model none.task: no such file") and bad.stderr.count("\n") == 1
