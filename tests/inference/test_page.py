"""The page in a real browser: Chromium without a window, whose camera plays a file."""

import os
import re
import shutil
import subprocess
import sys
import wave
from contextlib import contextmanager
from itertools import product

import cv2
import numpy as np
import pytest

from sign2sound import signer
from sign2sound.hand_model import cached_path
from sign2sound.prototypes import load_prototypes
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
def held_camera(tmp_path_factory):
    """The synthetic signer holds a V."""
    picture = signer.draw_hand(signer.place_hand(load_prototypes()["V"][0]))[60:420]
    return write_camera(tmp_path_factory.mktemp("camera") / "held.mjpeg", rest(picture, 1))


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
        page.goto(f"{url}?engine=server")
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
        expect(page.locator("#signer-front")).to_have_attribute("aria-label", "The letter V signed, from the front")
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


def test_without_a_connection_the_text_is_edited_copied_and_survives_a_reload(url):
    with opened(url, permissions=["clipboard-read", "clipboard-write"]) as page:
        expect(page.get_by_role("button", name="Copy")).to_be_disabled()
        page.keyboard.type("helo")
        page.keyboard.press("Backspace")
        page.get_by_label("Letters to write").fill("lo you")
        page.get_by_role("button", name="Write").click()
        expect(page.locator("#text")).to_have_text("HELLO YOU")
        expect(page.locator("#text mark")).to_have_text("YOU")
        page.reload()
        expect(page.locator("#text")).to_have_text("HELLO YOU")
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#copy")).to_have_text("Copied ✓")
        assert page.evaluate("navigator.clipboard.readText()") == "HELLO YO"
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#text")).to_be_empty()


SPOKEN = """
  window.spoken = [];
  speechSynthesis.getVoices = () => [{name: "voice", lang: "en", voiceURI: "v"}];
  window.SpeechSynthesisUtterance = function (text) { this.text = text; };
  speechSynthesis.speak = ({text}) => window.spoken.push(text);"""


@pytest.mark.parametrize("end", ["stop", "lost"])
def test_after_the_end_suggestions_and_other_readings_can_be_taken(url, signer_camera, end):
    with opened(url, *camera(signer_camera), script=SPOKEN) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_contain_text("VI", timeout=SECONDS)
        expect(page.locator("#suggestions button")).to_have_count(3, timeout=SECONDS)
        expect(page.locator("#readings button")).to_have_count(2)
        if end == "stop":
            page.get_by_role("button", name="Stop").click()
        else:
            page.evaluate("window.socket.close()")
            expect(page.locator("#cover-title")).to_have_text("Not connected")
        before = page.locator("#text").inner_text().rstrip()
        expect(page.locator("#letter")).not_to_be_visible()
        word = page.locator("#suggestions button").first.inner_text().split()[0]
        page.locator("#suggestions button").first.click()
        start = before[: before.rfind(" ") + 1]
        expect(page.locator("#text")).to_have_text(f"{start}{word} ")
        assert page.evaluate("window.spoken.at(-1)") == word.lower()
        expect(page.locator("#announcer")).to_have_text(f"Word {word.lower()}")
        expect(page.locator("#suggestions button")).to_have_count(0)
        page.keyboard.press("1")  # there is none any more
        expect(page.locator("#text")).to_have_text(f"{start}{word} ")

        page.get_by_role("button", name="Start the camera").click()  # the server has it, too
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        page.get_by_role("button", name="Delete").click()
        expect(page.locator("#text")).to_contain_text(f"{start}{word}", timeout=SECONDS)


