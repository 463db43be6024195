import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import cv2
import numpy as np
import pytest

from sign2sound import UserError
from sign2sound.sources import (
    Camera,
    Sample,
    VideoFile,
    find_pictures,
    is_stream,
    list_cameras,
    next_camera,
    open_camera,
    open_stream,
    watch_pictures,
)


def write_video(path, frames: int):
    """Frames of 64x48 pixels at 25 frames/s: frame i is as bright as 5 * i, with a red left half."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for index in range(frames):
        picture = np.full((48, 64, 3), 5 * index, np.uint8)
        picture[:, :32, 2] = 255
        writer.write(picture)
    writer.release()
    return path


def number_of(frame) -> int:
    return round(frame.picture[:, 40:, 1].mean() / 5)


def test_every_frame_of_a_video_comes_once_with_its_time(tmp_path):
    frames = list(VideoFile(write_video(tmp_path / "v.mp4", 10)))
    assert [number_of(frame) for frame in frames] == list(range(10))
    assert [frame.timestamp for frame in frames] == pytest.approx([index / 25 for index in range(10)])
    red, green, blue = frames[0].picture[:, :24].mean(axis=(0, 1))
    assert frames[0].picture.shape == (48, 64, 3)
    assert red > 200 > 60 > max(green, blue)


def test_a_video_without_frames_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no frames"):
        VideoFile(write_video(tmp_path / "v.mp4", 0))


class ThrottledCapture:
    """A video file that delivers a frame every 10 ms, as a camera does whether or not anyone looks."""

    def __init__(self, path):
        self._capture = cv2.VideoCapture(str(path))
        self.retrieve = self._capture.retrieve
        self.get = self._capture.get
        self.release = self._capture.release

    def grab(self):
        time.sleep(0.01)
        return self._capture.grab()


def test_a_slow_consumer_gets_the_newest_camera_frames_and_the_rest_is_counted(tmp_path):
    camera = Camera(ThrottledCapture(write_video(tmp_path / "v.mp4", 40)), "camera 0")
    seen, times = [], []
    with pytest.raises(UserError, match="camera 0 delivers no more pictures"):
        for frame in camera:
            seen.append(number_of(frame))
            times.append(frame.timestamp)
            time.sleep(0.1)
    camera.close()
    assert 2 <= len(seen) <= 6
    assert all(later - earlier >= 5 for earlier, later in zip(seen[1:], seen[2:], strict=False))
    assert times[0] == 0 and times == sorted(set(times))
    assert len(seen) + camera.dropped == 40


def test_a_camera_can_be_closed_while_it_delivers(tmp_path):
    camera = Camera(ThrottledCapture(write_video(tmp_path / "v.mp4", 40)), "camera 0")
    next(iter(camera))
    camera.close()
    assert camera.dropped < 39


@pytest.mark.parametrize("number", [77, 10**12])
def test_a_camera_that_is_not_there_is_refused(number):
    with pytest.raises(UserError, match=f"camera {number} does not open"):
        open_camera(number)


class FakeCamera:
    """Cameras 0 and 2 open; 0 has 640x480 and 1280x720 pixels, 2 has 640x480."""

    used = {}

    def __init__(self, number):
        self.number, self.size = number, {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}
        self.used[number] = self.used.get(number, 0) + 1

    def set(self, side, pixels):
        if self.number == 0 and pixels in (1280, 720):
            self.size[side] = pixels

    def get(self, what):
        return self.size.get(what, 30.0)

    def read(self):
        return self.number in (0, 2), np.zeros((self.size[cv2.CAP_PROP_FRAME_HEIGHT], 640, 3), np.uint8)

    def grab(self):
        time.sleep(0.01)
        return True

    def retrieve(self):
        return self.read()

    def release(self):
        self.used[self.number] -= 1


@pytest.fixture
def cameras(monkeypatch):
    """How many hold each camera open."""
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    monkeypatch.setattr(FakeCamera, "used", {})
    return FakeCamera.used


def test_a_camera_is_asked_for_a_resolution_and_says_what_it_gives(cameras):
    for number, size in ((0, (1280, 720)), (2, (640, 480))):
        with closing(open_camera(number, (1280, 720))) as camera:
            assert (camera.number, camera.size) == (number, size)
    with closing(open_camera(0)) as camera:
        assert camera.size == (640, 480)


@pytest.mark.parametrize("before, after", [(-1, 0), (0, 2), (1, 2), (2, 0), (12, 0)])
def test_the_next_camera_is_the_next_that_opens(cameras, before, after):
    with closing(next_camera(before)) as camera:
        assert camera.number == after
        assert sum(cameras.values()) == 1
    assert sum(cameras.values()) == 0


def test_a_camera_is_not_its_own_next_one(cameras, monkeypatch):
    monkeypatch.setattr(FakeCamera, "read", lambda self: (self.number == 0, np.zeros((480, 640, 3), np.uint8)))
    with pytest.raises(UserError, match="no other camera opens"):
        next_camera(0)
    monkeypatch.setattr(FakeCamera, "read", lambda self: (False, None))
    with pytest.raises(UserError, match="no camera opens"):
        next_camera(-1)


def test_the_cameras_are_listed_and_left_free(cameras):
    assert list_cameras() == ["camera 0: 640x480, 30 frames/s", "camera 2: 640x480, 30 frames/s"]
    assert len(cameras) == 10 and not any(cameras.values())


class Mjpeg(BaseHTTPRequestHandler):
    """A network camera that sends 60 pictures, one every 20 ms, and hangs up."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(60):
            jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 4 * number, np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.02)

    def log_message(self, *_):
        pass


