"""The page without a server, in a real browser: built as `make site` builds it, and served as files."""

import base64
import re
import shutil
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest
import uvicorn

from inference.build_site import MEDIAPIPE, build
from inference.guard import own_names
from inference.server import create_app
from inference.session import SessionOptions
from sign2sound import Live, Recognizer
from sign2sound.exported import RELEASED, open_model
from sign2sound.hand_model import cached_path, find_hand_model
from sign2sound.prototypes import load_prototypes
from sign2sound.signer import draw_hand, place_hand, sign_word

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -r requirements.txt")
expect = playwright.expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FRAME_RATE = 30  # Chromium plays a file of JPEGs at this rate, over and over
SECONDS = 60_000  # milliseconds to wait for what a slow machine takes long for
PHONE = {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: sudo apt-get install chromium"),
    pytest.mark.skipif(not MEDIAPIPE.is_dir(), reason="needs MediaPipe for browsers: npm ci --prefix inference"),
    pytest.mark.skipif(not cached_path().exists(), reason="needs the hand landmark model: python -m sign2sound.hand_model"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "dist"
    build(folder)
    return folder


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The folder on a free port, as `python -m http.server` serves it: its address, and a function that ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def end():
        server.shutdown()
        server.server_close()

    try:
        yield f"http://127.0.0.1:{server.server_port}/", end
    finally:
        with suppress(OSError):
            end()
        thread.join()


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """The synthetic signer spells VI for Chromium's camera, slowly so that a busy machine sees enough, then lowers the hand."""
    pictures = [picture[60:420] for picture, _ in sign_word("VI", 480, 2 * FRAME_RATE)]
    path = tmp_path_factory.mktemp("camera") / "signer.mjpeg"
    with open(path, "wb") as file:
        for picture in pictures + 2 * FRAME_RATE * pictures[-1:]:
            file.write(jpeg(picture))
    return ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={path}")


def jpeg(picture) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()


@contextmanager
def opened(url, *arguments, **context):
    """The page in a new browser, and the list of its errors; those, and requests to anybody else, fail the test at its end."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        visitor = browser.new_context(**context)
        requests, problems = [], []
        visitor.on("request", lambda request: requests.append(request.url))
        page = visitor.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(url)
        try:
            yield page, problems
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nThe page shows:\n{page.inner_text('body')}\n{problems}") from None
        browser.close()
    outside = [request for request in requests if not request.startswith((url, f"blob:{url}", "data:"))]
    assert (outside, problems) == ([], [])


# Counts the frames that are taken in a second: in the background, then at the lowest rate, then at the highest.
FRAMES = """async () => {
  let taken = 0;
  const take = createImageBitmap;
  window.createImageBitmap = (...given) => (taken++, take(...given));
  const second = async () => {
    taken = 0;
    await new Promise((passed) => setTimeout(passed, 1000));
    return taken;
  };
  Object.defineProperty(document, "hidden", {value: true, configurable: true});
  const counts = [await second()];
  delete document.hidden;
  const rate = document.querySelector("#rate");
  rate.value = "8";
  counts.push(await second());
  rate.value = "30";
  counts.push(await second());
  return counts;
}"""


def test_a_visitor_spells_and_practises(site, camera):
    with served(site) as (url, _), opened(url, *camera) as (page, problems):
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#text")).to_contain_text("VI", timeout=SECONDS)
        expect(page.locator("#suggestions button")).to_have_count(3, timeout=SECONDS)
        expect(page.locator("#speed-summary")).to_contain_text("frames/s")
        word = page.locator("#suggestions button").first.inner_text().split()[0]
        page.keyboard.press("1")
        expect(page.locator("#text")).to_contain_text(f"{word} ")

        hidden, slow, fast = page.evaluate(FRAMES)
        assert hidden == 0 and slow < 10 and fast > 0

        page.get_by_role("tab", name="Practice").click()
        page.get_by_label("Your own word").fill("vi")
        page.get_by_role("button", name="Practise it").click()
        expect(page.locator("#right")).not_to_have_text("0", timeout=SECONDS)

        page.get_by_role("tab", name="Teach").click()
        expect(page.get_by_role("tabpanel", name="Teach")).to_contain_text("needs the program on your own computer")
        expect(page.get_by_role("button", name="Begin")).to_be_hidden()


def test_what_is_spelled_to_a_visitor_is_read_back(site):
    with served(site) as (url, _), opened(url, viewport=PHONE) as (page, problems):
        for tab in ("Spell", "Practice", "Chart", "Teach"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], tab
        page.get_by_role("tab", name="Practice").click()
        page.get_by_label("You read").check()
        page.get_by_label("Signer's speed").fill("5")
        page.get_by_role("button", name="Spell a word").click()
        page.get_by_label("What was spelled?").fill("no")
        page.get_by_role("button", name="Check").click()
        expect(page.locator("#read-wrong")).to_have_text("1")


# Sends frames with times of their own through the page's engine, one after another, as fast as they are read.
SPELL = """async ([module, frames]) => {
  const {Engine} = await import(module);
  return new Promise((done, failed) => {
    let next = 0;
    const send = async () => {
      const [picture, time] = frames[next++];
      const blob = await (await fetch(`data:image/jpeg;base64,${picture}`)).blob();
      engine.sendFrame(await createImageBitmap(blob), 1000 * time);
    };
    const engine = new Engine({
      left: (title, message) => failed(new Error(`${title} ${message}`)),
      answered: (message) => {
        if (message.type === "error") failed(new Error(message.message));
        else if (next === frames.length) done(message.text);
        else send();
      },
    });
  });
}"""


def test_a_word_at_three_letters_a_second_is_read_as_by_python(site):
    frames = list(sign_word("HELP", 360, 25, speed=3))
    with Recognizer(open_model(RELEASED)) as recognizer:
        live = Live(recognizer)
        for picture, moment in frames:
            live.step(picture, moment + 1)
    (module,) = site.glob("engine-*.js")
    sent = [[base64.b64encode(jpeg(picture)).decode(), moment + 1] for picture, moment in frames]
    with served(site) as (url, _), opened(url, bypass_csp=True) as (page, problems):  # frames come as data: here
        assert page.evaluate(SPELL, [f"{url}{module.name}", sent]) == live.text == "HELP"


# Tries to send something, and gives the address that the content security policy refused.
REFUSED = """(address) => new Promise((done) => {
  addEventListener("securitypolicyviolation", ({blockedURI}) => done(blockedURI));
  fetch(address).then(() => done("sent"), () => {});
})"""


def test_nothing_can_be_sent_elsewhere_and_it_works_offline_after_the_first_visit(site, tmp_path):
    path = tmp_path / "y.png"
    cv2.imwrite(str(path), draw_hand(place_hand(load_prototypes()["Y"][0]))[..., ::-1])
    with served(site) as (url, end), opened(url, viewport=PHONE) as (page, problems):
        page.evaluate("navigator.serviceWorker.ready")
        end()
        page.reload()
        page.set_input_files("#file", path)
        expect(page.locator("#letter-name")).to_have_text("Y", timeout=SECONDS)

        (worker,) = page.workers
        for place in (page, worker):
            assert place.evaluate(REFUSED, "https://example.org/").startswith("https://example.org")
        problems.clear()  # what the browser says of that


def test_behind_the_server_the_browser_reads_and_teaching_moves_to_it(site, camera):
    options = SessionOptions(model=open_model(RELEASED), hand_model=find_hand_model())
    app = create_app(options, own_names("127.0.0.1"), trust_local=False, site=site)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
        with opened(url, *camera) as (page, problems):
            page.get_by_role("button", name="Start the camera").click()
            expect(page.locator("#text")).to_contain_text("V", timeout=SECONDS)
            assert len(page.workers) == 1
            assert page.evaluate("fetch('health').then((answer) => answer.json())")["sessions"] == 0

            page.get_by_role("tab", name="Teach").click()
            page.get_by_role("button", name="None").click()
            page.get_by_label("V", exact=True).check()
            page.get_by_role("button", name="Begin").click()
            expect(page.locator("#teach-target")).to_have_text("V", timeout=SECONDS)
            page.get_by_role("button", name="Cancel").click()
            page.get_by_role("tab", name="Spell").click()
            expect(page.locator("#text")).to_have_text(re.compile("V"))
            assert page.evaluate("fetch('health').then((answer) => answer.json())")["sessions"] == 1
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def test_every_file_is_named_after_its_content_and_found(site):
    named = re.compile(r'"((?:\./|\.\./|assets/)?[\w./-]+-[0-9a-f]{8}\.\w+)"')
    for path in (*site.glob("*.*"), *site.glob("engine/*")):
        if path.name != "sw.js":
            for name in named.findall(path.read_text(encoding="utf-8")):
                assert (path.parent / name).is_file(), f"{path.name} names {name}"
    kept = {"index.html", "sw.js", "skeleton"}
    assert {path.name for path in site.rglob("*") if path.is_file() and not re.search("-[0-9a-f]{8}[.]", path.name)} == kept