def test_the_last_letter_is_corrected_by_click_and_key(url, signer_camera):
    with opened(url, *camera(signer_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_contain_text("VI", timeout=SECONDS)
        expect(page.locator("#readings button")).to_have_count(2)
        text, other = page.evaluate(
            """() => {
              const other = document.querySelectorAll("#readings button")[1].dataset.offered;
              const text = document.querySelector("#text").textContent.trimEnd();
              document.querySelectorAll("#readings button")[1].click();
              return [text, other];
            }"""
        )
        expect(page.locator("#text")).to_contain_text(text[:-1] + other, timeout=SECONDS)
        page.keyboard.press("q")
        expect(page.locator("#text")).to_contain_text("Q", timeout=SECONDS)


def test_a_camera_is_chosen_and_kept(url):
    two = ("--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream")
    with opened(url, *two) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#camera")).to_be_visible(timeout=SECONDS)
        names = page.locator("#camera").locator("option").all_inner_texts()
        assert len(names) == 2
        page.locator("#camera").select_option(names[1])
        label = "video.srcObject?.getVideoTracks()[0].label"
        page.wait_for_timeout(500)
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        assert page.evaluate(label) == names[1]
        page.reload()
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        assert page.evaluate(label) == names[1]


# A camera that looks to the back, or to the front.
FACING = """
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 240});
    setInterval(() => canvas.getContext("2d").fillRect(0, 0, 320 * Math.random(), 240), 50);
    const stream = canvas.captureStream();
    stream.getVideoTracks()[0].getSettings = () => ({facingMode: "FACING"});
    return stream;
  };"""


@pytest.mark.parametrize(("facing", "mirrored"), [("user", True), ("environment", False)])
def test_only_who_is_looked_at_sees_a_mirror(url, facing, mirrored):
    with opened(url, script=FACING.replace("FACING", facing)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        assert page.evaluate("document.querySelector('#view').classList.contains('mirrored')") == mirrored


def test_the_speed_chart_s_figures_stand_clear_of_its_bars(url):
    with opened(url) as page:
        page.locator("#speed summary").click()
        texts, bars = page.evaluate(
            """async () => {
              const texts = [], bars = [];
              const context = CanvasRenderingContext2D.prototype;
              context.fillText = (text, x, y) => texts.push([String(text), x, y]);
              context.fillRect = (x, y, width, height) => bars.push([x, y]);
              const {Speed} = await import("./speed.js");
              const speed = new Speed(document.querySelector("#speed"));
              for (let i = 0; i < 130; i++) speed.add({server: 30, landmarks: 30}, 5, 35);
              speed.add({server: 900, landmarks: 900}, 5, 905);
              texts.length = bars.length = 0;
              speed.show();
              return [texts, bars];
            }"""
        )
    figures = {text: (x, y) for text, x, y in texts}
    assert set(figures) == {"50 ms", "100 ms", "910"}
    left, top = (min(bar[axis] for bar in bars) for axis in (0, 1))
    assert figures["100 ms"][0] < left and figures["910"][1] < top


PLACE = "document.querySelector('[data-do=delete]').getBoundingClientRect().top + scrollY"  # of a button below the suggestions


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360), (390, 700), (320, 568)])
def test_picture_letter_and_text_are_seen_together_and_nothing_moves(url, signer_camera, width, height):
    """640 x 360 is 1280 x 720 at 200 %."""
    with opened(url, *camera(signer_camera), viewport={"width": width, "height": height}) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SECONDS)
        place = page.evaluate(PLACE)
        expect(page.locator("#suggestions button")).to_have_count(3, timeout=SECONDS)
        assert page.evaluate(PLACE) == place
        page.get_by_label("Letters to write").fill("CHARACTERISTI " * 6 + "CHARACTERIST")  # long suggestions, many lines
        page.get_by_label("Letters to write").press("Enter")
        expect(page.locator("#suggestions button").first).to_contain_text("CHARACTERIST", timeout=SECONDS)
        assert page.evaluate(PLACE) == place
        page.evaluate("scrollTo(0, 0)")
        picture, letter, text = (page.locator(name).bounding_box() for name in ("#stage", "#letter", "#text"))
        for box in (picture, letter, text):
            assert box["y"] >= 0 and box["y"] + box["height"] <= height and box["x"] + box["width"] <= width
        assert letter["y"] >= picture["y"] + picture["height"] or letter["x"] >= picture["x"] + picture["width"]
        assert picture["height"] > 0.3 * height
        assert page.evaluate("document.documentElement.scrollWidth") <= width


# The signer that the page draws


