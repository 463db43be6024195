import pytest
import torch

from sign2sound.errors import UserError
from sign2sound.labels import LABELS, STATIC_LETTERS
from training.config import load_config
from training.images.cnn import ImageCNN, count_parameters

PARAMETERS = {  # trained, batch norm statistics
    "cnn128": (6_522_648, 448),
    "cnn200": (17_436_765, 0),
    "cnn200-gap": (136_221, 960),
    "cnn200-spatial": (114_205, 704),
    "cnn200-residual": (316_733, 1_152),
    "cnn200-attention": (319_270, 896),
    "sign-mnist": (263_749, 300),
    "gray64": (1_626_058, 192),
}
SAME = {"filters": 32, "padding": "same"}
CLASSIC = {  # of 28x28x1 pictures and ten classes
    "valid": ([{"conv": 32}] * 3, 2_002_698),
    "same": ([{"conv": SAME}] * 3, 3_231_498),
    "stride 2": ([{"conv": {**SAME, "stride": 2}}] * 3, 85_770),
    "pooled": ([{"conv": 32}, "pool"] * 2, 113_386),
}


@pytest.fixture(params=PARAMETERS)
def recipe(root, request):
    return request.param, sizes_of(root, request.param)


def sizes_of(root, recipe: str) -> dict:
    return load_config(root / "training" / "images" / "recipes" / f"{recipe}.yaml", []).model.model_dump()


def test_recipes_have_the_parameters_promised(recipe):
    name, sizes = recipe
    assert count_parameters(ImageCNN(**sizes)) == PARAMETERS[name]


def test_recipes_classes_are_ours(recipe):
    name, sizes = recipe
    expected = {"cnn128": STATIC_LETTERS, "sign-mnist": STATIC_LETTERS, "gray64": tuple("0123456789")}
    assert ImageCNN(**sizes).labels == expected.get(name, LABELS)


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_networks(name):
    layers, expected = CLASSIC[name]
    model = ImageCNN([28, 28, 1], list("0123456789"), [*layers, "flatten", {"dense": 128}])
    assert count_parameters(model) == (expected, 0)


def test_pictures_become_logits_and_probabilities(recipe):
    _, sizes = recipe
    model = ImageCNN(**sizes).eval()
    height, width, channels = sizes["input"]
    with torch.no_grad():
        pictures = torch.rand(2, channels, height, width)
        assert model(pictures).shape == (2, len(sizes["classes"]))
        assert torch.allclose(model.probabilities(pictures).sum(1), torch.ones(2))


def test_pictures_still_differ_after_all_layers(root):
    torch.manual_seed(0)
    model = ImageCNN(**sizes_of(root, "cnn200")).eval()
    with torch.no_grad():
        hidden = model.layers[:-1](torch.rand(4, 3, 200, 200))
    assert hidden.std(0).mean() > 0.03  # 0.07 to 0.09; 0.002 from torch's own weights


def test_weights_decay_by_twice_their_l2_and_nothing_else_does():
    layers = [{"conv": {"filters": 2, "l2": 0.5}}, "batch_norm", "average", {"dense": {"units": 4, "l2": 0.25}}]
    model = ImageCNN([8, 8, 1], ["a", "b", "c"], layers)
    groups = {group["weight_decay"]: [tuple(p.shape) for p in group["params"]] for group in model.parameter_groups()}
    assert groups == {1.0: [(2, 1, 3, 3)], 0.5: [(4, 2)], 0.0: [(2,), (2,), (2,), (4,), (3, 4), (3,)]}


def test_a_shortcut_adds_what_comes_in():
    model = ImageCNN(
        [4, 4, 1], ["a", "b", "c"], [{"residual": {"layers": [{"conv": {"filters": 1, "padding": "same"}}]}}, "flatten"]
    )
    block = model.layers[0]
    torch.nn.init.zeros_(block.body[0].weight), torch.nn.init.zeros_(block.body[0].bias)
    picture = torch.rand(1, 1, 4, 4)
    assert torch.equal(block(picture), picture)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("convolution", "no layer is called 'convolution'"),
        ({"conv": 32, "pool": 2}, "no layer is called"),
        ({"conv": {"filters": 32, "kernal": 3}}, "kernal"),
        ({"conv": {"filters": 32, "padding": "wide"}}, "expected valid or same"),
        ({"conv": {"filters": 8, "kernel": 9}}, "does not fit an input of (1, 8, 8)"),
        ({"dense": 10}, "flatten or average it before"),
        ("conv", "filters"),
        ({"residual": {"layers": [{"conv": 3}]}}, "does not fit"),
    ],
)
def test_layers_that_cannot_be_built_are_refused(layer, reason):
    with pytest.raises(UserError) as refused:
        ImageCNN([8, 8, 1], ["a", "b", "c"], [layer, "flatten"])
    assert reason in str(refused.value) and "\n" not in str(refused.value)
