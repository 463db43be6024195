"""The page and its server: frames over a WebSocket to what the window does with them, and a small API beside it."""

import asyncio
import ipaddress
import json
import math
import mimetypes
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from fastapi import FastAPI, File, HTTPException, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.engine import built_engine
from inference.guard import Guard
from inference.messages import Command, Conversation, End, Problem, State, Welcome
from inference.session import TOP, Refused, Session, SessionOptions, decode, describe
from sign2sound import Recognizer
from sign2sound.hand import BONES
from sign2sound.labels import LABELS
from sign2sound.profile import user_profile
from sign2sound.signer import signer_data

PAGE = Path(__file__).with_name("page")
_FRAME_TIME = struct.Struct("<d")  # seconds of the browser's clock, before each picture
_SPARED = 0.2  # seconds between a frame and the next while a hand is learnt, which takes five times as long beside full speed
_STILLS_WAITING = 8  # pictures and landmarks of the API at once; more are told to come later

# Windows may know .js as text/plain, which browsers then refuse to run.
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True)
class Limits:
    """What browsers may ask of the server."""

    sessions: int = 4  # browsers at once
    messages_per_second: int = 60  # of each, in the mean over a second
    waiting: int = 16  # messages of each that are not answered yet
    idle_seconds: float = 120  # without a message until a session is closed
    yield_seconds: float = 10  # without a message until it gives its place to a browser that finds none
    session_seconds: float = 3600  # until a session is closed in any case
    frame_bytes: int = 512 * 1024
    body_bytes: int = 8 * 1024 * 1024
    picture_pixels: int = 25_000_000


class Health(BaseModel):
    """What `/health` answers."""

    status: Literal["ok"] = "ok"
    sessions: int = Field(description="browsers connected now")
    limit: int = Field(description="browsers that can be connected at once")


class Refusal(BaseModel):
    """What a request that cannot be answered gets."""

    detail: str = Field(description="what is wrong, in one line")


class Prediction(BaseModel):
    """What a picture shows."""

    label: str = Field(description="the likeliest of the 29 labels; `nothing` where no hand was found")
    confidence: float = Field(description="its probability")
    top: list[tuple[str, float]] = Field(description=f"the {TOP} likeliest labels with their probabilities")
    landmarks: list[tuple[float, float, float]] | None = Field(description="21 of x, y, z in pixels, or null without a hand")
    handedness: Literal["left", "right"] | None


Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate, Coordinate]


class Landmarks(BaseModel):
    """Hands that were found elsewhere."""

    model_config = ConfigDict(extra="forbid")
    landmarks: Annotated[list[Annotated[list[Point], Field(min_length=21, max_length=21)]], Field(max_length=256)] = Field(
        description="N hands of 21 points x, y, z in pixels, MediaPipe's order: x right, y down, z on x's scale"
    )
    left_handed: Annotated[list[bool], Field(max_length=256)] | None = Field(
        None, description="for each hand whether it is a left one; all right hands when left out"
    )


class Probabilities(BaseModel):
    """What the letters of `Landmarks` are."""

    labels: tuple[str, ...] = LABELS
    probabilities: list[list[float]] = Field(description="for each hand, in the order of `labels`")


@dataclass
class _Stills:
    """The API's own recognizer, in a thread of its own."""

    options: SessionOptions
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "stills"))
    waiting: int = 0

    def __post_init__(self):
        self.recognizer = Recognizer(self.options.model, hand_model=self.options.hand_model)
        if self.options.profile is not None:
            self.recognizer.use_model(self.options.profile)

    async def run(self, function, *args):
        if self.waiting >= _STILLS_WAITING:
            raise HTTPException(503, "too many requests at once; try again in a moment", {"Retry-After": "1"})
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, function, *args)
        finally:
            self.waiting -= 1

    def predict(self, picture: bytes, most_pixels: int) -> Prediction:
        frame = decode(picture, most_pixels)
        reading = self.recognizer.read_picture(frame)
        hand = reading.hand
        if hand is None:
            return Prediction(label="nothing", confidence=1.0, top=[("nothing", 1.0)], landmarks=None, handedness=None)
        found = describe(reading.probabilities, hand, frame.shape)
        side = "left" if hand.left_handed else "right"
        names = ("label", "confidence", "top")
        return Prediction(**{name: found[name] for name in names}, landmarks=hand.landmarks.tolist(), handedness=side)

    def probabilities(self, landmarks, left_handed) -> np.ndarray:
        return self.recognizer.predict(np.array(landmarks, np.float32).reshape(-1, 21, 3), left_handed)

    def close(self) -> None:
        self.pool.shutdown()
        self.recognizer.close()


