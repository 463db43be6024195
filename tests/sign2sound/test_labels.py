from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, NOTHING, STATIC_LETTERS, find_label


def test_order_of_the_29():
    assert "".join(LABELS[:26]) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert LABELS[26:] == ("del", "nothing", "space")
    assert [LABEL_IDS[label] for label in LABELS] == list(range(29))
    assert LABELS[NOTHING] == "nothing"


def test_letters_are_still_or_moving():
    assert sorted(MOTION_LETTERS + STATIC_LETTERS) == list(LABELS[:26])
    assert MOTION_LETTERS == ("J", "Z")


def test_names_match_in_any_case():
    assert find_label("a") == find_label("A") == "A"
    assert find_label("Space") == "space"
    assert find_label("DEL") == "del"
    assert find_label("nOtHiNg") == "nothing"
    for name in ("", "AA", "A ", "delete", "0"):
        assert find_label(name) is None
