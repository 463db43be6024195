"""The server as it runs: uvicorn on a free port, real requests, real WebSockets, the released model."""

import json
import socket as sockets
import struct
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import httpx
import hypothesis
import numpy as np
import pytest
import schemathesis
import uvicorn
from schemathesis.specs.openapi.checks import positive_data_acceptance
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from inference.guard import own_names
from inference.messages import Command
from inference.server import Limits, Rate, create_app
from inference.session import Refused, Session, SessionOptions, decode
from inference.teaching import TeachingState
from inference.web_app import Protocol
from sign2sound.checkpoint import load_model
from sign2sound.hand_model import cached_path, find_hand_model
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand

LIMITS = Limits(sessions=2, frame_bytes=200_000, body_bytes=300_000, picture_pixels=1_000_000, idle_seconds=60)


@pytest.fixture(scope="module")
def options(root):
    if not cached_path().exists():
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    model, _ = load_model(root / "checkpoints" / "best_model.pth")
    return SessionOptions(model=model, hand_model=find_hand_model())


@pytest.fixture(autouse=True)
def profile_path(tmp_path, monkeypatch):
    """Nobody's own profile is read, written or deleted by a test."""
    path = tmp_path / "profile.npz"
    for module in ("inference.session", "inference.teaching"):
        monkeypatch.setattr(f"{module}.user_profile", lambda: path)
    return path


@contextmanager
def serving(options, limits=LIMITS, **arguments):
    app = create_app(options, own_names("127.0.0.1"), limits, **arguments)
    config = uvicorn.Config(app, http=Protocol, log_level="error", port=0, ws_max_size=2 * limits.frame_bytes)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def host(options):
    with serving(options) as host:
        yield host


@pytest.fixture
def http(host):
    with httpx.Client(base_url=f"http://{host}", timeout=30) as client:
        yield client


@pytest.fixture
def stream(host):
    """A connected stream, its welcome taken."""
    with open_stream(host) as socket:
        assert receive(socket)["type"] == "welcome"
        yield socket


def open_stream(host, **arguments):
    return connect(f"ws://{host}/stream", **{"origin": f"http://{host}", **arguments})


def receive(socket):
    return json.loads(socket.recv(timeout=30))


def jpeg(letter: str | None = "L", size: int = 320) -> bytes:
    """A frame with the synthetic signer's letter, or grey."""
    picture = np.full((size, size, 3), 128, np.uint8)
    if letter:
        picture = draw_hand(place_hand(load_prototypes()[letter][0], size), size)
    return cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()


