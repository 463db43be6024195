"""Letter probabilities over time -> text. A pure state machine: time is an argument, nothing is read or shown here."""

import math
from dataclasses import dataclass

import numpy as np

from sign2sound.features import FRAME_RATE
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING

_FIRST_SHAPES = {"J": ("I", "Y"), "Z": ("D", "X", "G")}  # what a motion letter may look like before it moves
_LONGEST_STEP = 0.25  # seconds; what the hand did in a longer gap between frames is not known
_UNLIKELY = 0.02  # share of each reading that is spread over all labels, so that no single frame decides alone


@dataclass(frozen=True)
class SpellerOptions:
    """When the hand is said to show something else than before.

    For every label evidence is summed up, frame by frame, that the hand has begun to show it: how much likelier it is, on a
    log scale, than what was shown so far; never below 0. This is the cumulative sum test for a change (Page, Continuous
    Inspection Schemes, 1954). The first label whose sum reaches what is asked of it is shown from then on, and a letter is
    written. Evidence counts by time, so that the frame rate makes no difference: in 1/30 s, a label that is e times as likely
    gains 1.

    Chosen on 400 words and names composed of the stills of 15 people left out, at 1, 3 and 5 letters/s, together with single
    letters with the hand coming up before and going down after them; `alone` and `proof` on moving hands that spell nothing
    (traduttore_words) and on words of left-out people at 0.5 to 5 letters/s. `training/measure/fluency.py --search` tries
    other values.
    """

    begin: float = 4.0  # asked of a letter after `nothing`
    change: float = 4.0  # asked of a letter straight after another one
    end: float = 0.5  # asked of `nothing` after a letter
    shortest: float = 0.05  # seconds that a letter's evidence must take: a hand's first frame does not say that it still moves
    reluctance: float = 0.5  # subtracted from `nothing` in each frame: a stranger's letters look like none more often
    release: float = 0.06  # seconds that a letter must be let go before the same one counts again, at least
    release_share: float = 0.25  # and as a share of how long it was held, for who spells slowly parts letters slowly
    longest_release: float = 0.3  # seconds that are enough however long it was held
    redrawn: float = 0.4  # seconds that a J or Z must be let go before it counts again: each is drawn anew
    passing: float = 0.6  # seconds; a letter shown for less, and much less than those around it, was only passed through
    passing_share: float = 0.35  # of their time, that is: people spell at an even pace
    motion: float = 1.5  # seconds within which a J or Z takes the place of the letter whose hand shape it began with
    alone: float = 0.5  # seconds from one letter to the next; of a word, letters stand closer than this, or are held long
    proof: float = 40.0  # asked of a letter that stands alone: hands that spell nothing look like one now and then
    pause: float = 1.5  # seconds of `nothing` that end a word


@dataclass(frozen=True)
class SpellerEvent:
    """What changed the text.

    kind: `letter`, `corrected`, `deleted` or `word`. text: the letter written, the letter that took the place of the last
    one, the character deleted, or the word that ended. timestamp: seconds, when it was decided; since: when the hand began to
    show it.
    """

    kind: str
    text: str
    timestamp: float
    since: float


@dataclass
class _Waiting:
    """A letter that stands alone so far and is not yet written: since when it is shown, in seconds, what was read of it, and
    the evidence that it is shown at all."""

    label: int
    since: float
    read: np.ndarray
    proof: float


@dataclass(frozen=True)
class _Hold:
    """A letter that was shown, from when until when, in seconds."""

    label: int = NOTHING
    since: float = 0.0
    until: float = -math.inf

    @property
    def held(self) -> float:
        return self.until - self.since


