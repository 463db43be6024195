"""Load the web page's server like several browsers at once, and measure: python scripts/load_page.py [--videos FOLDER]"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy as np
from websockets.asyncio.client import connect

from sign2sound.errors import UserError, run
from sign2sound.files import in_project
from sign2sound.pictures import Video
from sign2sound.signer import sign_word
from training.report import markdown_table

WIDTH, QUALITY = 640, 70  # of what the page sends
STAGES = ("decode", "landmarks", "features+model", "text", "server", "round trip")
GOAL = 150.0  # milliseconds, p95 of a round trip


def camera_frames(videos: Path | None, frame_rate: float) -> list[bytes]:
    """JPEG frames of every video in a folder, or of the synthetic signer."""
    if videos is None:
        pictures = [picture[..., ::-1] for picture, _ in sign_word("HELLO", size=480, frame_rate=frame_rate)]
    else:
        paths = sorted(videos.glob("*.mp4"))
        if not paths:
            raise UserError(f"no .mp4 file in {videos}; give a folder of videos, or leave --videos out")
        pictures = []
        for path in paths[:6]:
            with Video(path) as video:
                for picture, _ in video:
                    size = WIDTH, round(picture.shape[0] * WIDTH / picture.shape[1])
                    pictures.append(cv2.resize(picture[..., ::-1], size, interpolation=cv2.INTER_AREA))
    return [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes() for picture in pictures]


async def browser(host: str, frames: list[bytes], offset: int, frame_rate: float, seconds: float) -> dict[str, list[float]]:
    """Send the newest frame of a camera whenever the answer to the one before has come. Returns milliseconds by stage."""
    times = defaultdict(list)
    async with connect(f"ws://{host}/stream", origin=f"http://{host}") as socket:
        await socket.recv()
        started = time.perf_counter()
        taken = -1
        while (now := time.perf_counter() - started) < seconds:
            newest = int(now * frame_rate)
            if newest == taken:
                await asyncio.sleep((taken + 1) / frame_rate - now)
                continue
            taken = newest
            sent = time.perf_counter()
            await socket.send(struct.pack("<d", now) + frames[(offset + newest) % len(frames)])
            answer = json.loads(await socket.recv())
            for stage, duration in answer["ms"].items():
                times[stage].append(duration)
            times["round trip"].append(1000 * (time.perf_counter() - sent))
    return {stage: durations[5:] for stage, durations in times.items()}  # the first open MediaPipe


async def one_too_many(host: str, after: float) -> str:
    """What a browser is told that finds no place, so many seconds after the others began."""
    await asyncio.sleep(after)
    async with connect(f"ws://{host}/stream", origin=f"http://{host}") as socket:
        return json.loads(await socket.recv()).get("message", "was let in")


async def load(host: str, frames: list[bytes], args: argparse.Namespace) -> None:
    """Have all browsers at work at once, and print what they measured."""
    clients = [
        browser(host, frames, number * len(frames) // args.clients, args.frame_rate, args.seconds)
        for number in range(args.clients)
    ]
    print(f"measuring for {args.seconds:g} s …", flush=True)
    *measured, told = await asyncio.gather(*clients, one_too_many(host, args.seconds / 2))
    print(
        f"{args.clients} browsers at once, {args.frame_rate:g} frames/s from each camera, {args.seconds:g} s; p50 / p95 in ms"
    )
    rows = []
    for number, times in enumerate(measured, start=1):
        columns = (f"{np.percentile(times[stage], 50):.1f} / {np.percentile(times[stage], 95):.1f}" for stage in STAGES)
        rows.append([number, f"{len(times['server']) / args.seconds:.1f}", *columns])
    print("\n".join(markdown_table(["browser", "frames/s", *STAGES], rows)))
    worst = max(np.percentile(times["round trip"], 95) for times in measured)
    print(f"slowest p95 {worst:.0f} ms, goal {GOAL:.0f} ms; one more browser: {told}")


def wait_until_healthy(server: subprocess.Popen, url: str) -> None:
    """Raises UserError where the server ends before it answers."""
    while server.poll() is None:
        with suppress(OSError), urlopen(url):
            return
        time.sleep(0.1)
    raise UserError("the server did not start; its error stands above")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=4, metavar="N", help="default: %(default)s, all that the server takes")
    parser.add_argument("--seconds", type=float, default=20, help="default: %(default)s")
    parser.add_argument("--frame-rate", type=float, default=30, help="of each camera; default: %(default)s")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="what the cameras see; default: the synthetic signer")
    args = parser.parse_args()
    print("preparing the cameras' frames …", flush=True)
    frames = camera_frames(args.videos, args.frame_rate)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, in_project("inference/web_app.py"), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_healthy(server, f"http://127.0.0.1:{port}/health")
        asyncio.run(load(f"127.0.0.1:{port}", frames, args))
    finally:
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    run(main)
