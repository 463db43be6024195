"""Spelled letters -> words of a dictionary: suggestions, and the likeliest word. Nothing is ever replaced here."""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import wordfreq
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from sign2sound.errors import UserError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # the first 26 labels
MOST_WORDS = 50_000  # of a language: down to three in ten million words; below stand more misspellings than words
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})  # letters that Unicode does not take apart

# What may happen to a letter besides what its probabilities say: read as any other, not written at all, written unasked.
_MISREAD = 0.01
_MISSED = np.log(0.02)
_EXTRA = np.log(0.02 / len(LETTERS))
# Fingerspelling is for names as much as for words: this share of what is spelled stands in no dictionary, any letter of it
# being as likely as if there were this many, fewer than 26 because some letters are rare.
_UNKNOWN = 0.3
_UNKNOWN_LETTERS = 16
_UNFINISHED = 0.5  # how likely a word is to be looked up before its end
_WORTHWHILE = 1e-3  # of the likeliest reading: a suggestion below it is not worth offering


class Dictionary:
    """Words with their frequencies. `load` one, then ask it at each letter what may be meant."""

    def __init__(self, frequencies: Iterable[tuple[str, float]]):
        """frequencies: words and their weights, in any unit. Of words that are spelled alike (ITS, IT'S) the most frequent
        stays; words of one letter and words that A-Z cannot spell are left out. Raises UserError when none is left."""
        words: dict[str, tuple[float, str]] = {}
        for word, weight in frequencies:
            spelling = spell(word)
            if len(spelling) > 1 and weight > words.get(spelling, (0.0, ""))[0]:
                words[spelling] = weight, word.upper()
        if not words:
            raise UserError(
                "found no word of two letters or more from A to Z in the word list; choose another language or file"
            )
        self._spellings = list(words)
        self._words = [word for _, word in words.values()]
        weights = np.array([weight for weight, _ in words.values()])
        self._priors = np.log((1 - _UNKNOWN) * weights / weights.sum())
        self._index = {spelling: row for row, spelling in enumerate(words)}
        longest = max(map(len, words))
        padded = "".join(spelling.ljust(longest, "A") for spelling in words).encode()
        self._letters = np.frombuffer(padded, np.uint8).reshape(len(words), longest) - ord("A")
        self._lengths = np.array([len(spelling) for spelling in words])
        self._beginnings: dict[int, list[str]] = {}  # by length, as they are asked for

    @classmethod
    def load(cls, source: str | Path = "en") -> "Dictionary":
        """The words of a language ("en", "de", ...: those of wordfreq), or of a text file: a word per line, and, if you like,
        its count behind it. Raises UserError for an unknown language and a file that holds something else."""
        languages = wordfreq.available_languages()
        if str(source) in languages:
            return cls(list(wordfreq.get_frequency_dict(str(source)).items())[:MOST_WORDS])
        try:
            lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            raise UserError(
                f"no words for {source}: neither a file nor one of the languages {', '.join(sorted(languages))}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read the word list {source}: {error}; expected a UTF-8 text file") from error
        return cls(_parse(source, number, line) for number, line in enumerate(lines, start=1) if line.strip())

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: str) -> bool:
        return spell(word) in self._index

    def suggest(self, evidence: Sequence[np.ndarray], count: int = 3) -> list[str]:
        """Up to `count` words that may be meant, whole or so far, best first, in capitals; never what was spelled itself.

        evidence: for each spelled character the probabilities (29,) that it was read from, one-hot if it was typed.
        """
        if not len(evidence):
            return []
        rows, whole, begun = self._weigh(evidence)
        literal = literal_of(evidence)
        scores = np.logaddexp(whole, begun + np.log(_UNFINISHED / self._lengths[rows]))
        likeliest = max(scores.max(initial=-np.inf), self._literal_score(evidence))
        order = np.argsort(-scores)[: count + 1]
        worthwhile = rows[order[scores[order] > likeliest + np.log(_WORTHWHILE)]]
        return [self._words[row] for row in worthwhile if self._words[row] != literal][:count]

    def best(self, evidence: Sequence[np.ndarray]) -> str:
        """The likeliest finished word: one of the dictionary, or what was spelled, which may be a name that is in none."""
        if not len(evidence):
            return ""
        rows, whole, _ = self._weigh(evidence)
        literal = literal_of(evidence)
        if not len(rows) or self._literal_score(evidence) >= whole.max():
            return literal
        best = rows[whole.argmax()]
        return literal if self._spellings[best] == literal else self._words[best]

    def _weigh(self, evidence: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the words near what was spelled, and how likely each is, spelled whole or begun (log scale)."""
        literal = literal_of(evidence)
        length = len(literal)
        within = 1 if length == 1 else 2 if length < 6 else 3
        # One letter more than was spelled, so that a word with a letter missed in its middle is as near as one begun.
        distances = cdist([literal], self._begin(length + 1), scorer=Levenshtein.distance, score_cutoff=within, dtype=np.uint8)[
            0
        ]
        rows = np.flatnonzero(distances <= within)
        scores = _log_probabilities(evidence)

        steps = np.arange(length + 1)
        alignment = np.repeat(_EXTRA * steps[None], len(rows), axis=0)
        whole = np.full(len(rows), -np.inf)
        begun = np.full(len(rows), -np.inf)
        for position in range(min(length + 3, self._letters.shape[1])):
            going_on = self._lengths[rows] > position
            previous, alignment = alignment, alignment + _MISSED
            matched = previous[:, :-1] + scores[:, self._letters[rows, position]].T
            np.maximum(alignment[:, 1:], matched, out=alignment[:, 1:])
            alignment = np.maximum.accumulate(alignment - _EXTRA * steps, axis=1) + _EXTRA * steps
            begun = np.where(going_on, np.maximum(begun, alignment[:, -1]), begun)
            whole = np.where(self._lengths[rows] == position + 1, alignment[:, -1], whole)
        return rows, whole + self._priors[rows], begun + self._priors[rows]

    def _literal_score(self, evidence: Sequence[np.ndarray]) -> float:
        unknown = np.log(_UNKNOWN) - len(evidence) * np.log(_UNKNOWN_LETTERS)
        row = self._index.get(literal_of(evidence))
        prior = unknown if row is None else np.logaddexp(unknown, self._priors[row])
        return float(_log_probabilities(evidence).max(axis=1).sum() + prior)

    def _begin(self, length: int) -> list[str]:
        if length not in self._beginnings:
            self._beginnings[length] = [spelling[:length] for spelling in self._spellings]
        return self._beginnings[length]


def spell(word: str) -> str:
    """The letters A-Z that spell `word`, accents, apostrophes and hyphens left out; "" where it has other characters."""
    folded = unicodedata.normalize("NFKD", word.casefold().translate(_PLAIN))
    letters = "".join(c for c in folded if c.isalnum()).upper()
    return letters if letters.isascii() and letters.isalpha() else ""


def literal_of(evidence: Sequence[np.ndarray]) -> str:
    """The likeliest letter of each character."""
    return "".join(LETTERS[letter] for letter in np.asarray(evidence)[:, : len(LETTERS)].argmax(axis=1))


def _log_probabilities(evidence: Sequence[np.ndarray]) -> np.ndarray:
    """(characters, 26)."""
    letters = np.asarray(evidence, dtype=np.float64)[:, : len(LETTERS)]
    return np.log((1 - _MISREAD) * letters / letters.sum(axis=1, keepdims=True) + _MISREAD / len(LETTERS))


def _parse(source: str | Path, number: int, line: str) -> tuple[str, float]:
    word, *count = line.split()
    try:
        (weight,) = map(float, count or [1])
    except ValueError:
        raise UserError(f"{source}, line {number}: found {line.strip()!r}, expected a word, or a word and its count") from None
    return word, weight
