import pytest
import yaml

from sign2sound.errors import UserError
from training.config import load_config


@pytest.fixture
def path(root):
    return root / "training" / "config.yaml"


def test_the_yaml_of_the_repository_is_complete(path):
    config = load_config(path, [])
    assert config.clip_norm == 1.0
    assert config.data.paths == ["data/processed"]


def test_overrides_take_yaml_values(path):
    config = load_config(path, ["epochs=3", "data.paths=[a, b]", "learning_rate=1e-3", "model.dropout=0"])
    assert (config.epochs, config.data.paths, config.learning_rate, config.model.dropout) == (3, ["a", "b"], 0.001, 0)


def test_all_errors_are_reported_at_once(path):
    with pytest.raises(UserError) as error:
        load_config(path, ["epochs=many", "modle.hidden=3", "data.split=folds", "sequences.frames=0"])
    message = str(error.value)
    assert "4 wrong" in message and "\n" not in message
    for part in ("epochs", "modle", "data.split", "sequences.frames"):
        assert part in message


@pytest.mark.parametrize("override", ["epochs", "seed.x=1", "data.paths.x=1", "epochs=[1"])
def test_an_override_that_makes_no_sense_is_refused(path, override):
    with pytest.raises(UserError, match="cannot use"):
        load_config(path, [override])


def test_a_missing_key_is_named(path, tmp_path):
    values = yaml.safe_load(path.read_text())
    del values["clip_norm"], values["model"]["layers"]
    short = tmp_path / "config.yaml"
    short.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"(?s)clip_norm.*model\.layers"):
        load_config(short, [])


@pytest.mark.parametrize("content", ["", "- a\n", "a: [", "\0"])
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "config.yaml"
    file.write_text(content)
    with pytest.raises(UserError) as error:
        load_config(file, [])
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        load_config(tmp_path / "none.yaml", [])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learning_rate=.inf", "learning_rate: .*finite"),
        ("weight_decay=.nan", "weight_decay: .*finite"),
        ("epochs=true", "epochs: .*no numbers"),
        ("learning_rate=true", "learning_rate: .*no numbers"),
        ("data.paths=['']", "data.paths.0: "),
        ("data.test_sources=[' ']", "data.test_sources.0: "),
        ("epochs=" + "9" * 6000, "a value of 6000 characters"),
        ("seed=-1", "seed: "),
        ("model.layers=10000000", "model.layers: .*32"),
        ("data.paths=" + "[" * 5000, "more than 20 levels"),
        ("data.paths=[&a x, *a]", "repeats a value"),
    ],
)
def test_what_only_harms_is_refused_by_name(path, override, message):
    with pytest.raises(UserError, match=message):
        load_config(path, [override])


def test_an_alias_bomb_is_refused_at_once(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(UserError, match="repeats a value"):
        load_config(tmp_path / "bomb.yaml", [])


@pytest.mark.parametrize(
    ("wrong", "right"), [("epoch=3", "epochs"), ("modle.hidden=3", "model"), ("sequences.longst=3", "sequences.longest")]
)
def test_an_unknown_key_suggests_the_nearest(path, wrong, right):
    with pytest.raises(UserError, match=f"no such key; did you mean {right}[?]"):
        load_config(path, [wrong])


def test_a_yaml_holds_only_what_its_base_has_not(path, tmp_path):
    (tmp_path / "config.yaml").write_text(path.read_text())
    short = tmp_path / "short.yaml"
    short.write_text("base: config.yaml\nepochs: 3\ndata: {split: random, paths: [a]}\n")
    found = load_config(short, ["sequences.drift=0.5"]).model_dump()
    expected = load_config(path, ["epochs=3", "data.split=random", "data.paths=[a]", "sequences.drift=0.5"]).model_dump()
    assert found == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("base: none.yaml", "cannot read the configuration"),
        ("base: ../config.yaml", "the same folder"),
        ("base: 3", "the same folder"),
        ("base: short.yaml", "base: "),  # its own base
    ],
)
def test_a_base_that_cannot_be_used_is_refused(tmp_path, content, reason):
    (tmp_path / "short.yaml").write_text(content)
    with pytest.raises(UserError, match=reason):
        load_config(tmp_path / "short.yaml", [])


def test_the_kaggle_protocol(root):
    """Random frames of one signer, 85 and 15 of 100, as single frames and hardly varied."""
    config = load_config(root / "training" / "kaggle.yaml", [])
    assert (config.data.split, config.data.validation_share, config.sequences.share) == ("random", 0.15, 0)
    assert config.model == load_config(root / "training" / "config.yaml", []).model


def test_every_variant_of_the_ablation_is_a_configuration_of_its_own(root, path):
    variants = yaml.safe_load((root / "training" / "measure" / "ablation.yaml").read_text())
    configs = [load_config(path, overrides) for overrides in variants.values()]
    assert configs[0] == load_config(path, []) and all(configs.count(config) == 1 for config in configs)