def create_app(
    options: SessionOptions,
    names: frozenset[str],
    limits: Limits = Limits(),  # noqa: B008, it is frozen
    *,
    trust_local: bool = True,
    root_path: str = "",
    site: Path | None = None,
) -> FastAPI:
    """The server's ASGI application.

    names, root_path: see `inference.guard.Guard`. trust_local: browsers that connect from this machine are the user's own, who
    may save and delete the profile; behind a proxy all connect from there.
    """
    stills = _Stills(options)
    places: set[_Place] = set()

    @asynccontextmanager
    async def lifespan(_):
        yield
        stills.close()

    app = FastAPI(
        title="Sign2Sound",
        summary="American Sign Language fingerspelling to text",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own page is fetched from another server and needs scripts within the HTML
        redoc_url=None,
    )
    app.add_middleware(Guard, names=names, body_bytes=limits.body_bytes, root_path=root_path)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": _first_problem(error)}, 422)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    refusals = {
        400: "The body is no JSON or form, or ended early",
        403: "Sent by a page of another site",
        408: "The body did not come in time",
        413: "The body is too large",
        422: "Something in the request is not as described",
        503: "Too many requests at once",
    }
    taking = {"responses": {status: {"model": Refusal, "description": why} for status, why in refusals.items()}}

    @app.get("/health")
    async def health() -> Health:
        """Whether the server runs, and how full it is."""
        return Health(sessions=len(places), limit=limits.sessions)

    @app.post("/predict", **taking)
    async def predict(image: Annotated[bytes, File(description="a JPEG or PNG picture")]) -> Prediction:
        """The letter in a picture."""
        return await stills.run(stills.predict, image, limits.picture_pixels)

    @app.post("/landmarks", **taking)
    async def landmarks(hands: Landmarks) -> Probabilities:
        """Probabilities of the 29 labels for hands found elsewhere."""
        sides = hands.left_handed
        if sides is not None and len(sides) != len(hands.landmarks):
            raise Refused(f"left_handed has {len(sides)} entries for {len(hands.landmarks)} hands")
        found = await stills.run(stills.probabilities, hands.landmarks, sides)
        return Probabilities(probabilities=found.tolist())

    drawn = json.dumps(signer_data())

    @app.get("/signer.json", response_class=JSONResponse)
    async def signer() -> Response:
        """The synthetic signer's signs, shape and pace, from which the page draws it."""
        return Response(drawn, media_type="application/json")

    @app.get("/skeleton")
    async def skeleton() -> list[Annotated[list[int], Field(min_length=2, max_length=2)]]:
        """Pairs of landmarks that a bone joins."""
        return BONES

    @app.get(
        "/stream",
        status_code=426,
        response_class=JSONResponse,
        responses={"default": {"model": Conversation, "description": "What is said over the WebSocket"}},
    )
    async def describe_stream() -> Refusal:
        """A WebSocket for this server's own page: frames and commands go in, what was read and spelled comes out."""
        return JSONResponse({"detail": "open this address as a WebSocket"}, 426, {"upgrade": "websocket"})

    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        if len(places) >= limits.sessions:
            quiet = min(places, key=lambda place: place.heard)
            if time.monotonic() - quiet.heard < limits.yield_seconds:
                why = f"All {limits.sessions} places of this server are taken. Try again in a few minutes."
                return await _say(socket, "full", why, 1013)
            places.discard(quiet)
            quiet.yielded.set()
        place = _Place()
        places.add(place)
        pool = ThreadPoolExecutor(1, "session")  # what MediaPipe and torch do holds up neither the server nor other sessions
        work = partial(asyncio.get_running_loop().run_in_executor, pool)
        session = None
        try:
            session = await work(partial(Session, options, own=trust_local and _is_here(socket)))
            await _send(socket, Welcome(notice=session.notice, **session.state()))
            await _serve(socket, place, work, session, limits)
        except WebSocketDisconnect:
            pass  # the page was closed
        finally:
            places.discard(place)
            if session is not None:
                pool.submit(session.close)  # after the frame in hand
            pool.shutdown(wait=False)

    engine = site and built_engine(site, options.model)

    @app.get("/engine.json", include_in_schema=False)
    async def describe_engine(request: Request) -> dict:
        """What the browser may read with by itself; a user with a profile is read by the server."""
        has_profile = trust_local and _is_here(request) and user_profile().exists()
        return {**(engine if engine and not has_profile else {"files": None}), "server": True}

    if engine:
        app.mount("/assets", StaticFiles(directory=site / "assets"))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response((PAGE / "docs.html").read_bytes(), media_type="text/html")

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