def test_the_page_s_signer_moves_as_python_s_does(url):
    """In palm sizes, without the sway; all letters, equal ones at both speeds, and the motions."""
    words = ("THEQUICKBROWNFOXJUMPS", "LLAZZYDJOVGG")
    with opened(url) as page:
        for word, speed in product(words, (0.8, 4.0)):
            signs = [signer._centred(load_prototypes()[letter]) for letter in word]
            seconds, poses = zip(*signer._key_poses(signs, speed), strict=True)
            total = sum(seconds)
            times = np.linspace(0, total * 0.999, 150)
            found = page.evaluate(
                """async ([word, speed, times]) => {
                  const {loadSigner} = await import("./signer.js");
                  const {seconds, at} = (await loadSigner()).spelling(word, speed);
                  return [seconds, times.map(at)];
                }""",
                [word, speed, times.tolist()],
            )
            assert found[0] == pytest.approx(total)
            assert np.abs(np.array(found[1]) - [pose_at(seconds, poses, time) for time in times]).max() < 2e-3


def pose_at(seconds, poses, time):
    """What `sign2sound.signer._frames` does for one moment."""
    until = np.cumsum(seconds)
    after = int(np.searchsorted(until, time, side="right"))
    share = min((time - until[after - 1]) / seconds[after], 1.0)
    return signer._between(poses[after - 1], poses[after], share * share * (3 - 2 * share))


def test_each_sign_fills_its_picture(url):
    """On a clear ground; only the forearm reaches the edge."""
    with opened(url) as page:
        drawn = page.evaluate(
            """async () => {
              const {loadSigner} = await import("./signer.js");
              const signer = await loadSigner();
              return signer.letters.map((letter) => {
                const canvas = Object.assign(document.createElement("canvas"), {width: 100, height: 100});
                signer.drawSign(canvas, letter);
                const {data} = canvas.getContext("2d").getImageData(0, 0, 100, 100);
                return [letter, [...data].filter((_, index) => index % 4 === 3)];
              });
            }"""
        )
    assert [letter for letter, _ in drawn] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    for letter, opacity in drawn:
        hand = np.reshape(opacity, (100, 100)) > 128
        assert not hand[0].any() and not hand[:, -1].any(), letter
        assert hand.mean() > 0.15 and max(np.ptp(np.nonzero(hand), axis=1)) > 70, letter


def test_a_word_is_read_missed_letters_are_shown_and_the_speed_follows(url):
    with opened(url, script="Math.random = () => 0;") as page:  # the first word is ACT, the next AND
        page.get_by_role("tab", name="Practice").click()
        page.get_by_label("You read").check()
        page.get_by_label("Signer's speed").fill("2")
        page.get_by_role("button", name="Spell a word").click()
        page.get_by_label("What was spelled?").fill("ct")
        page.get_by_role("button", name="Check").click()
        expect(page.locator("#read-result")).to_have_text("It was ACT. You missed A. The next one is slower.")
        expect(page.locator("#read-letters .missed")).to_have_text("A")
        expect(page.locator("#pace-name")).to_have_text("1.7 letters/s")
        page.get_by_role("button", name="Next word").click()
        page.get_by_label("What was spelled?").fill("and")
        page.get_by_label("What was spelled?").press("Enter")
        expect(page.locator("#read-result")).to_have_text("Right: AND. The next one is faster.")
        expect(page.locator("#pace-name")).to_have_text("2.0 letters/s")
        assert [page.locator(f"#read-{name}").inner_text() for name in ("right", "wrong", "fastest")] == ["1", "1", "1.7/s"]


def test_answers_are_compared_letter_by_letter(url):
    with opened(url) as page:
        compare = """async ([word, answer]) => (await import("./reading.js")).compareSpelling(word, answer)
          .map(([letter, what]) => `${letter} ${what}`).join(", ")"""
        assert page.evaluate(compare, ["HELLO", "HELO"]) in (
            "H right, E right, L missed, L right, O right",
            "H right, E right, L right, L missed, O right",
        )
        assert page.evaluate(compare, ["CAT", "COATS"]) == "C right, O unasked, A right, T right, S unasked"
        assert page.evaluate(compare, ["AB", "XB"]) == "A wrong, B right"


def test_a_letter_of_the_chart_is_shown_large_and_practised(url):
    with opened(url) as page:
        page.get_by_role("tab", name="Chart").click()
        expect(page.locator("#chart-letters button")).to_have_count(26, timeout=SECONDS)
        page.get_by_role("button", name="N", exact=True).click()
        expect(page.locator("#sign-turned")).to_have_attribute("aria-label", "The letter N signed, from the side")
        page.get_by_role("button", name="Practise it").click()
        expect(page.locator("#target")).to_have_text("N")
        expect(page.locator("#feedback")).to_have_text("Start the camera, and sign it as shown.")


