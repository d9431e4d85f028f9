"""A grid as typed becomes the specifications that a user would have typed one by one."""

from __future__ import annotations

import itertools
import math

import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidSpec, UnknownName
from sigmaraw.study.grid import expand


def specs(grid: str) -> list[str]:
    return [point.codec for point in expand(grid)]


def test_lists_and_ranges_give_what_they_say() -> None:
    assert specs("jpeg2000:ratio=5|10|20") == ["jpeg2000:ratio=5", "jpeg2000:ratio=10", "jpeg2000:ratio=20"]
    assert specs("jpegls:near=1..9:5") == [f"jpegls:near={value}" for value in (1, 3, 5, 7, 9)]
    assert specs("jpegxl:distance=0.5..1.5:3|4") == [f"jpegxl:distance={value}" for value in ("0.5", "1", "1.5", "4")]
    assert specs("lossless") == ["lossless"]


def test_equal_ratios_are_equal() -> None:
    points = expand("noiseaware:q=0.25..4:5log")
    values = [point.number for point in points]
    assert values == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert all(sr.codecs.codec(point.codec + ",gain=1,offset=0,read_noise=1").spec for point in points)


def test_a_number_runs_along_the_curve_and_words_make_curves() -> None:
    points = expand("to8bit:minmax|shift+jpeg:quality=50|80")
    assert [(point.codec, point.curve) for point in points] == [
        (f"to8bit:{method}+jpeg:quality={quality}", f"to8bit:{method}+jpeg:quality=*")
        for method in ("minmax", "shift")
        for quality in (50, 80)
    ]
    assert {(point.family, point.parameter, point.number) for point in points} == {("jpeg", "quality", 50.0), ("jpeg", "quality", 80.0)}


def test_a_star_is_the_whole_range_of_the_knob() -> None:
    values = [point.number for point in expand("noiseaware:q=*:5")]
    assert values[0] == 0.05 and values[-1] == 16 and values == sorted(values)
    ratios = [second / first for first, second in itertools.pairwise(values)]
    assert ratios == pytest.approx([320**0.25] * 4, rel=1e-3)  # values carry four digits
    assert len(expand("noiseaware:q=*")) == 8
    assert [point.value for point in expand("jpegls:near=*:400")] == sorted({point.value for point in expand("jpegls:near=*:400")})
    assert expand("noiseaware:q=*")[0].curve == "noiseaware:q=*"


def test_targets_and_bare_words_are_keys_too() -> None:
    assert specs("jpegls:bpp=2..4:3") == ["jpegls:bpp=2", "jpegls:bpp=3", "jpegls:bpp=4"]
    assert specs("numcodecs:zlib|gzip") == ["numcodecs:zlib", "numcodecs:gzip"]
    assert {point.parameter for point in expand("jpeg2000:10|20")} == {"ratio"}


def test_direction_and_scale_come_from_the_family() -> None:
    q, near, quality, psnr = (
        expand(grid)[0] for grid in ("noiseaware:q=1|2", "jpegls:near=1|2", "jpeg:quality=50|60", "jpeg2000:psnr=50|60")
    )
    assert (q.stronger, near.stronger, quality.stronger, psnr.stronger) == (1, 1, -1, 0)
    assert (q.scale, near.scale, quality.scale, psnr.scale) == ("log", "log", "linear", "linear")
    assert q.unit == "1" and near.unit == "DN"


def test_a_point_moves_along_its_curve() -> None:
    point = expand("jpegls:near=2|8,lossless=false")[0]
    assert point.at(math.sqrt(16)).codec == "jpegls:near=4,lossless=false"
    assert point.at(4.4).value == 4
    assert expand("noiseaware:q=1|2,effort=3")[0].at(math.sqrt(2)).codec == "noiseaware:q=1.414,effort=3"


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ("jpegls:near=1..3", "low..high:count"),
        ("jpegls:near=3..1:3", "low..high:count"),
        ("jpegls:near=1..3:1", "low..high:count"),
        ("jpegls:near=1..3:5", "gives a value twice"),
        ("jpegxl:distance=0..3:4log", "low..high:count"),
        ("jpegls:near=1..30:100000", "low..high:count"),
        ("jpegls:near=1||2", "an empty value"),
        ("jpeg2000:ratio=*", "states its range"),
        ("jpegls:near=*:1", "states its range"),
        ("jpegls:near=1|x", "near=x"),
        ("jpegls:neer=1|2", "no key 'neer'"),
        ("jpeg2000:ratio=0.1|2", "ratio=0.1"),
        ("jpegls:near=2|2", "gives a value twice"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_a_line(grid: str, says: str) -> None:
    with pytest.raises(InvalidSpec, match=says.replace(".", r"\.")):
        expand(grid)


def test_unknown_families_and_repeated_points_are_refused() -> None:
    with pytest.raises(UnknownName):
        expand("nonsense:a=1|2")
    with pytest.raises(InvalidSpec, match="twice in the grid"):
        expand(["jpegls:near=1|2", "jpegls:near=2|3"])
