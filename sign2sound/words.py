"""Spelled letters -> words of a dictionary: suggestions, and the likeliest word. Nothing is ever replaced here."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import wordfreq
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from sign2sound.errors import UserError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # the first 26 labels
_SEPARATOR = re.compile("[,;\t]")
MOST_WORDS = 50_000  # of a language: down to three in ten million words; below stand more misspellings than words
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})  # letters that Unicode does not take apart

# What may happen to a letter besides what its probabilities say: read as any other, not written at all, written unasked. Of a
# few values tried on 322 words and names of people left out, these made many words right without losing sure names.
_MISREAD = 0.02
_MISSED = math.log(0.02)
_EXTRA = math.log(0.02 / len(LETTERS))
# The share of what is spelled that stands in no dictionary, as names often do not. It is set high: to call a name a mistake is
# worse than to leave a mistake alone.
_UNKNOWN = 0.8
_MOST_DISTANCE = 3  # letters missed, misread or unasked in a word that is still looked at
_UNFINISHED = 0.1  # the weight of a word begun against one that is whole
_WORTHWHILE = 1e-3  # of the likeliest reading: a suggestion below it is not worth offering


class Dictionary:
    """Words with their frequencies. `load` one, then ask it at each letter what may be meant."""

    def __init__(self, frequencies: Iterable[tuple[str, float]]):
        """frequencies: words and their weights, in any unit. A word stands here as it is spelled, so ITS is also IT'S; words
        of one letter and those that A-Z cannot spell are left out. Raises UserError when none is left."""
        weights: dict[str, float] = {}
        for word, weight in frequencies:
            spelling = spell(word)
            if len(spelling) > 1 and weight > 0:
                weights[spelling] = weights.get(spelling, 0.0) + weight
        if not weights:
            raise UserError(
                "found no word of two letters or more from A to Z in the word list; choose another language or file"
            )
        self._words = list(weights)
        self._rows = {word: row for row, word in enumerate(self._words)}
        share = np.fromiter(weights.values(), float) / sum(weights.values())
        self._priors = np.log((1 - _UNKNOWN) * share).astype(np.float32)
        self._lengths = np.array([len(word) for word in self._words])
        longest = self._lengths.max()
        padded = "".join(word.ljust(longest, "A") for word in self._words).encode()
        self._letters = np.frombuffer(padded, np.uint8).reshape(len(self._words), -1) - ord("A")
        self._next = _log_transitions(self._words)
        self._beginnings: dict[int, list[str]] = {}  # of the words, by length, as they are asked for

    @classmethod
    def load(cls, source: str | Path = "en") -> "Dictionary":
        """The words of a language ("en", "de", ...: those of wordfreq), or of a text file: a word per line, and, if you like,
        its count behind it, parted by a blank, tab, comma or semicolon, with a header or none. Raises UserError for an unknown
        language and a file that holds something else."""
        languages = wordfreq.available_languages()
        if str(source) in languages:
            return cls(islice(_frequencies(str(source)), MOST_WORDS))
        try:
            lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            raise UserError(
                f"no words for {source}: neither a file nor one of the languages {', '.join(sorted(languages))}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read the word list {source}: {error}; expected a UTF-8 text file") from error
        if lines and _SEPARATOR.search(lines[0]) and not lines[0].rstrip(' "')[-1:].isdecimal():
            lines[0] = ""  # the header of a table
        return cls(_parse(source, number, line) for number, line in enumerate(lines, start=1) if line.strip())

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: str) -> bool:
        return spell(word) in self._rows

    def suggest(self, evidence: Sequence[np.ndarray], count: int = 3) -> list[str]:
        """Up to `count` words that may be meant, whole or so far, best first, in capitals; never what was spelled itself.

        evidence: for each spelled character the probabilities (29,) that it was read from, one-hot if it was typed.
        """
        if not 0 < len(evidence) <= self._letters.shape[1] + _MOST_DISTANCE:  # no word is near a longer one
            return []
        rows, whole, begun = self._weigh(evidence)
        scores = np.logaddexp(whole, begun + math.log(_UNFINISHED))
        likeliest = max(scores.max(initial=-np.inf), self._literal_score(evidence))
        order = np.argsort(-scores, kind="stable")[: count + 1]
        worthwhile = order[scores[order] > likeliest + math.log(_WORTHWHILE)]
        literal = literal_of(evidence)
        return [self._words[row] for row in rows[worthwhile] if self._words[row] != literal][:count]

    def best(self, evidence: Sequence[np.ndarray]) -> str:
        """The likeliest finished word: one of the dictionary, or what was spelled, which may be a name that is in none."""
        if not len(evidence):
            return ""
        rows, whole, _ = self._weigh(evidence)
        if whole.max(initial=-np.inf) <= self._literal_score(evidence):
            return literal_of(evidence)
        return self._words[rows[whole.argmax()]]

    def _weigh(self, evidence: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the words near what was spelled, and how likely each of them is, spelled whole or begun (log scale)."""
        length = len(evidence)
        within = 1 if length == 1 else 2 if length < 6 else _MOST_DISTANCE
        # One letter more than was spelled, so that a word with a letter missed in its middle is as near as one begun.
        beginnings = self._begin(min(length + 1, self._letters.shape[1]))
        spelled = [literal_of(evidence)]
        distances = cdist(spelled, beginnings, scorer=Levenshtein.distance, score_cutoff=within, dtype=np.uint8)[0]
        rows = np.flatnonzero(distances <= within)
        letters, lengths, priors = self._letters[rows], self._lengths[rows], self._priors[rows]

        read = _log_probabilities(evidence)
        # alignment[i]: the word's letters so far against the first i of those spelled.
        alignment = np.repeat(_EXTRA * np.arange(length + 1, dtype=np.float32)[:, None], len(rows), axis=1)
        whole, begun = np.full((2, len(rows)), -np.inf, dtype=np.float32)
        for position in range(min(length + within, letters.shape[1])):
            before, alignment = alignment, alignment + _MISSED
            np.maximum(alignment[1:], before[:-1] + read[:, letters[:, position]], out=alignment[1:])
            for i in range(length):
                np.maximum(alignment[i + 1], alignment[i] + _EXTRA, out=alignment[i + 1])
            np.maximum(begun, alignment[-1], out=begun, where=lengths > position)
            np.copyto(whole, alignment[-1], where=lengths == position + 1)
        return rows, whole + priors, begun + priors

    def _literal_score(self, evidence: Sequence[np.ndarray]) -> float:
        """How likely it is that what was spelled is meant (log scale): a word, or a name that is made like words."""
        literal = literal_of(evidence)
        prior = math.log(_UNKNOWN) + sum(self._next[pair] for pair in _pairs(literal))
        if literal in self._rows:
            prior = np.logaddexp(prior, self._priors[self._rows[literal]])
        return float(_log_probabilities(evidence).max(axis=1).sum() + prior)

    def _begin(self, length: int) -> list[str]:
        if length not in self._beginnings:
            self._beginnings[length] = [word[:length] for word in self._words]
        return self._beginnings[length]


