import tracemalloc

import numpy as np
import pytest

from sign2sound.errors import UserError
from sign2sound.labels import LABEL_IDS
from sign2sound.words import LETTERS, Dictionary, spell


@pytest.fixture(scope="module")
def english():
    return Dictionary.load("en")


def read(word, *doubts, sure=0.97):
    """Evidence of `word`; a doubt (position, letter, share) gives that letter a share of the character's probability."""
    evidence = np.full((len(word), 29), (1 - sure) / 28)
    for position, letter in enumerate(word):
        evidence[position, LABEL_IDS[letter]] = sure
    for position, letter, share in doubts:
        evidence[position] *= (1 - share) / evidence[position].sum()
        evidence[position, LABEL_IDS[letter]] += share
    return list(evidence)


def typed(word):
    return list(np.eye(29)[[LABEL_IDS[letter] for letter in word]])


def test_the_letters_probabilities_choose_among_words_equally_far(english):
    assert english.suggest(read("HELLP", (4, "O", 0.4)))[0] == "HELLO"
    assert english.best(read("HELLP", (4, "O", 0.4))) == "HELLO"
    names = Dictionary([("MARK", 1), ("NARK", 1), ("DARK", 1)])
    assert names.suggest(read("TARK", (0, "N", 0.3), (0, "D", 0.1))) == ["NARK", "DARK", "MARK"]


def test_frequency_chooses_among_words_that_were_read_alike():
    assert Dictionary([("MARK", 1), ("DARK", 50)]).suggest(read("TARK")) == ["DARK", "MARK"]


@pytest.mark.parametrize("spelled", ["BECASE", "BEXCAUSE", "BECAUDE", "ECAUSE", "BECAUSEE"])
def test_a_letter_missed_or_too_many_is_found(english, spelled):
    assert english.suggest(read(spelled))[0] == "BECAUSE"
    assert english.best(read(spelled)) == "BECAUSE"


def test_a_word_is_offered_before_its_end_most_frequent_first():
    words = Dictionary([("THERMAL", 5), ("THERMOS", 9), ("THERMOMETER", 7), ("TIGER", 1)])
    assert words.suggest(read("THERM")) == ["THERMOS", "THERMOMETER", "THERMAL"]
    assert words.suggest(read("THERM"), count=1) == ["THERMOS"]
    assert words.suggest(read("THFRM", (2, "E", 0.3)), count=1) == ["THERMOS"]
    assert words.best(read("TH")) == "TH"


def test_what_was_spelled_is_not_suggested(english):
    for word in ("HELLO", "THE", "MICHAEL"):
        assert word not in english.suggest(read(word))
        assert english.best(read(word)) == word


@pytest.mark.parametrize("name", ["QZXW", "YAEL", "LAHOMA", "TOBIE"])
def test_a_name_stays_though_no_dictionary_has_it(english, name):
    assert name not in english
    assert english.best(read(name)) == name
    assert english.best(typed(name)) == name


def test_nothing_spelled_suggests_nothing(english):
    assert english.suggest(()) == [] and english.best(()) == ""
    assert Dictionary([("TO", 1)]).suggest(typed("Q" * 40)) == []


def test_words_stand_as_they_are_spelled():
    assert [spell(word) for word in ("it's", "Café", "Łódź", "e-mail", "Straße", "mp3", "да", "")] == [
        "ITS", "CAFE", "LODZ", "EMAIL", "STRASSE", "", "", "",
    ]  # fmt: skip
    words = Dictionary([("its", 2), ("it's", 3), ("his", 4), ("x", 9)])
    assert len(words) == 2 and words.suggest(read("I")) == ["ITS", "HIS"]  # 5 against 4


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeffZora\n\nZorn 5\r\nMüller\t2\n", encoding="utf-8")
    words = Dictionary.load(path)
    assert len(words) == 3 and "Mueller" not in words and "MULLER" in words
    assert words.suggest(read("ZO")) == ["ZORN", "ZORA"]
    assert Dictionary.load(str(path)).suggest(read("MUL")) == ["MULLER"]


def test_another_language():
    assert Dictionary.load("de").suggest(typed("FREUNDSC"))[0] == "FREUNDSCHAFT"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fine 3\nhello many\n", r"line 2: found 'hello many', expected a word, or a word and its count"),
        (b"one two 3\n", r"line 1: found 'one two 3'"),
        (b"nine nan\n", r"line 1: found 'nine nan'"),
        (b"less -1\n", r"line 1: found 'less -1'"),
        (b"\xff\xfe\x00w", r"cannot read the word list .*expected a UTF-8 text file"),
        (b"", r"found no word of two letters or more"),
        ("да\nнет\n".encode(), r"found no word of two letters or more"),
    ],
)
def test_a_broken_list_is_refused(tmp_path, content, message):
    path = tmp_path / "broken.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        Dictionary.load(path)


def test_what_is_neither_a_language_nor_a_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no words for klingon: neither a file nor one of the languages ar, "):
        Dictionary.load("klingon")
    with pytest.raises(UserError, match="cannot read the word list"):
        Dictionary.load(tmp_path)


def test_a_word_without_end_takes_no_more_memory():
    dictionary = Dictionary((first + second + "ELLO", 1) for first in LETTERS for second in LETTERS)
    dictionary.suggest(read("L" * 10))
    tracemalloc.start()
    for length in range(11, 60):
        dictionary.suggest(read("L" * length))
    assert tracemalloc.get_traced_memory()[0] < 10_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    ["word,count\nhello,5\nworld,3\n", "hello;5\nworld;3", '"Word"\t"Count"\n"hello"\t"5"\nworld\t3', "hello, 5\nworld, 3\n"],
)
def test_a_table_of_words_is_taken_with_its_header_and_separators(tmp_path, text):
    (tmp_path / "words.csv").write_text(text)
    words = Dictionary.load(tmp_path / "words.csv")
    assert len(words) == 2 and "hello" in words and "world" in words


def test_a_table_of_more_is_refused(tmp_path):
    (tmp_path / "words.csv").write_text("word,count\nhello,5,x\n")
    with pytest.raises(UserError, match="line 2: found 'hello,5,x'"):
        Dictionary.load(tmp_path / "words.csv")


def test_what_is_longer_than_every_word_is_not_compared_with_them(monkeypatch):
    words = Dictionary([("CALM", 1), ("CALL", 3)])
    spelled = [np.eye(29)[2]] * 8
    monkeypatch.setattr("sign2sound.words.cdist", None)
    assert words.suggest(spelled) == []
