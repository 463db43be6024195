"""What the page and its server tell each other over `/stream`, besides the frames."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from inference.practice import DrillState
from inference.teaching import TeachingState

WRITTEN_AT_ONCE = 2000  # characters of one command; the page sends a longer text in parts


class Command(BaseModel):
    """What the page asks for besides reading frames.

    write: text, A to Z and spaces, as if typed. delete: the last character. correct: the last letter is the letter `text`.
    take: suggestion `index`. clear: the text.
    practice: the word `text`; teach: the letters `text`; skip: the letter on show in either; spell: leave either.
    forget: the user's profile.
    """

    model_config = ConfigDict(extra="forbid")
    do: Literal["write", "delete", "correct", "take", "clear", "practice", "teach", "skip", "spell", "forget"]
    text: Annotated[str, StringConstraints(to_upper=True, max_length=WRITTEN_AT_ONCE, pattern="^[A-Za-z ]*$")] = ""
    index: int = 0


class State(BaseModel):
    """The answer to a command: what the page shows at all times."""

    type: Literal["state"] = "state"
    text: str = Field(description="all that was spelled")
    word: str = Field(description="the end of it that is being spelled, or has just ended")
    suggestions: tuple[str, ...] = Field(description="words to take in its place, best first")
    readings: tuple[str, ...] = Field(description="its last letter's second and third reading, to correct it by")
    profile: bool = Field(description="whether it reads with a profile of the user's own hand")


class Welcome(State):
    """The first message of all."""

    type: Literal["welcome"] = "welcome"
    notice: str = Field(description="about the user's profile, or empty")


class Event(BaseModel):
    """What a frame did to the text, as `sign2sound.SpellerEvent` says it."""

    kind: Literal["letter", "corrected", "deleted", "word"]
    text: str


class Step(State):
    """The answer to a frame."""

    type: Literal["step"] = "step"
    time: float = Field(description="the frame's own, in seconds")
    label: str = Field(description="the likeliest of the 29 labels")
    confidence: float = Field(description="its probability")
    top: list[tuple[str, float]] = Field(description="the likeliest labels with their probabilities")
    hand: list[tuple[float, float]] | None = Field(description="21 points, shares of the picture's width and height")
    hold: float = Field(description="how much of its hold the letter has behind it, 0 to 1")
    event: Event | None = Field(description="what this frame wrote, deleted or ended")
    teaching: TeachingState | None = Field(description="while a hand is taught and adapted to, and once when that is over")
    notice: str = Field(description="what the user should be told now, or empty")
    practice: DrillState | None = Field(description="while a word is practised")
    ms: dict[str, float] = Field(description="milliseconds of each stage in the server, and `server` for all of it")


class Problem(BaseModel):
    """The answer to a frame or command that can't be used."""

    type: Literal["error"] = "error"
    message: str


class End(BaseModel):
    """The last message before the server closes the connection."""

    type: Literal["full", "closed"]
    message: str


class Conversation(BaseModel):
    """Each message of the browser gets one answer, in the same order; a `welcome` comes unasked, and so does an end."""

    frame: Annotated[bytes, Field(description="a binary message: the frame's time in seconds, float64, little-endian; a JPEG")]
    command: Command = Field(description="a text message, JSON")
    answer: Welcome | Step | State | Problem | End = Field(description="a text message, JSON, told apart by `type`")