@dataclass(eq=False)
class _Place:
    """One of the server's places for browsers."""

    heard: float = field(default_factory=time.monotonic)  # when the browser last sent something
    yielded: asyncio.Event = field(default_factory=asyncio.Event)  # that it was given to another


async def _serve(socket: WebSocket, place: _Place, work, session: Session, limits: Limits) -> None:
    """Answer a browser's messages one after another until it leaves or may not stay.

    Messages are received while earlier ones are worked on, so that its leaving is noticed at once.
    """
    inbox = asyncio.Queue()

    async def answer() -> None:
        while True:
            try:
                answered = await _answer(await inbox.get(), work, session, limits)
            except Refused as error:
                answered = Problem(message=str(error))
            await _send(socket, answered)

    async def stand_back() -> tuple[str, int]:
        await place.yielded.wait()
        return "Others wait for a place, and no picture came for a while. Your text is still here.", 1000

    tasks = [asyncio.create_task(task) for task in (_receive(socket, place, inbox, limits), answer(), stand_back())]
    try:
        (ended, *_), _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if last_words := ended.result():
        await _say(socket, "closed", *last_words)


async def _receive(socket: WebSocket, place: _Place, inbox: asyncio.Queue, limits: Limits) -> tuple[str, int] | None:
    """Put a browser's messages into the inbox until it leaves, or may not stay: why, and the code that says so."""
    started = time.monotonic()
    rate = Rate(limits.messages_per_second)
    while True:
        left = started + limits.session_seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(socket.receive(), min(left, limits.idle_seconds))
        except asyncio.TimeoutError:
            minutes = round((limits.session_seconds if left < limits.idle_seconds else limits.idle_seconds) / 60)
            why = f"after {minutes} minutes" + ("" if left < limits.idle_seconds else " without a picture")
            return f"The session ended {why}. Your text is still here.", 1000
        if message["type"] == "websocket.disconnect":
            return None
        place.heard = time.monotonic()
        if not rate.allows(place.heard):
            return f"More than {limits.messages_per_second} messages a second.", 1008
        if inbox.qsize() >= limits.waiting:
            return f"More than {limits.waiting} messages without waiting for an answer.", 1008
        inbox.put_nowait(message)


async def _answer(message: dict, work, session: Session, limits: Limits) -> State:
    if (frame := message.get("bytes")) is not None:
        started = time.perf_counter()
        if not _FRAME_TIME.size < len(frame) <= _FRAME_TIME.size + limits.frame_bytes:
            raise Refused(
                f"a frame is 8 bytes of its time and a picture of at most {limits.frame_bytes}, found {len(frame)} in all"
            )
        (timestamp,) = _FRAME_TIME.unpack_from(frame)
        answer = await work(session.frame, frame[_FRAME_TIME.size :], timestamp)
        if session.adapting:
            await asyncio.sleep(_SPARED)  # the page sends the next frame after the answer
        answer.ms["server"] = 1000 * (time.perf_counter() - started)
        return answer
    try:
        command = Command.model_validate_json(message["text"])
    except ValidationError as error:
        raise Refused(_first_problem(error)) from error
    return await work(session.command, command)


class Rate:
    """So many a second in the mean, and as many at once after a second of rest."""

    def __init__(self, per_second: float):
        self._per_second = self._left = per_second
        self._time = -math.inf

    def allows(self, now: float) -> bool:
        """Whether one more is allowed at `now`, in seconds, which never falls."""
        self._left = min(self._per_second, self._left + (now - self._time) * self._per_second)
        self._time = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def _say(socket: WebSocket, kind: str, message: str, code: int) -> None:
    """The last words of a connection."""
    await _send(socket, End(type=kind, message=message))
    await socket.close(code)


async def _send(socket: WebSocket, message: BaseModel) -> None:
    await socket.send_text(message.model_dump_json())


def _is_here(socket: WebSocket | Request) -> bool:
    """Whether the browser runs on this machine."""
    return socket.client is not None and ipaddress.ip_address(socket.client.host).is_loopback


def _first_problem(error: RequestValidationError | ValidationError) -> str:
    """One line, without what was sent: it may be long, or NaN, which JSON does not know."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return f"{where}: {first['msg']}" if where else first["msg"]