class Speller:
    """Writes a letter as soon as the probabilities say so, once for each time it is shown; ends a word after a pause.

    text: all that was spelled so far, words parted by one space. word: the word being spelled, or the one that just ended
    until the next letter. evidence: for each character of it the probabilities, float (29,), that it was read from: their mean
    from its beginning on, or one-hot for what was typed.
    """

    def __init__(self, options: SpellerOptions | None = None):
        self.options = options = options or SpellerOptions()
        self._characters: list[tuple[str, np.ndarray]] = []  # with their evidence
        self._now: float | None = None
        self._saw_no_hand = True
        self._shown = NOTHING
        self._shown_since = 0.0
        self._sums = np.zeros(len(LABELS))  # evidence that the hand has begun to show each label
        self._since = np.zeros(len(LABELS))  # when that evidence began
        self._read = np.zeros((len(LABELS), len(LABELS)))  # row: seconds x probabilities since then
        self._holds: list[_Hold] = []  # of the letters shown before, the newest last
        self._waiting: _Waiting | None = None
        self._paused = False
        self._asked_of_nothing = np.full(len(LABELS), float(options.begin))
        self._asked_of_letters = np.full(len(LABELS), float(options.change))
        self._asked_of_letters[NOTHING] = options.end

    def __repr__(self) -> str:
        return f"Speller(text={self.text!r})"

    @property
    def text(self) -> str:
        return "".join(character for character, _ in self._characters)

    @property
    def word(self) -> str:
        return "".join(character for character, _ in self._characters[self._word_place()])

    @property
    def evidence(self) -> tuple[np.ndarray, ...]:
        return tuple(evidence / evidence.sum() for _, evidence in self._characters[self._word_place()])

    @property
    def progress(self) -> float:
        """How much of what is asked of it the likeliest new letter has, 0 to 1; 0 while the hand shows the one just written."""
        if self._proving:
            return min(self._waiting.proof / self.options.proof, 1.0)
        alone = self._shown == NOTHING and (self._now or 0.0) - self._last.until >= self.options.alone
        share = self._sums / np.maximum(self._asked, self.options.proof if alone else 0.0)
        share[[NOTHING, self._shown]] = 0
        return min(float(share.max()), 1.0)  # all of it may be there before `shortest` has passed

    def update(self, timestamp: float, probabilities: np.ndarray) -> SpellerEvent | None:
        """Take the probabilities (29,) at `timestamp` seconds, which never falls. Returns what was written, if anything."""
        passed = 1 / FRAME_RATE if self._now is None else min(max(timestamp - self._now, 0.0), _LONGEST_STEP)
        began = timestamp if self._now is None else self._now
        self._now = timestamp
        probabilities = np.asarray(probabilities, dtype=np.float64)
        scores = np.log((1 - _UNLIKELY) * probabilities + _UNLIKELY / len(LABELS))
        scores[NOTHING] -= self.options.reluctance

        appeared = self._saw_no_hand and probabilities[NOTHING] < 1
        self._saw_no_hand = probabilities[NOTHING] >= 1
        if appeared:  # a hand's first frame does not say whether it moves
            scores[:] = 0

        before = self._sums
        self._sums = np.maximum(before + passed * FRAME_RATE * (scores - scores[self._shown]), 0)
        fresh = before == 0
        self._since[fresh] = began
        self._read[fresh] = 0
        self._read += passed * probabilities
        if self._shown != NOTHING:
            self._follow(passed * probabilities)
        if self._proving:
            self._waiting.proof += passed * FRAME_RATE * (scores[self._shown] - scores[NOTHING])
        # The tolerance keeps the number of frames the same however the sum of frame times was rounded.
        enough = self._sums - self._asked + 1e-6
        brief = timestamp - self._since < self.options.shortest - 1e-6
        # A frame that shows something else does not make a brief letter long enough.
        early = brief | (scores < scores.max())
        early[NOTHING] = False
        enough[early] = -np.inf
        label = int(enough.argmax())
        if enough[label] >= 0 and label != self._shown:
            return self._show(label, timestamp)
        if self._proving and self._waiting.proof >= self.options.proof:
            letter, self._waiting = self._waiting, None
            return self._put(letter, timestamp)
        if self._shown != NOTHING and self._passed_through_last(timestamp - self._shown_since):
            del self._characters[-2]
            deleted = self._holds.pop()
            return SpellerEvent("deleted", LABELS[deleted.label], timestamp, deleted.until)
        if self._shown == NOTHING and not self._paused and timestamp - self._shown_since >= self.options.pause - 1e-6:
            self._paused = True
            kind, text = self._write("space", np.eye(len(LABELS))[NOTHING])
            return SpellerEvent(kind, text, timestamp, self._shown_since) if text else None
        return None

    def write(self, label: str) -> None:
        """Write one of the 29 labels as if it had been signed; `del` deletes a character, `nothing` does nothing."""
        if label != "nothing":
            self._write(label, np.eye(len(LABELS))[LABEL_IDS[label]])

    def replace_word(self, word: str) -> None:
        """Put `word` and a space in the place of `self.word`."""
        del self._characters[self._word_place().start :]
        for letter in word:
            self.write(letter)
        self.write("space")

    def clear(self) -> None:
        """Forget the text, not what the hand shows."""
        self._characters.clear()

    def _word_place(self) -> slice:
        """Where `word` stands among the characters; looked for from their end, since a text may be long."""
        end = len(self._characters)
        while end and self._characters[end - 1][0] == " ":
            end -= 1
        start = end
        while start and self._characters[start - 1][0] != " ":
            start -= 1
        return slice(start, end)

    @property
    def _proving(self) -> bool:
        """Whether the hand shows a letter that is not yet written."""
        return self._waiting is not None and self._shown != NOTHING

    @property
    def _asked(self) -> np.ndarray:
        return self._asked_of_nothing if self._shown == NOTHING else self._asked_of_letters

    def _follow(self, reading: np.ndarray) -> None:
        """Add to the evidence of the last letter while the hand still shows it."""
        if self._waiting:
            self._waiting.read += reading
        elif self._characters and self._characters[-1][0] == LABELS[self._shown]:
            self._characters[-1][1].__iadd__(reading)

    def _show(self, label: int, timestamp: float) -> SpellerEvent | None:
        """The hand shows `label` from now on."""
        since, read, proof = float(self._since[label]), self._read[label].copy(), float(self._sums[label])
        if self._shown != NOTHING:
            self._holds = [*self._holds[-2:], _Hold(self._shown, self._shown_since, since)]
            self._follow(-read)  # what was read since then is no evidence of the last letter
        self._shown, self._shown_since, self._sums = label, since, np.zeros(len(LABELS))
        if label == NOTHING:
            self._paused = False
            return None
        away = since - self._last.until
        if label == self._last.label and away < self._needed_release:  # it flickered, but was never let go
            self._shown_since = self._holds.pop().since
            if self._waiting:
                self._waiting.proof += proof
            return None
        letter, before, self._waiting = _Waiting(label, since, read, proof), self._waiting, None
        if self._began_as_last(LABELS[label], away):
            if before is None and self._characters and self._characters[-1][0] == LABELS[self._last.label]:
                self._characters[-1] = (LABELS[label], read)
                return SpellerEvent("corrected", LABELS[label], timestamp, since)
            before = None
        alone = away >= self.options.alone
        if alone and proof < self.options.proof and LABELS[label] not in MOTION_LETTERS:
            self._waiting = letter
            return None
        if before is None or alone:
            return self._put(letter, timestamp)
        letter.proof = math.inf  # two letters, one after the other, prove each other: this one is written next
        self._waiting = letter
        return self._put(before, timestamp)

    def _put(self, letter: _Waiting, timestamp: float) -> SpellerEvent | None:
        kind, text = self._write(LABELS[letter.label], letter.read)
        return SpellerEvent(kind, text, timestamp, letter.since) if text else None

    def _passed_through_last(self, held: float) -> bool:
        """Whether the letter before the shown one, which is held for so many seconds, was only passed through."""
        options, share = self.options, self.options.passing_share
        before = self._holds[-2].held if len(self.word) > 2 and len(self._holds) > 1 else math.inf
        brief = self._last.held < min(options.passing, share * held, share * before)
        newest = [character for character, _ in self._characters[-2:]]
        return brief and newest == [LABELS[self._last.label], LABELS[self._shown]]

    @property
    def _last(self) -> _Hold:
        return self._holds[-1] if self._holds else _Hold()

    @property
    def _needed_release(self) -> float:
        options = self.options
        if LABELS[self._last.label] in MOTION_LETTERS:
            return options.redrawn
        return max(options.release, min(options.release_share * self._last.held, options.longest_release))

    def _began_as_last(self, name: str, away: float) -> bool:
        """Whether the letter shown before may have been the beginning of this J or Z."""
        return LABELS[self._last.label] in _FIRST_SHAPES.get(name, ()) and away < self.options.motion

    def _write(self, label: str, evidence: np.ndarray) -> tuple[str, str]:
        """Returns the event's kind and text, which is empty where nothing changed."""
        if label == "del":
            return "deleted", self._characters.pop()[0] if self._characters else ""
        if label != "space":
            self._characters.append((label, evidence))
            return "letter", label
        if not self._characters or self._characters[-1][0] == " ":
            return "word", ""
        self._characters.append((" ", evidence))
        return "word", self.word
