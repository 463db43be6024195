import zipfile

import fsspec
import pytest

from data.places import Place, is_address
from sign2sound.errors import UserError


@pytest.fixture(params=["folder", "memory", "zip"])
def place(request, tmp_path):
    """A/1.jpg, A/[x].jpg, A/b/2.jpg, C/3.jpg and a file beside the folders: in a folder, in memory and in an archive."""
    files = {"A/1.jpg": b"1", "A/[x].jpg": b"xx", "A/b/2.jpg": b"222", ".hidden/4.jpg": b"", "C/3.jpg": b"", "notes.txt": b""}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return Place(f"zip://::{tmp_path}/pictures.zip")
    address = f"memory://{tmp_path.name}" if request.param == "memory" else str(tmp_path)
    for name, content in files.items():
        with fsspec.open(f"{address}/{name}", "wb", auto_mkdir=True) as file:
            file.write(content)
    return Place(address)


def test_what_is_in_it(place):
    assert place.is_folder() and not (place / "notes.txt").is_folder() and not (place / "D").is_folder()
    assert place.folders() == ["A", "C"]
    files = dict(place.files("A"))
    assert {name: size for name, (size, _) in files.items()} == {"A/1.jpg": 1, "A/[x].jpg": 2, "A/b/2.jpg": 3}
    assert place.has("C/3.jpg") and not place.has("C/4.jpg")


def test_files_are_read_whatever_their_names_and_one_that_is_missing_disturbs_none(place):
    one, missing, other = place.read(["A/1.jpg", "A/0.jpg", "A/[x].jpg"])
    assert (one, other) == (b"1", b"xx") and isinstance(missing, (FileNotFoundError, KeyError))
    assert (place / "A").read(["b/2.jpg"]) == [b"222"]


def test_a_stamp_changes_with_the_file_alone(tmp_path):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "A").mkdir(exist_ok=True)
        (tmp_path / "A" / name).write_bytes(b"1")
    before = dict(Place(tmp_path).files("A"))
    (tmp_path / "A" / "1.jpg").write_bytes(b"2")
    after = dict(Place(tmp_path).files("A"))
    assert [name for name in before if before[name] != after[name]] == ["A/1.jpg"]


def test_addresses_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Place("x")) == str(tmp_path / "x") == str(Place(f"file://{tmp_path}/x"))
    assert is_address("s3://bucket/x") and not is_address("a::b") and not is_address(tmp_path)
    assert str(Place("memory://x") / "A") == "memory://x/A"
    with pytest.raises(UserError, match="nosuch://x cannot be opened"):
        Place("nosuch://x")