@pytest.fixture
def network_camera():
    with ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/video"
        server.shutdown()


def test_an_mjpeg_stream_is_read_like_a_camera(network_camera):
    stream = open_stream(f"http://user:secret@{network_camera}")
    frames = []
    with pytest.raises(UserError, match="delivers no more pictures; check the network") as end:
        for frame in stream:
            frames.append(frame)
            time.sleep(0.05)
    stream.close()
    assert stream.live and stream.name == f"http://{network_camera}" and "secret" not in str(end.value)
    brightness = [frame.picture.mean() for frame in frames]
    assert len(frames) > 5 and brightness == sorted(brightness) and brightness[-1] > 150
    assert stream.dropped > 0


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_address_without_a_stream_is_refused(scheme):
    with pytest.raises(UserError, match=f"no stream at {scheme}://127.0.0.1:1/video that OpenCV can read"):
        open_stream(f"{scheme}://me:secret@127.0.0.1:1/video")


def test_addresses_are_told_from_files():
    assert is_stream("rtsp://camera/1") and is_stream("https://camera/video.mjpg")
    assert not any(map(is_stream, ("video.mp4", "0", "C:\\videos\\a.mp4", "/home/me/rtsp")))


def test_a_folder_being_filled_gives_each_picture_once_when_it_is_whole(tmp_path, monkeypatch):
    looks = []

    def at_each_look(_):
        looks.append(1)
        if len(looks) == 3:
            (tmp_path / "3.jpg").write_bytes(b"half")
        elif len(looks) == 4:
            (tmp_path / "3.jpg").write_bytes(b"half and half")
            (tmp_path / "2.jpg").write_bytes(b"")  # opened to be written
        elif len(looks) == 6:
            (tmp_path / "2.jpg").write_bytes(b"whole")

    monkeypatch.setattr(time, "sleep", at_each_look)
    for name in ("10.jpg", "1.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"picture")
    assert [path.name for path in islice(watch_pictures(tmp_path), 4)] == ["1.png", "10.jpg", "3.jpg", "2.jpg"]
    assert len(looks) == 7


def test_the_sample_is_drawn_at_25_frames_per_second():
    frames = iter(Sample("A"))
    assert [next(frames).timestamp for _ in range(3)] == pytest.approx([0, 0.04, 0.08])


def test_the_sample_spells_as_fast_as_asked():
    slow, fast = (sum(1 for _ in Sample("ABC", speed)) for speed in (3, 6))
    assert slow - fast == pytest.approx(2.5 * (1 / 3 - 1 / 6) * 25, abs=1)  # each letter is held for half of its time


def test_the_sample_refuses_what_it_cannot_spell():
    with pytest.raises(UserError, match="'3'"):
        next(iter(Sample("H3")))


def test_pictures_come_in_natural_order(tmp_path):
    for name in ("10.jpg", "2.JPG", "1.png", "notes.txt", "b1.webp", "a.bmp"):
        (tmp_path / name).touch()
    assert [path.name for path in find_pictures(tmp_path)] == ["1.png", "2.JPG", "10.jpg", "a.bmp", "b1.webp"]
    assert find_pictures(tmp_path / "10.jpg") == [tmp_path / "10.jpg"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="no picture in"):
        find_pictures(tmp_path)
