"""The plain PyTorch version: fast algebra, state dict, environments, training script."""

import csv
import json
import math

import pytest
import torch
import train
from cmir import FORMS, CmIR, Settings, draw_environments, objective

NAIVE, FAST = FORMS["naive"], FORMS["fast"]


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def gradients(value, inputs):
    return torch.autograd.grad(value, inputs)


@pytest.mark.parametrize("environments", [2, 3, 5, 17])
def test_sorted_form_of_invariance(environments):
    z = normal(environments, 6, 4)
    close(FAST.invariance(z), NAIVE.invariance(z))
    close(gradients(FAST.invariance(z), z), gradients(NAIVE.invariance(z), z))


def test_invariance_by_hand():
    z = torch.tensor([[0.0, 1.0], [2.0, 1.0], [3.0, 5.0]])
    # pairs: |0-2| + |0-3| + |2-3| = 6 and 0 + 4 + 4 = 8; mean over 2 elements and 3 pairs
    assert NAIVE.invariance(z).item() == pytest.approx((6 + 8) / 2 / 3)


@pytest.mark.parametrize("batch, latent", [(1, 3), (7, 3), (3, 7), (5, 1)])
@pytest.mark.parametrize("off_diagonal", [0.0, 0.3, 1.0])
def test_gram_form_of_decorrelation(batch, latent, off_diagonal):
    parts = [normal(3, batch, latent), normal(3, batch, latent)]
    fast, naive = (
        FAST.decorrelation(*parts, off_diagonal),
        NAIVE.decorrelation(*parts, off_diagonal),
    )
    close(fast, naive)
    close(gradients(fast, parts), gradients(naive, parts))


def test_decorrelation_by_hand():
    invariant = torch.tensor([[[2.0, 0.0], [0.0, 3.0]]])
    spurious = torch.tensor([[[5.0, 0.0], [1.0, 1.0]]])
    # C = [[1, sqrt(1/2)], [0, sqrt(1/2)]], w = 0.5 off the diagonal, B = 2
    assert NAIVE.decorrelation(invariant, spurious, 0.5).item() == pytest.approx(
        (1 + 0.25 * 0.5 + 0.5) / 2
    )


def test_the_target_of_reconstruction_is_a_constant():
    output, target = normal(2, 3, 4), normal(3, 4)
    value = NAIVE.reconstruction(output, target)
    close(value, ((output - target) ** 2).mean())
    assert torch.autograd.grad(value, target, allow_unused=True) == (None,)


def small_model(**options):
    return CmIR(
        {"text": 5, "audio": 3},
        **({"outputs": 1, "hidden": 6, "latent": 2, "dropout": 0.0} | options),
    )


def test_state_dict_has_the_names_of_the_file():
    shapes = {name: list(tensor.shape) for name, tensor in small_model().state_dict().items()}
    assert shapes["encoders.text.0.weight"] == [6, 5]
    assert shapes["encoders.text.3.weight"] == [4, 6]
    assert shapes["decoders.audio.0.weight"] == [6, 4]
    assert shapes["decoders.audio.2.bias"] == [3]
    assert shapes["head.0.weight"] == [6, 4]
    assert shapes["head.3.weight"] == [1, 6]
    assert shapes["normalizer.audio.std"] == [3]


def test_normaliser_of_a_constant_feature():
    normalizer = small_model().normalizer["audio"]
    normalizer.fit(torch.tensor([[1.0, 0.1, 0.0], [3.0, 0.1, 4.0], [5.0, 0.1, 2.0]]))
    close(normalizer.mean, torch.tensor([3.0, 0.1, 2.0]))
    assert normalizer.std.tolist() == pytest.approx([math.sqrt(8 / 3), 1, math.sqrt(8 / 3)])