def frame(time: float, picture: bytes) -> bytes:
    return struct.pack("<d", time) + picture


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros: 30,000 x 30,000 pixels fit in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * min((3 * width + 1) * height, 1_000_000))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header says that it is `width` x `height`."""
    data = bytearray(jpeg(None, 32))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


# What it is for


def test_a_held_letter_is_written_with_its_skeleton_and_the_time_of_each_stage(stream):
    for step in range(20):
        stream.send(frame(step / 15, jpeg("L")))
        answer = receive(stream)
        if answer["event"]:
            break
    assert answer["event"] == {"kind": "letter", "text": "L"} and answer["text"] == answer["word"] == "L"
    assert answer["label"] == answer["top"][0][0] == "L" and answer["confidence"] > 0.5
    assert set(answer["ms"]) == {"decode", "landmarks", "features+model", "text", "server"}
    assert answer["ms"]["server"] > answer["ms"]["landmarks"] > 0
    points = np.array(answer["hand"])
    wrist, index_tip, thumb_tip = points[0], points[8], points[4]
    assert points.shape == (21, 2) and (points > 0).all() and (points < 1).all()
    assert index_tip[1] < wrist[1] - 0.2 and thumb_tip[0] > wrist[0] + 0.1  # up, and to the right as it is sent


def test_text_is_typed_deleted_and_cleared(stream):
    def command(**what):
        stream.send(json.dumps(what))
        return receive(stream)

    assert command(do="write", text="hi yo")["text"] == "HI YO"
    assert command(do="delete")["text"] == "HI Y"
    corrected = command(do="correct", text="a")
    assert (corrected["text"], corrected["readings"]) == ("HI A", [])
    assert "no letter to correct" in command(do="correct", text="AB")["message"]
    assert command(do="correct", text="Y")["text"] == "HI Y"
    assert command(do="write", text=" ")["word"] == "Y"
    assert command(do="take", index=0) == {
        "type": "error",
        "message": "there is no suggestion 0; expected 0 to 2, of those on show",
    }
    assert command(do="clear")["text"] == ""


def test_practice_says_what_it_sees_and_which_finger_to_change(stream):
    stream.send(json.dumps({"do": "practice", "text": "V"}))
    receive(stream)
    for step in range(12):
        stream.send(frame(step / 15, jpeg("W")))
        answer = receive(stream)
    assert answer["label"] == "W" and answer["text"] == ""  # what is practised is not spelled
    assert answer["practice"] == {
        "word": "V",
        "done": 0,
        "right": 0,
        "wrong": 1,
        "advice": "bend your ring finger",
        "finger": "ring",
    }
    for step in range(12, 24):
        stream.send(frame(step / 15, jpeg("V")))
        answer = receive(stream)
    assert answer["practice"] == {"word": "V", "done": 1, "right": 1, "wrong": 1, "advice": "", "finger": ""}


def test_a_picture_is_read(http):
    answer = http.post("/predict", files={"image": jpeg("Y", 480)}).json()
    assert answer["label"] == "Y" and answer["confidence"] > 0.5 and len(answer["top"]) == 3
    assert np.shape(answer["landmarks"]) == (21, 3) and answer["handedness"] == "right"
    empty = http.post("/predict", files={"image": jpeg(None)}).json()
    assert empty["label"] == "nothing" and empty["landmarks"] is None and empty["handedness"] is None


def test_landmarks_are_read_as_the_library_reads_them(http, options):
    from sign2sound import Recognizer

    hands = np.stack([place_hand(load_prototypes()[letter][0]) for letter in "AB"])
    answer = http.post("/landmarks", json={"landmarks": hands.tolist(), "left_handed": [False, True]}).json()
    assert len(answer["labels"]) == 29
    expected = Recognizer(options.model).predict(hands, np.array([False, True]))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert http.post("/landmarks", json={"landmarks": []}).json()["probabilities"] == []


def test_a_lesson_ends_in_a_profile_that_is_used_at_once_and_can_be_deleted(options, profile_path, monkeypatch):
    monkeypatch.setattr("sign2sound.adapting._STEPS", 5)
    session = Session(options, own=True)
    state = session.command(Command(do="teach", text="L"))
    assert not state.profile
    phases, picture = [], jpeg("L")
    for step in range(400):
        answer = session.frame(picture, step / 15)
        phases.append(answer.teaching.phase)
        if phases[-1] == "saved":
            break
    assert list(dict.fromkeys(phases)) == ["countdown", "recording", "adapting", "saved"]
    assert profile_path.exists() and answer.profile
    assert session.frame(picture, 40).teaching is None
    session.close()

    again = Session(options, own=True)
    assert "with your profile" in again.notice
    assert not again.command(Command(do="forget")).profile and not profile_path.exists()
    stranger = Session(options, own=False)
    assert not stranger.state()["profile"]


def test_practice_goes_on_while_the_hand_of_a_lesson_is_adapted_to(options, monkeypatch):
    monkeypatch.setattr("inference.session.Teaching.update", lambda *_: TeachingState("adapting", progress=0.5))
    session = Session(options, own=False)
    session.command(Command(do="practice", text="L"))
    for step in range(15):
        answer = session.frame(jpeg("L"), step / 15)
    assert (answer.teaching.phase, answer.practice.done, answer.practice.right) == ("adapting", 1, 1)
    session.close()


def test_frames_leave_the_processor_to_a_hand_that_is_learnt(stream, monkeypatch):
    monkeypatch.setattr(Session, "adapting", True)
    started = time.monotonic()
    for step in range(4):
        stream.send(frame(step / 15, jpeg("L")))
        assert receive(stream)["type"] == "step"
    assert time.monotonic() - started > 0.8


@pytest.mark.parametrize(
    "path", ["/", "/app.js", "/style.css", "/docs", "/openapi.json", "/health", "/signer.json", "/skeleton"]
)
def test_everything_comes_with_the_security_headers(http, path):
    answer = http.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    sources = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    host = http.base_url.netloc.decode()
    own = {"'none'", "'self'", "blob:", "data:", f"ws://{host}", f"wss://{host}", "'wasm-unsafe-eval'"}  # MediaPipe's wasm
    assert sources <= own  # no other host
    assert (
        "default-src 'none'" in policy
        and "script-src 'self' 'wasm-unsafe-eval';" in policy
        and "frame-ancestors 'none'" in policy
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["permissions-policy"].startswith("camera=(self)")
    if path.endswith(".js"):
        assert answer.headers["content-type"].startswith("text/javascript")


def test_the_page_takes_nothing_from_elsewhere(root):
    for file in filter(Path.is_file, (root / "inference" / "page").rglob("*")):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text, file


def test_the_signer_comes_as_data(http):
    signs = http.get("/signer.json").json()["signs"]
    assert set(signs) == {*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "space"}
    assert np.shape(signs["A"]) == (1, 21, 3) and len(signs["J"]) > 10


def test_the_api_is_as_its_description_says(host):
    """Of all that may be sent by it, a few dozen requests."""
    schema = schemathesis.openapi.from_url(f"http://{host}/openapi.json")
    schema.validate()
    operations = [result.ok() for result in schema.get_all_operations()]
    assert {operation.path for operation in operations} == {
        "/health", "/predict", "/landmarks", "/signer.json", "/skeleton", "/stream",
    }  # fmt: skip
    for operation in operations:

        @hypothesis.settings(max_examples=20, deadline=None, derandomize=True, database=None)
        @hypothesis.given(operation.as_strategy())
        def check(case):
            case.call_and_validate(excluded_checks=[positive_data_acceptance])  # no schema says which bytes are a picture

        check()


def test_what_a_stream_says_is_described(http, stream):
    api = http.get("/openapi.json").json()["components"]["schemas"]
    stream.send(frame(1, jpeg()))
    assert set(receive(stream)) == set(api["Step"]["properties"])
    stream.send('{"do": "clear"}')
    assert set(receive(stream)) == set(api["State"]["properties"])
    stream.send("")
    assert set(receive(stream)) == set(api["Problem"]["properties"])


# Who may ask


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[fe80::1%x; y]"])
def test_another_host_name_is_refused(http, host, name):
    answer = http.get("/health", headers={"host": name})
    assert answer.status_code == 421 and "Host" in answer.json()["detail"]
    assert http.post("/landmarks", headers={"host": name}, json={"landmarks": []}).status_code == 421


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:5000", "127.0.0.1", "[::1]:5000", "192.168.1.7:5000"])
def test_this_machine_s_names_and_any_address_are_answered(http, name):
    assert http.get("/health", headers={"host": name}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", None])
def test_a_stream_is_for_the_page_of_this_server_only(host, origin):
    with pytest.raises(InvalidStatus) as refusal:
        open_stream(host, origin=origin)
    assert refusal.value.response.status_code == 403


def test_a_stream_with_a_rebound_name_is_refused(host):
    with pytest.raises(InvalidStatus):
        open_stream(host, origin="http://evil.example", additional_headers={"Host": "evil.example"})


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)
def test_posts_of_other_sites_are_refused(http, headers):
    answer = http.post("/landmarks", json={"landmarks": []}, headers=headers)
    assert answer.status_code == 403 and "other sites" in answer.json()["detail"]


def test_own_posts_are_taken(http, host):
    headers = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert http.post("/landmarks", json={"landmarks": []}, headers=headers).status_code == 200


# What may be sent


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "a frame is 8 bytes"),
        (b"12345678", "a frame is 8 bytes"),
        (frame(1, b"no picture"), "not a picture"),
        (frame(1, b"GIF89a" + bytes(100)), "not a picture"),
        (frame(1, jpeg()[:700]), "not a picture|damaged"),
        (frame(1, jpeg_claiming(60000, 60000)), "more than 2073600 pixels"),
        (frame(1, png_of(30000, 30000)), "more than 2073600 pixels"),
        (frame(1, png_of(500, 500)[:-40]), "damaged"),
        (frame(1, jpeg() + bytes(200_000)), "at most 200000"),
        (frame(float("nan"), jpeg()), "number of seconds from 0 on"),
        (frame(float("inf"), jpeg()), "number of seconds from 0 on"),
        (frame(-1e300, jpeg()), "number of seconds from 0 on"),
        (frame(-1e-9, jpeg()), "number of seconds from 0 on"),
        (frame(0, b"x"), "not a picture"),
        ("no JSON", "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON"),
        ("{}", "do: Field required"),
        ('{"do": "format"}', "do: Input should be"),
        ('{"do": "write", "text": "<b>"}', "text: String should match"),
        (json.dumps({"do": "write", "text": "A" * 3000}), "text: String should have at most"),
        ('{"do": "take", "index": 99999999999999999999}', "no suggestion|index"),
        ('{"do": "take", "index": 1e400}', "index"),
        ('{"do": "practice", "text": ""}', "1 to 20 letters"),
        ('{"do": "teach", "text": "J"}', "J and Z move"),
        ('{"do": "skip"}', "nothing to skip"),
    ],
)
def test_a_bad_message_gets_an_answer_and_the_stream_goes_on(stream, message, reason):
    stream.send(message)
    answer = receive(stream)
    assert answer["type"] == "error"
    assert any(part in answer["message"] for part in reason.split("|")), answer
    stream.send('{"do": "clear"}')
    assert receive(stream)["type"] == "state"


def test_time_must_go_on(stream):
    stream.send(frame(2, jpeg()))
    assert receive(stream)["type"] == "step"
    stream.send(frame(2, jpeg()))
    assert "later than 2.000 s" in receive(stream)["message"]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3000), (3000, 1)])
def test_odd_frames_are_read(stream, width, height):
    picture = cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    stream.send(frame(1, picture))
    assert receive(stream)["label"] == "nothing"


def test_a_message_far_too_large_ends_the_stream_and_nothing_else(host, http):
    with open_stream(host) as socket:
        receive(socket)
        socket.send(bytes(1_000_000))
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
        assert closed.value.rcvd.code == 1009
    assert http.get("/health").status_code == 200


def test_a_flood_is_stopped_with_a_reason(host):
    with open_stream(host) as socket:
        receive(socket)
        answers = []
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(200):
                socket.send(b"x")
            while True:
                answers.append(receive(socket))
    assert closed.value.rcvd.code == 1008
    assert not answers or answers[-1]["type"] == "closed" or answers[-1]["type"] == "error"


def test_rate_allows_so_many_a_second_and_rests():
    rate = Rate(10)
    assert sum(rate.allows(0.0) for _ in range(20)) == 10
    assert sum(rate.allows(0.5) for _ in range(20)) == 5
    assert sum(rate.allows(9.0) for _ in range(20)) == 10


def test_the_browser_too_many_is_told_and_a_place_that_is_left_is_free(host, http):
    wait_for_sessions(http, 0)
    with open_stream(host) as first, open_stream(host) as second:
        assert [receive(socket)["type"] for socket in (first, second)] == ["welcome", "welcome"]
        assert http.get("/health").json() == {"status": "ok", "sessions": 2, "limit": 2}
        with open_stream(host) as third:
            answer = receive(third)
            assert answer["type"] == "full" and "All 2 places" in answer["message"]
            with pytest.raises(ConnectionClosed) as closed:
                receive(third)
            assert closed.value.rcvd.code == 1013
    wait_for_sessions(http, 0)


def wait_for_sessions(http, count):
    deadline = time.monotonic() + 10
    while http.get("/health").json()["sessions"] != count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sessions_end_when_idle_or_when_their_time_is_over(options):
    for limits, reason in (
        (Limits(idle_seconds=0.2), "without a picture"),
        (Limits(idle_seconds=60, session_seconds=0.2), "The session ended after 0 minutes."),
    ):
        with serving(options, limits) as host, open_stream(host) as socket:
            receive(socket)
            answer = receive(socket)
            assert answer["type"] == "closed" and reason in answer["message"]


def test_a_place_is_free_when_its_browser_is_gone_during_work(host, http, monkeypatch):
    wait_for_sessions(http, 0)
    monkeypatch.setattr(Session, "command", lambda *_: time.sleep(3))
    with open_stream(host) as socket:
        receive(socket)
        for _ in range(3):
            socket.send('{"do": "clear"}')
    left = time.monotonic()
    wait_for_sessions(http, 0)
    assert time.monotonic() - left < 2


def test_a_quiet_browser_gives_its_place_to_another_one(options):
    with serving(options, Limits(sessions=1, yield_seconds=0.5)) as host, open_stream(host) as quiet:
        receive(quiet)
        with open_stream(host) as early:
            assert receive(early)["type"] == "full"
        time.sleep(0.6)
        with open_stream(host) as later:
            assert receive(later)["type"] == "welcome"
            answer = receive(quiet)
            assert answer["type"] == "closed" and "Others wait" in answer["message"]
            later.send('{"do": "clear"}')
            assert receive(later)["type"] == "state"


def test_a_head_that_does_not_come_ends_its_connection_and_no_other(options, monkeypatch):
    monkeypatch.setattr("inference.web_app.HEAD_SECONDS", 0.5)
    with serving(options) as host, open_stream(host) as stream:
        receive(stream)
        address = ("127.0.0.1", int(host.rpartition(":")[2]))
        slow, again = (sockets.create_connection(address, timeout=3) for _ in range(2))
        slow.send(b"GET /health HT")
        again.send(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert again.recv(100_000).startswith(b"HTTP/1.1 200")
        again.send(b"GET /hea")
        for connection in (slow, again):
            while connection.recv(100_000):
                pass
            connection.close()
        stream.send('{"do": "clear"}')
        assert receive(stream)["type"] == "state"


def test_a_declared_body_too_large_is_refused_before_it_comes(host):
    with sockets.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=3) as connection:
        connection.send(f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 300001\r\n\r\n".encode())
        assert connection.recv(100_000).startswith(b"HTTP/1.1 413")


def test_four_long_words_are_written_at_once(options):
    from sign2sound.words import Dictionary

    dictionary = Dictionary.load("en")
    dictionary.suggest([np.eye(29)[0]])  # the first takes longer
    session = Session(SessionOptions(options.model, dictionary=dictionary), own=False)
    started = time.perf_counter()
    for _ in range(4):
        state = session.command(Command(do="write", text="A" * 2000))
    assert time.perf_counter() - started < 1 and len(state.text) == 8000
    with pytest.raises(Refused, match="text is full"):
        for _ in range(60):
            session.command(Command(do="write", text="AB " * 600))
    session.close()


def test_local_browsers_behind_a_proxy_are_guests(options, profile_path):
    profile_path.touch()
    with serving(options, trust_local=False) as host, open_stream(host) as socket:
        assert receive(socket)["notice"] == ""
        socket.send('{"do": "forget"}')
        receive(socket)
    assert profile_path.exists()
    with serving(options) as host, open_stream(host) as socket:
        assert "without your profile" in receive(socket)["notice"]
        socket.send('{"do": "forget"}')
        receive(socket)
    assert not profile_path.exists()


def test_a_proxy_s_path_may_stand_before_every_address(options):
    with serving(options, root_path="/sign") as host, httpx.Client(base_url=f"http://{host}") as http:
        for path in ("/", "/app.js", "/docs", "/skeleton", "/signer.json"):
            assert http.get(path).status_code == http.get("/sign" + path).status_code == 200
        for path in ("", "/sign"):
            with connect(f"ws://{host}{path}/stream", origin=f"http://{host}") as socket:
                assert receive(socket)["type"] == "welcome"


def test_fifty_connects_leave_nothing_behind(host, http):
    threads = []
    for number in range(50):
        with open_stream(host) as socket:
            receive(socket)
            if number % 10 == 0:  # those that opened a landmarker, too
                socket.send(frame(1, jpeg(None, 64)))
                receive(socket)
        if number in (10, 49):
            wait_for_sessions(http, 0)
            time.sleep(0.2)
            threads.append(threading.active_count())
    assert threads[1] <= threads[0] + 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "[" * 50_000,
        '{"landmarks": [[[1, 2]]]}',
        '{"landmarks": [[1, 2, 3]]}',
        '{"landmarks": 5}',
        json.dumps({"landmarks": [[[0, 0, 0]] * 20]}),
        json.dumps({"landmarks": [[[0, 0, 0]] * 22]}),
        json.dumps({"landmarks": [[[0, 0, float("nan")]] * 21]}),
        json.dumps({"landmarks": [[[0, 0, float("inf")]] * 21]}),
        json.dumps({"landmarks": [[[0, 0, 1e300]] * 21]}),
        json.dumps({"landmarks": [[[0, 0, 0]] * 21], "left_handed": [True, False]}),
        json.dumps({"landmarks": [[[0, 0, 0]] * 21], "more": 1}),
        json.dumps({"landmarks": [[[0, 0, 0]] * 21] * 257}),
        '{"landmarks": [[[' + "9" * 5000 + ", 0, 0]]]}",
    ],
)
def test_bad_landmarks_get_one_line(http, body):
    answer = http.post("/landmarks", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert isinstance(answer.json()["detail"], str) and len(answer.json()["detail"]) < 200


def test_equal_points_and_far_ones_still_give_probabilities(http):
    for hand in ([[5, 5, 5]] * 21, [[1e6 * (k % 2), -1e6, 5e5 * (k % 3)] for k in range(21)]):
        (row,) = http.post("/landmarks", json={"landmarks": [hand]}).json()["probabilities"]
        assert sum(row) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"", "empty file"),
        (b"no picture", "not a picture"),
        (png_of(30000, 30000), "more than 1000000 pixels"),
        (jpeg_claiming(65000, 65000), "more than 1000000 pixels"),
        (jpeg()[:900], "not a picture|damaged"),
    ],
)
def test_a_bad_picture_gets_one_line(http, picture, reason):
    answer = http.post("/predict", files={"image": picture})
    assert answer.status_code == 422
    assert any(part in answer.json()["detail"] for part in reason.split("|"))


def test_a_request_without_its_picture_and_one_too_large(http):
    assert http.post("/predict").json()["detail"] == "image: Field required"
    assert http.post("/predict", content=b"x", headers={"content-type": "multipart/form-data; boundary=y"}).status_code in (
        400,
        422,
    )
    answer = http.post("/predict", files={"image": bytes(400_000)})
    assert answer.status_code == 413 and "300000 bytes" in answer.json()["detail"]

    sent = []

    def long():
        while len(sent) < 1000:
            sent.append(None)
            yield bytes(100_000)

    with suppress(httpx.TransportError):  # cut off while it was still sending
        assert http.post("/predict", content=long()).status_code == 413
    assert len(sent) < 1000
    assert http.get("/health").status_code == 200


def test_a_picture_s_size_is_known_before_it_is_decoded():
    started = time.perf_counter()
    with pytest.raises(Refused, match="more than 1000000 pixels"):
        decode(png_of(30000, 30000), 1_000_000)
    assert time.perf_counter() - started < 0.5
    assert decode(jpeg(None, 32), 32 * 32).shape == (32, 32, 3)
    with pytest.raises(Refused):
        decode(jpeg(None, 32), 32 * 32 - 1)
