"""Measure the page that reads in the browser beside the server's, both in Chromium with the same video as its camera.

python scripts/measure_site.py [--video FILE.mp4] [--seconds 20]      after `make site`
python scripts/measure_site.py --seconds 300 --only site              the memory of five minutes

Needs Chromium, and playwright of requirements.txt.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from playwright.sync_api import sync_playwright

from sign2sound.errors import UserError, run
from sign2sound.files import in_project
from sign2sound.pictures import Video
from sign2sound.signer import sign_word

FRAME_RATE = 30  # Chromium plays a file of JPEGs at this rate, over and over
WAIT = 60  # seconds for the first letter
FIRST_LETTER = """async (most) => {
  const clicked = performance.now();
  const written = () => document.querySelector("#text").textContent.trim();
  while (!written() && performance.now() - clicked < most) await new Promise((passed) => setTimeout(passed, 20));
  return written();
}"""
SERVERS = {
    "site": ["-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", in_project("dist")],
    "server": [in_project("inference/web_app.py"), "--port", "0"],
}


def write_camera(path: Path, video: Path | None) -> None:
    """A file for Chromium's camera: JPEGs one after another."""
    if video:
        with Video(video) as frames:
            pictures = [picture for picture, _ in frames]
    else:
        pictures = [picture for picture, _ in sign_word("HELLO WORLD", 480, FRAME_RATE)]
    with path.open("wb") as file:
        for picture in pictures:
            file.write(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())


@contextlib.contextmanager
def started(name: str):
    """The address of a server of SERVERS, which runs meanwhile."""
    command = [sys.executable, "-u", *SERVERS[name]]
    log = subprocess.DEVNULL if name == "site" else None  # a line for each file that is fetched
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        address = re.search(r"http://[\w.:]+", process.stdout.readline())
        if address is None:
            raise UserError(f"the {name} did not start; its error stands above")
        yield address[0]
    finally:
        process.terminate()
        process.wait(timeout=20)


def memory(browser) -> float:
    """MiB that the processes which show pages and run their workers keep for themselves: without the camera's frames, which
    they share."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    status = [Path(f"/proc/{process['id']}/status").read_text() for process in processes if process["type"] == "renderer"]
    return sum(int(re.search(r"RssAnon:\s+(\d+)", text)[1]) for text in status) / 1024


def measure(name: str, camera: Path, seconds: float, chromium: str) -> None:
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments.append(f"--use-file-for-fake-video-capture={camera}")
    with started(name) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page()
        page.goto(f"{address}/?engine={name}")
        page.get_by_role("button", name="Start the camera").click()
        clicked = time.perf_counter()
        if not page.evaluate(FIRST_LETTER, 1000 * WAIT):
            raise UserError(f"no letter within {WAIT} s; the page says: {page.locator('#cover').inner_text()}")
        first = time.perf_counter() - clicked
        page.locator("#speed summary").click()
        print(f"\n{name}: first letter {first:.1f} s after the click")
        for quarter in range(5):
            page.wait_for_timeout(bool(quarter) * seconds / 4 * 1000)
            speed = page.locator("#speed-summary").inner_text()
            print(f"  {quarter * seconds / 4:4.0f} s: {memory(browser):5.0f} MiB, {speed}", flush=True)
        for row in page.locator("#stages tr").all():
            stage, *figures = row.locator("th, td").all_inner_texts()
            print(f"  {stage:<28}" + "".join(f"{figure:>9}" for figure in figures))
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="what the camera sees; default: the synthetic signer")
    parser.add_argument("--seconds", type=float, default=20, help="of each; default: %(default)s")
    parser.add_argument("--only", choices=SERVERS, help="default: both")
    arguments = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise UserError("found no Chromium; install it: sudo apt-get install chromium")
    if not Path(in_project("dist")).is_dir():
        raise UserError("there is no dist/; build it with `make site`")
    with tempfile.TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.mjpeg"
        write_camera(camera, arguments.video)
        for name in [arguments.only] if arguments.only else SERVERS:
            measure(name, camera, arguments.seconds, chromium)


if __name__ == "__main__":
    run(main)
