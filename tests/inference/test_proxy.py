"""The program behind a reverse proxy, as its users start both: another host name, a path before all others, WebSockets."""

import json
import os
import re
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import cv2
import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sign2sound.hand_model import cached_path
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand

NAME, PREFIX = "sign.example.org", "/sign2sound"
ORIGIN = f"https://{NAME}"  # the proxy ends TLS


class Proxy(socketserver.ThreadingTCPServer):
    """Passes on what is asked for below PREFIX, with the name that the browser used, as nginx does with `proxy_set_header Host
    $http_host`. strips: it takes PREFIX away, as with `proxy_pass http://…/;`."""

    daemon_threads = True

    def __init__(self, port: int, strips: bool):
        super().__init__(("127.0.0.1", 0), PassOn)
        self.port, self.strips = port, strips


class PassOn(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        head, body = head.split(b"\r\n\r\n", 1)
        request, *headers = head.decode().split("\r\n")
        method, path, version = request.split(" ")
        if not path.startswith(PREFIX):
            return self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        if self.server.strips:
            path = path.removeprefix(PREFIX) or "/"
        upgrades = any(header.lower().startswith("upgrade:") for header in headers)
        left_out = ("host:",) if upgrades else ("host:", "connection:")
        headers = [header for header in headers if not header.lower().startswith(left_out)]
        headers += [f"Host: {NAME}", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"]
        headers += [] if upgrades else ["Connection: close"]
        with socket.create_connection(("127.0.0.1", self.server.port)) as server:
            server.sendall("\r\n".join([f"{method} {path} {version}", *headers, "", ""]).encode() + body)
            back = threading.Thread(target=pump, args=(server, self.request), daemon=True)
            back.start()
            pump(self.request, server)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def picture() -> bytes:
    return cv2.imencode(".jpg", draw_hand(place_hand(load_prototypes()["L"][0], 320), 320)[..., ::-1])[1].tobytes()


@contextmanager
def proxied(root, home, *arguments, strips=True):
    """The address of a proxy before the program."""
    if not cached_path().exists():
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    (home / "sign2sound").mkdir()
    (home / "sign2sound" / "profile.npz").write_bytes(b"the owner's")
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    command = [sys.executable, root / "inference" / "web_app.py", "--port", "0", "--allow-host", NAME, "--root-path", PREFIX]
    server = subprocess.Popen([*command, *arguments], cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r"http://127.0.0.1:(\d+)", server.stdout.readline())[1])
        with Proxy(port, strips) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            yield f"127.0.0.1:{proxy.server_address[1]}{PREFIX}"
            proxy.shutdown()
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.mark.parametrize("strips", [True, False])
def test_page_upload_and_stream_work_and_nobody_is_the_owner(root, tmp_path, picture, strips):
    with proxied(root, tmp_path, strips=strips) as address, httpx.Client(base_url=f"http://{address}/", timeout=60) as http:
        page = http.get("").text
        for name in re.findall(r'(?:href|src)="([a-z.]+)"', page):
            assert http.get(name).status_code == 200, name
        assert "app.js" in page and "script-src 'self'" in http.get("").headers["content-security-policy"]
        assert http.get("openapi.json").json()["servers"] == [{"url": PREFIX}]
        assert httpx.get(f"http://{address}", follow_redirects=True, timeout=60).text == page  # without the slash
        own, other = {"origin": ORIGIN}, {"origin": "https://elsewhere.example"}
        assert http.post("predict", files={"image": picture}, headers=own).json()["label"] == "L"
        assert http.post("predict", files={"image": picture}, headers=other).status_code == 403
        with connect(f"ws://{address}/stream", origin=ORIGIN) as stream:
            welcome = json.loads(stream.recv(timeout=60))
            assert (welcome["type"], welcome["notice"], welcome["profile"]) == ("welcome", "", False)
            stream.send(struct.pack("<d", 1.0) + picture)
            assert json.loads(stream.recv(timeout=60))["label"] == "L"
            stream.send('{"do": "forget"}')
            stream.recv(timeout=60)
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://{address}/stream", origin="https://elsewhere.example")
    assert (tmp_path / "sign2sound" / "profile.npz").exists()


def test_who_is_trusted_is_the_owner_behind_a_proxy_too(root, tmp_path):
    with proxied(root, tmp_path, "--trust-local") as address, connect(f"ws://{address}/stream", origin=ORIGIN) as stream:
        assert "reading without your profile" in json.loads(stream.recv(timeout=60))["notice"]
        stream.send('{"do": "forget"}')
        stream.recv(timeout=60)
    assert not (tmp_path / "sign2sound" / "profile.npz").exists()