def spell(word: str) -> str:
    """The letters A-Z that spell `word`, accents, apostrophes and hyphens left out; "" where it has other characters."""
    if word.isascii() and word.isalpha():
        return word.upper()
    folded = unicodedata.normalize("NFKD", word.casefold().translate(_PLAIN))
    letters = "".join(c for c in folded if c.isalnum()).upper()
    return letters if letters.isascii() and letters.isalpha() else ""


def literal_of(evidence: Sequence[np.ndarray]) -> str:
    """The likeliest letter of each character."""
    return "".join(LETTERS[letter] for letter in np.asarray(evidence)[:, : len(LETTERS)].argmax(axis=1))


def _log_probabilities(evidence: Sequence[np.ndarray]) -> np.ndarray:
    """(characters, 26)."""
    letters = np.asarray(evidence, dtype=np.float64)[:, : len(LETTERS)]
    shares = letters / letters.sum(axis=1, keepdims=True)
    return np.log((1 - _MISREAD) * shares + _MISREAD / len(LETTERS)).astype(np.float32)


def _pairs(word: str) -> Iterable[tuple[str, str]]:
    return zip(f" {word}", f"{word} ", strict=True)


def _log_transitions(words: Iterable[str]) -> dict[tuple[str, str], float]:
    """How likely each letter comes after each other in the words, a blank before and behind them (log scale)."""
    text = f" {' '.join(words)} "
    counts = Counter(zip(text, text[1:], strict=False))
    after = Counter({first: len(LETTERS) + 1 for first in f"{LETTERS} "})  # each pair was seen once more than it was
    for (first, _), count in counts.items():
        after[first] += count
    return {(first, second): math.log((counts[first, second] + 1) / after[first]) for first in after for second in after}


def _frequencies(language: str) -> Iterable[tuple[str, float]]:
    """The words of wordfreq, the most frequent first; a dictionary of all of them takes longer than the rest of `load`."""
    for centibels, words in enumerate(wordfreq.get_frequency_list(language)):
        for word in words:
            yield word, wordfreq.cB_to_freq(-centibels)


def _parse(source: str | Path, number: int, line: str) -> tuple[str, float]:
    match [field.strip('" ') for field in _SEPARATOR.split(line.strip())] if _SEPARATOR.search(line) else line.split():
        case [word]:
            return word, 1
        case [word, count] if count.isdecimal():
            return word, int(count)
    raise UserError(f"{source}, line {number}: found {line.strip()!r}, expected a word, or a word and its count")
