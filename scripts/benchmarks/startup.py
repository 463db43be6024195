"""From the command to the end of a video of one frame, and to the page server's first answer."""

import argparse
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.benchmarks.live import DEMO
from scripts.benchmarks.measuring import Part, Row, command_done, environment, seconds_of
from sign2sound.errors import UserError
from sign2sound.exported import RELEASED
from sign2sound.files import PROJECT

NEEDS = "--model, which the repository brings"
MINUTES = 1


def check(arguments: argparse.Namespace) -> None:
    if not arguments.model.is_file():
        raise UserError(f"no checkpoint at {arguments.model}; give --model")


def measure(arguments: argparse.Namespace) -> Part:
    models = {"ONNX": RELEASED, "checkpoint": arguments.model}
    demo, busy, page = ({form: [] for form in models} for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        frame, video = one_frame(Path(folder))
        for _ in range(1 + 2 * arguments.repeats):
            for form, model in models.items():
                done = command_done(DEMO, "--headless", "--source", video, "--model", model)
                demo[form].append(done.seconds)
                busy[form].append(done.busy)
                page[form].append(seconds_of(first_answer, frame, model))
    measured = {
        "demo: a video of one frame, from start to end": demo,
        "the same, processor time, which other programs change little": busy,
        "page: first answer": page,
    }
    rows = [
        Row(what, "s", runs["ONNX"][1:], "the same with the checkpoint, by torch", runs["checkpoint"][1:])  # the first warms up
        for what, runs in measured.items()
    ]
    return Part(rows)


def one_frame(folder: Path) -> tuple[bytes, Path]:
    """The synthetic signer's L as a JPEG and as a video."""
    import cv2

    from sign2sound.signer import sign_word

    picture = [picture for picture, _ in sign_word("L")][12][..., ::-1]
    writer = cv2.VideoWriter(str(folder / "frame.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, picture.shape[1::-1])
    writer.write(picture)
    writer.release()
    return cv2.imencode(".jpg", picture)[1].tobytes(), folder / "frame.mp4"


def first_answer(frame: bytes, model: Path) -> None:
    from websockets.sync.client import connect

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(PROJECT / "inference/web_app.py"), "--port", str(port), "--model", str(model)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())
    try:
        with (
            _connected(server, port) as opened,
            connect(f"ws://localhost:{port}/stream", sock=opened, origin=f"http://localhost:{port}") as stream,
        ):
            stream.recv()
            stream.send(struct.pack("<d", 0.0) + frame)
            if json.loads(stream.recv())["hand"] is None:
                raise UserError("the page's server found no hand in the synthetic signer's picture")
    finally:
        server.terminate()
        server.wait()


def _connected(server: subprocess.Popen, port: int) -> socket.socket:
    """A connection to the server, as soon as it listens."""
    while server.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.002)
    raise UserError("the page's server did not start; its error stands above")
