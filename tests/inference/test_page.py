"""The page in a real browser: Chromium without a window, whose camera plays a file."""

import os
import re
import shutil
import subprocess
import sys
import wave
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from sign2sound.hand_model import cached_path
from sign2sound.signer import sign_word

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -r requirements.txt")
expect = playwright.expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FRAME_RATE = 30  # Chromium plays a file of JPEGs at this rate, over and over
SECONDS = 30_000  # milliseconds to wait for what a slow machine takes long for

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: sudo apt-get install chromium"),
    pytest.mark.skipif(not cached_path().exists(), reason="needs the hand landmark model: python -m sign2sound.hand_model"),
]


def write_camera(path, pictures):
    """A file for Chromium's camera: RGB pictures as JPEGs one after another."""
    with open(path, "wb") as file:
        for picture in pictures:
            file.write(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())
    return path


def rest(picture, seconds: float):
    return [picture] * round(seconds * FRAME_RATE)


@pytest.fixture(scope="module")
def signer_camera(tmp_path_factory):
    """The synthetic signer spells VI, slowly so that a busy machine sees enough, then lowers the hand: the word ends."""
    pictures = [picture[60:420] for picture, _ in sign_word("VI", 480, 2 * FRAME_RATE)]
    return write_camera(tmp_path_factory.mktemp("camera") / "signer.mjpeg", pictures + rest(pictures[-1], 2))


@pytest.fixture(scope="module")
def empty_camera(tmp_path_factory):
    """Nobody is there."""
    grey = np.full((360, 480, 3), 128, np.uint8)
    return write_camera(tmp_path_factory.mktemp("camera") / "empty.mjpeg", rest(grey, 1))


@pytest.fixture(scope="module")
def woman_camera(shared_data, tmp_path_factory):
    """A woman spells L and O, each from a lowered hand to a lowered hand."""
    pictures = []
    for letter in "LO":
        capture = cv2.VideoCapture(str(shared_data / "videos" / f"{letter}.mp4"))
        while (read := capture.read())[0]:
            pictures.append(cv2.resize(read[1], (640, 360))[..., ::-1])
    return write_camera(tmp_path_factory.mktemp("camera") / "woman.mjpeg", pictures + rest(pictures[-1], 2))