@pytest.mark.parametrize("loss, outputs", [("l1", 1), ("mse", 1), ("crossEntropy", 3)])
@pytest.mark.parametrize("on", ["all", "clean"])
@pytest.mark.parametrize("target", ["environment", "clean"])
def test_objective_is_the_weighted_sum_of_its_terms_in_both_forms(loss, outputs, on, target):
    model = small_model(outputs=outputs).double()
    noisy = {"text": normal(4, 9, 5), "audio": normal(4, 9, 3)}
    targets = torch.arange(9) % 3 if loss == "crossEntropy" else normal(9).detach()
    weights = {"invariance": 0.5, "decorrelation": 0.25, "reconstruction": 2.0}
    found = {
        form: objective(
            model, noisy, targets, Settings(**weights, loss=loss, on=on, target=target, form=form)
        )
        for form in FORMS
    }
    terms = found["naive"]
    expected = terms["prediction"] + sum(
        weight * sum(terms[name]) for name, weight in weights.items()
    )
    close(terms["loss"], expected)
    parameters = list(model.parameters())
    close(gradients(found["fast"]["loss"], parameters), gradients(terms["loss"], parameters))


def test_constraints_of_weight_zero_are_not_computed():
    noisy = {"text": normal(2, 4, 5), "audio": normal(2, 4, 3)}
    model = small_model().double()
    terms = objective(model, noisy, normal(4), Settings())
    assert terms["invariance"] == terms["decorrelation"] == terms["reconstruction"] == []
    close(terms["loss"], terms["prediction"])


def test_the_head_never_sees_the_spurious_part():
    model = small_model().eval()
    features = {"text": torch.randn(4, 5), "audio": torch.randn(4, 3)}
    before = model(features)
    with torch.no_grad():
        for encoder in model.encoders.values():
            encoder[3].weight[2:] += 1
    close(model(features), before)


def test_environments_drawn_by_torch():
    features = {
        "text": torch.ones(4000, 5),
        "audio": torch.ones(4000, 3),
        "vision": torch.ones(4000, 2),
    }
    environments = [
        ("gaussian", 0.5),
        ("laplace", 0.5),
        ("erase", 0.3),
        ("drop", 0.6),
        ("erase", 7),
    ]
    noisy = draw_environments(features, environments)
    text = noisy["text"]
    assert text.shape == (6, 4000, 5)
    assert (text[0] == 1).all()
    for additive in (1, 2):
        assert abs(text[additive].mean() - 1) < 0.02
        assert abs(text[additive].std() - 0.5) < 0.02
    assert abs(text[3].mean() - 0.7) < 0.02
    assert abs(text[5].mean() - 0.05) < 0.01  # at most 0.95
    assert all((copies[4] == copies[4, :, :1]).all() for copies in noisy.values())
    kept = torch.stack([copies[4, :, 0] for copies in noisy.values()])  # [M, B]
    assert kept.sum(dim=0).min() == 1
    with pytest.raises(ValueError, match="found 'salt'"):
        draw_environments(features, [("salt", 1)])


def write_folder(folder):
    """A label that the first feature of each modality gives away."""
    with open(folder / "labels.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "split", "label"])
        rows.writerows(
            [i, ("train", "train", "valid", "test")[i % 4], i % 5 - 2] for i in range(120)
        )
    for name, width in (("text", 3), ("audio", 2)):
        values = torch.randn(120, width)
        values[:, 0] = torch.arange(120) % 5 - 2
        with open(folder / f"{name}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", *range(width)])
            rows.writerows([i, *line] for i, line in enumerate(values.tolist()))


def test_training_script_learns_and_repeats(tmp_path, capsys):
    write_folder(tmp_path)

    def run(*arguments):
        small = ["--seed", "3", "--hidden", "16", "--batch", "8", "--epochs", "30"]
        weak = ["--environments", "gaussian:0.3", "drop:0.2", "--weights", "0.1", "0.1", "0.1"]
        train.main([str(tmp_path), *small, *weak, *arguments])
        return json.loads(capsys.readouterr().out)["rows"]

    rows = run()
    assert [row["method"] for row in rows] == ["fusion", "cmir"]
    for row in rows:
        assert row["test"]["MAE"] < 0.6  # 1.2 for the constant 0
        assert row["test"]["Non0_acc_2"] > 0.9
    assert run("--methods", "fusion")[0]["test"] == rows[0]["test"]


def test_metrics_by_hand():
    found = train.metrics(torch.tensor([1.0, 0.0, 2.0, -1.0]), torch.tensor([0.5, 1.0, 0.0, -2.0]))
    # The target 0 is left out; a prediction of 0 is not positive.
    assert found == {
        "MAE": pytest.approx((0.5 + 1 + 2 + 1) / 4),
        "Non0_acc_2": pytest.approx(2 / 3),
    }
