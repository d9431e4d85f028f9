"""Losses against closed forms, NumPy, SciPy, and MONAI 1.6.1's figures (computed once, development only)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from sigmaraw.errors import InvalidOption, InvalidSpec, UnknownName
from sigmaraw.training.losses import loss
from sigmaraw.training.losses.sobel import gradient_size


def _monai_example() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    logits = torch.randn((2, 3, 5, 6), generator=random, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 1, 5, 6), generator=random)
    return logits, torch.cat([labels == k for k in range(3)], 1).double()


@pytest.mark.parametrize(
    ("spec", "classes", "figure"),
    [
        ("generalised-dice", 3, 0.7324634880728724),  # GeneralizedDiceLoss(softmax=True, smooth_nr=0, smooth_dr=0), float32 inside
        ("dice-ce", 3, 2.3495154122160558),  # DiceCELoss(softmax=True, smooth_nr=0, smooth_dr=0)
        ("dice-ce", 1, 1.4078881339639038),  # DiceCELoss(sigmoid=True, …)
        ("generalised-dice", 1, 0.5601721639601103),  # of (1 − p, p)
        ("bce", 1, 0.799373381202456),  # torch's own
    ],
)
def test_equal_to_monai_where_all_classes_are_shown(spec: str, classes: int, figure: float) -> None:
    logits, target = _monai_example()
    if classes == 1:
        logits, target = logits[:, :1], target[:, 1:2]
    assert float(loss(spec)(logits, target)) == pytest.approx(figure, abs=1e-9)


@pytest.mark.parametrize(("value", "r"), [(0.0365, 0.927), (0.0322, 0.936), (0.5, 0.0), (1.0, -1.0)])
def test_pcc_is_half_of_one_minus_pearson(value: float, r: float) -> None:
    a, b = np.random.default_rng(1).standard_normal((2, 4096))
    a, b = a - a.mean(), b - b.mean()
    b = (b - a * (a @ b) / (a @ a)) / np.linalg.norm(b - a * (a @ b) / (a @ a))
    mixed = 7 * (r * a / np.linalg.norm(a) + np.sqrt(1 - r**2) * b) + 3  # correlation with a exactly r, whatever gain and offset
    found = float(loss("pcc")(*(torch.from_numpy(x.reshape(1, 1, 64, 64)) for x in (1e3 * mixed, a))))
    assert found == pytest.approx(value, abs=3e-4)  # r is printed to .0005, and L is half of it
    assert found == pytest.approx((1 - np.corrcoef(a, mixed)[0, 1]) / 2, abs=1e-7)


def test_an_absent_class_has_no_weight() -> None:
    logits, target = _monai_example()
    target[:, 0] += target[:, 2]
    target[:, 2] = 0
    p = torch.softmax(logits, 1).numpy()
    r = target.numpy()
    expected_dice, expected_general = [], []
    for image in range(2):
        shown = [k for k in range(3) if r[image, k].any()]
        assert shown == [0, 1]
        weight = {k: 1 / r[image, k].sum() ** 2 for k in shown}
        over = sum(weight[k] * (r[image, k] * p[image, k]).sum() for k in shown)
        both = sum(weight[k] * (r[image, k] + p[image, k]).sum() for k in shown)
        expected_general.append(1 - 2 * over / both)
        expected_dice.append(np.mean([1 - 2 * (r[image, k] * p[image, k]).sum() / (r[image, k] + p[image, k]).sum() for k in shown]))
    entropy = float(-(r * np.log(p)).sum(1).mean())
    assert float(loss("generalised-dice")(logits, target)) == pytest.approx(np.mean(expected_general), rel=1e-12)
    assert float(loss("dice-ce")(logits, target)) == pytest.approx(np.mean(expected_dice) + entropy, rel=1e-12)
    empty = torch.zeros_like(logits[:, :1])
    assert float(loss("dice-ce")(logits[:, :1], empty)) == pytest.approx(float(loss("bce")(logits[:, :1], empty)), rel=1e-12)


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("asymmetric-mse", lambda e, g: e**2),
        ("asymmetric-mse:under=2", lambda e, g: e**2 if e > 0 else 2 * e**2),  # 002's asymmetry 1
        ("asymmetric-mse:over=2", lambda e, g: e**2 if e < 0 else 2 * e**2),  # 2
        ("asymmetric-mse:under=20,cubic=true", lambda e, g: e**3 if e > 0 else 20 * e**2),  # 3
        ("asymmetric-mse:times=target", lambda e, g: e**2 * g),
        ("asymmetric-mse:times=background", lambda e, g: e**2 * (1 - g)),
    ],
)
def test_asymmetric_errors_as_002_prints_them(spec: str, rule: object) -> None:
    p, g = np.random.default_rng(4).random((2, 5, 6))
    expected = np.mean([rule(a - b, b) for a, b in zip(p.ravel(), g.ravel(), strict=True)])  # type: ignore[operator]
    assert float(loss(spec)(torch.from_numpy(p)[None, None], torch.from_numpy(g)[None, None])) == pytest.approx(expected, rel=1e-12)


def test_brightness_and_darkness_are_ratios_of_sums() -> None:
    p, g = (torch.from_numpy(x)[None, None] for x in np.random.default_rng(4).random((2, 5, 6)))
    plain = float(loss("mse")(p, g))
    ratio = float(p.sum() / g.sum())
    assert float(loss("asymmetric-mse:brightness=0.5")(p, g)) == pytest.approx(plain + 0.5 * ratio, rel=1e-12)
    assert float(loss("asymmetric-mse:darkness=0.5")(p, g)) == pytest.approx(plain + 0.5 / ratio, rel=1e-12)


def test_sobel_gradients_are_scipys() -> None:
    image = np.random.default_rng(2).random((9, 11))
    expected = np.hypot(ndimage.sobel(image, 0), ndimage.sobel(image, 1))[1:-1, 1:-1]
    assert gradient_size(torch.from_numpy(image)[None, None]).numpy()[0] == pytest.approx(expected, rel=1e-9)
    ramp = torch.arange(6.0, dtype=torch.float64).expand(1, 1, 5, 6)
    found = loss("sobel:weight=3")(2 * ramp, ramp)  # gradients 16 and 8
    assert float(found) == pytest.approx(float((ramp**2).mean()) + 3 * 64, rel=1e-9)


def test_wrong_names_keys_and_tasks_are_refused() -> None:
    with pytest.raises(UnknownName, match="pcc"):
        loss("pc")
    with pytest.raises(InvalidSpec):
        loss("sobel:weigth=1")
    with pytest.raises(InvalidOption, match="dice-ce"):
        loss("pcc", "mask")