def test_beside_the_chart_nothing_is_spelled(url, signer_camera):
    with opened(url, *camera(signer_camera)) as page:
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_contain_text("VI", timeout=SECONDS)
        page.get_by_role("tab", name="Chart").click()
        page.wait_for_timeout(500)
        text = page.evaluate("document.querySelector('#text').textContent")
        page.wait_for_timeout(5000)  # the signer goes on
        assert page.evaluate("document.querySelector('#text').textContent") == text
        expect(page.locator("#letter")).to_be_visible(timeout=SECONDS)  # but what is seen is shown


def test_the_finger_to_change_is_coloured_and_scores_start_with_each_exercise(url, signer_camera):
    with opened(url, *camera(signer_camera)) as page:
        page.get_by_role("tab", name="Practice").click()
        page.get_by_label("Your own word").fill("w")
        page.get_by_role("button", name="Practise it").click()
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#feedback")).to_have_text("I see V: straighten your ring finger.", timeout=SECONDS)
        assert page.evaluate(AMBER) > 50
        expect(page.locator("#wrong")).not_to_have_text("0", timeout=SECONDS)
        page.get_by_label("Your own word").fill("m")
        page.get_by_role("button", name="Practise it").click()
        expect(page.locator("#wrong")).to_have_text("0")


# How many of the skeleton's pixels are of --bone-change.
AMBER = """() => {
  const canvas = document.querySelector("#skeleton");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) found += data[i] > 230 && data[i + 1] > 150 && data[i + 1] < 200 && data[i + 2] < 80;
  return found;
}"""


def test_learning_a_hand_shows_how_far_it_is_and_its_end_is_not_claimed(url, held_camera):
    with opened(url, *camera(held_camera)) as page:
        page.get_by_role("tab", name="Teach").click()
        page.get_by_role("button", name="None").click()
        page.get_by_label("V", exact=True).check()
        page.get_by_role("button", name="Begin").click()
        learning = page.get_by_role("progressbar", name="Learning your hand")
        expect(learning).to_be_visible(timeout=2 * SECONDS)
        expect(page.locator("#teach-result")).to_contain_text("Learning your hand")
        expect(learning).not_to_have_js_property("value", 0, timeout=2 * SECONDS)
        page.get_by_role("button", name="Stop").click()
        expect(learning).not_to_be_visible()
        expect(page.locator("#teach-result")).to_have_text(
            "The camera stopped before your hand was learnt, so nothing was kept."
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(url, signer_camera, scheme, width):
    """https://github.com/dequelabs/axe-core, all its rules, in every state."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    with opened(url, *camera(signer_camera), color_scheme=scheme, viewport={"width": width, "height": 740}) as page:

        def check(state: str) -> None:
            found = axe.run(page)
            assert not found.violations_count, f"{state}: {found.generate_report()}"

        check("idle")
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#suggestions button")).to_have_count(3, timeout=SECONDS)
        page.locator("#speed summary").click()
        check("spelling")
        page.get_by_role("tab", name="Practice").click()
        check("practice: sign")
        page.get_by_label("You read").check()
        page.get_by_role("button", name="Spell a word").click()
        check("practice: read")
        page.get_by_label("What was spelled?").fill("xy")
        page.get_by_role("button", name="Check").click()
        check("practice: answered")
        page.get_by_role("tab", name="Chart").click()
        expect(page.locator("#chart-letters button")).to_have_count(26, timeout=SECONDS)
        check("chart")
        page.get_by_role("button", name="E", exact=True).click()
        check("a letter of the chart")
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Teach").click()
        check("teach")
        page.get_by_role("button", name="Begin").click()
        expect(page.locator("#teach-target")).to_have_text("A", timeout=SECONDS)
        check("lesson")
        page.get_by_role("button", name="Stop").click()
        check("stopped")
        page.get_by_role("tab", name="Spell").click()
        check("text without a camera")


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
        page.keyboard.press("a")
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
        page.get_by_label("Letters to write").fill(" end")  # at once: it waits until the text is given back
        page.get_by_label("Letters to write").press("Enter")
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