@pytest.fixture(scope="module")
def url(root, tmp_path_factory):
    """The server as a user starts it, with a home of its own."""
    environment = {**os.environ, "PYTHONPATH": str(root), "XDG_DATA_HOME": str(tmp_path_factory.mktemp("home"))}
    command = [sys.executable, str(root / "inference" / "web_app.py"), "--port", "0"]
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield re.search(r"http://\S+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def opened(url, *arguments, script="", **context):
    """The page in a new browser, whose errors fail the test. script: runs before the page's own."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        page = browser.new_context(**context).new_page()
        page.add_init_script(REMEMBER + script)
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(url)
        try:
            yield page
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nThe page shows:\n{page.inner_text('body')}") from None
        browser.close()
    assert not problems


def camera(path) -> tuple[str, ...]:
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    )


def test_the_synthetic_signer_s_word_appears_and_a_suggestion_is_taken_by_key(url, signer_camera):
    with opened(url, *camera(signer_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_contain_text("VI", timeout=SECONDS)
        expect(page.locator("#suggestions button")).to_have_count(3, timeout=SECONDS)
        expect(page.locator("#speed-summary")).to_contain_text("frames/s")
        word = page.locator("#suggestions button").first.inner_text().split()[0]
        page.keyboard.press("1")
        expect(page.locator("#text")).to_contain_text(f"{word} ")
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#text")).not_to_contain_text(word)

        page.get_by_role("tab", name="Practice").click()
        page.get_by_label("Your own word").fill("vi")
        page.get_by_role("button", name="Practise it").click()
        expect(page.locator("#signer-front")).to_have_attribute("alt", "The letter V signed, from the front")
        expect(page.locator("#right")).not_to_have_text("0", timeout=SECONDS)


def test_a_real_hand_s_letters_appear(url, woman_camera):
    with opened(url, *camera(woman_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_have_text(re.compile("L ?O"), timeout=SECONDS)


def test_a_picture_is_read_and_the_model_adapted_to_a_lesson_s_hand(url, signer_camera, tmp_path):
    path = tmp_path / "y.png"
    for picture, time in sign_word("Y", 480, 10):
        if time > 0.8:
            cv2.imwrite(str(path), picture[..., ::-1])
            break
    with opened(url, *camera(signer_camera)) as page:
        page.set_input_files("#file", path)
        expect(page.locator("#letter-name")).to_have_text("Y", timeout=SECONDS)
        expect(page.locator("#top li").first).to_contain_text("%")

        page.get_by_role("tab", name="Teach").click()
        page.get_by_role("button", name="None").click()
        page.get_by_label("V", exact=True).check()
        page.get_by_role("button", name="Begin").click()
        expect(page.locator("#teach-target")).to_have_text("V", timeout=SECONDS)
        expect(page.locator("#teach-status")).to_contain_text("1 of 1")
        page.get_by_role("button", name="Skip this letter").click()
        expect(page.locator("#teach-result")).to_have_text("No letter was signed, so nothing was taught.", timeout=SECONDS)


def test_without_a_camera_the_page_says_what_to_do(url):
    with opened(url) as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
        page.get_by_role("button", name="Start the camera").press("Enter")
        expect(page.locator("#cover-title")).to_have_text("No camera found")
        expect(page.locator("#announcer")).to_contain_text("open a picture or a video")
        page.get_by_role("tab", name="Spell").press("ArrowRight")
        expect(page.get_by_role("tabpanel", name="Practice")).to_be_visible()


# What a browser may lack, and what the page then says. Each line of script runs before the page's own.
BLOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked', 'SecurityError'); }})"
BLANK = "CanvasRenderingContext2D.prototype.getImageData = (x, y, w, h) => ({data: new Uint8ClampedArray(4 * w * h).fill(255)})"
NO_JPEG = "HTMLCanvasElement.prototype.toBlob = (done) => done(null)"
NO_VOICE = "speechSynthesis.getVoices = () => []"


def test_without_storage_and_voices_the_page_works_and_says_so(url):
    with opened(url, script=f"{BLOCKED}; {NO_VOICE}") as page:
        page.get_by_role("tab", name="Practice").click()
        expect(page.get_by_role("tabpanel", name="Practice")).to_be_visible()
        page.get_by_label("What is spoken").select_option("nothing")
        expect(page.locator("#announcer")).to_contain_text("keeps no settings of this page")
        page.get_by_role("tab", name="Spell").click()
        page.get_by_role("button", name="Speak").click()
        expect(page.locator("#announcer")).to_contain_text("has no voice. Install one")


@pytest.mark.parametrize("script", [BLANK, NO_JPEG])
def test_a_browser_that_hides_pictures_is_noticed(url, signer_camera, script):
    with opened(url, *camera(signer_camera), script=script) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#cover-title")).to_have_text("The browser hides the pictures from this page", timeout=SECONDS)
        expect(page.get_by_role("button", name="Start the camera")).to_be_visible()


def test_an_unplugged_camera_is_noticed(url, signer_camera):
    with opened(url, *camera(signer_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        page.evaluate("video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('mute'))")
        expect(page.locator("#announcer")).to_contain_text("The camera sends no pictures")
        page.evaluate("video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
        expect(page.locator("#cover-title")).to_have_text("The camera is gone")


def test_a_file_without_pictures_and_one_without_a_type_are_read_as_what_they_are(url, tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", None))
        sound.writeframes(bytes(16000))
    (tmp_path / "clip.mkv").write_bytes(b"no video")
    with opened(url) as page:
        page.set_input_files("#file", tmp_path / "sound.wav")
        expect(page.locator("#cover-title")).to_have_text("This file has no picture", timeout=SECONDS)
        page.set_input_files("#file", tmp_path / "clip.mkv")
        expect(page.locator("#cover-title")).to_have_text("This video does not play", timeout=SECONDS)


def test_a_long_text_survives_a_new_connection(url, empty_camera):
    text = "LONG " * 1500  # several parts
    with opened(url, *camera(empty_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        expect(page.locator("#speed-summary")).to_contain_text(
            "frames/s", timeout=SECONDS
        )  # a frame went out, so there is a socket
        for start in range(0, len(text), 1900):
            page.evaluate(TYPE, text[start : start + 1900])
        expect(page.locator("#text")).to_contain_text(text.strip(), timeout=SECONDS)
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        page.wait_for_timeout(1500)  # frames are answered, too, while the text is given back
        page.evaluate(TYPE, " END")
        expect(page.locator("#text")).to_contain_text("END", timeout=SECONDS)
        assert page.locator("#text").inner_text().startswith(text.strip())


# Sends what a user types, over the page's own connection.
REMEMBER = """
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) { window.socket = this; return send.call(this, data); };"""
TYPE = "(text) => window.socket?.send(JSON.stringify({do: 'write', text}))"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(url, scheme):
    """WCAG AA: 4.5 to 1."""
    with opened(url, color_scheme=scheme) as page:
        for tab in ("Spell", "Practice", "Teach"):
            page.get_by_role("tab", name=tab).click()
            for text, ground, content in page.evaluate(COLOURS):
                assert contrast(text, ground) >= 4.5, f"{content}: {text} on {ground}"


def test_the_api_s_page_describes_the_stream_s_messages(url):
    with opened(f"{url}/docs") as page:
        for title in ("POST /predict", "GET /stream", "Command", "Step", "TeachingState", "DrillState"):
            expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_a_phone_shows_everything_without_scrolling_sideways(url):
    with opened(url, viewport={"width": 360, "height": 740}) as page:
        for tab in ("Spell", "Practice", "Teach"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


# Every visible text's colour and that of the nearest painted ground; the stage's is its darkest and lightest, by hand.
COLOURS = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.checkVisibility() && !element.closest(".cover, .visually-hidden, .skip, .letters input")
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
  .map((element) => {
    let ground = element;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor, element.textContent.trim().slice(0, 40)];
  })"""


def contrast(first: str, second: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted(luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    share = np.array([int(value) for value in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
