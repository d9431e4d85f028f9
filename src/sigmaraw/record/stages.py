"""The rows that a sweep and a search add to a record."""

from __future__ import annotations

from typing import Annotated

from sigmaraw.record.fields import Number, Row, field, quantity
from sigmaraw.record.results import CodecName, MeasurementName
from sigmaraw.record.words import Verdict

Setting = int | float | str | bool | None


class SweepPointRow(Row, frozen=True, kw_only=True):
    """One codec of a sweep: on which curve, at which setting."""

    codec: CodecName
    family: Annotated[str, field("name of the codec family whose setting runs along the curve")] = ""
    curve: Annotated[str, field("name of the curve: the specification with * in the place of the setting")]
    parameter: Annotated[str | None, field("name of that setting; null where the curve is one point")] = None
    value: Annotated[Setting, field("value of that setting, in `unit`")] = None
    unit: Annotated[str, field("unit of value")]

    @property
    def shown(self) -> int | float | str | None:
        """The value, true and false in words."""
        return str(self.value).lower() if isinstance(self.value, bool) else self.value


class RawSpreadRow(Row, frozen=True, kw_only=True):
    """Where single raw predictions of a measurement lie about their mean, over all images."""

    measurement: MeasurementName
    low: Annotated[Number, field("lower quantile, in σ_raw", "1")] = None
    high: Annotated[Number, field("upper quantile, in σ_raw", "1")] = None
    share: Annotated[Number, field("share of predictions between the two", "1")] = None


class SweepRow(Row, frozen=True, kw_only=True):
    """A sweep: its grids, and what each codec of the record is in them."""

    codecs: Annotated[tuple[str, ...], field("grids as typed")] = ()
    points: Annotated[tuple[SweepPointRow, ...], field("one for each codec")]
    raw_spread: Annotated[tuple[RawSpreadRow, ...], field("one for each measurement")]


class RuleRow(Row, frozen=True, kw_only=True):
    """How a search goes."""

    fraction: Annotated[Number, field("share of the inputs that is held out", "1")] = None
    refine: Annotated[int | None, field("rounds of halving after the grid", "1")] = None
    back: Annotated[int | None, field("weaker settings that are confirmed before the strongest", "1")] = None
    exceedance: Annotated[
        Number, field("largest fraction of images allowed to fail, demonstrated with 95 % confidence; null: the codec must PASS", "1")
    ] = None


class SearchImagesRow(Row, frozen=True, kw_only=True):
    """Which images served for what."""

    tuning: Annotated[tuple[str, ...], field("SHA-256 of the images on which settings were chosen")]
    confirmation: Annotated[tuple[str, ...], field("SHA-256 of the held-out images; empty where nothing passed tuning")]


class SideRow(Row, frozen=True, kw_only=True):
    """How a setting did on tuning or on held-out images."""

    verdict: Annotated[Verdict, field("verdict over the images: the mean effect passes and no image is shown to be beyond a limit")]
    reason: Annotated[str, field("reason of that verdict; empty for PASS")]
    images: Annotated[int, field("images", "1")]
    failing: Annotated[int, field("images on which some answer did not PASS by itself", "1")]
    epsilon_hat: Annotated[Number, field("largest shift by absolute value, in σ_raw", "1")] = None


class TriedRow(Row, frozen=True, kw_only=True):
    """One setting that a search tried."""

    codec: CodecName
    value: Annotated[Setting, field("the setting")] = None
    round: Annotated[int, field("round of the search: 1 is the grid, each later round halves the distance between settings", "1")]
    compression_ratio: Annotated[float, quantity("compression_ratio")]
    psnr_camera_db: Annotated[Number, field("PSNR against the camera's range; null where nothing changed", "dB")] = None
    tuning: Annotated[SideRow, field("on the tuning images")]
    confirmation: Annotated[SideRow | None, field("on the held-out images; null where it was not tested")] = None


class FamilyRow(Row, frozen=True, kw_only=True):
    """What a search found of one curve."""

    curve: Annotated[str, field("name of the curve")]
    family: Annotated[str, field("name of the codec family")] = ""
    parameter: Annotated[str | None, field("setting that runs along the curve")] = None
    unit: Annotated[str, field("its unit")]
    outcome: Annotated[str, field("how the search of this curve ended")]
    chosen: Annotated[str | None, field("confirmed specification; null where none is")] = None
    compression_ratio: Annotated[Number, field("its compression ratio on the held-out images", "1")] = None
    exceedance_upper: Annotated[Number, field("upper 95 % limit on the share of images for which it is not tolerable", "1")] = None
    at_end: Annotated[bool, field("whether the strongest setting tried passes tuning: a wider grid may find a stronger one")] = False
    tried: Annotated[tuple[TriedRow, ...], field("settings, weak to strong")]


class RecommendedRow(Row, frozen=True, kw_only=True):
    """The one claim of a search."""

    curve: Annotated[str | None, field("curve that compressed most on the tuning images")] = None
    codec: Annotated[str | None, field("its confirmed specification; null where none is")] = None


class ErrorRateRow(Row, frozen=True, kw_only=True):
    """Probability that a claim is wrong, at most."""

    recommended: Annotated[float, field("of the recommended codec", "1")]
    each_family: Annotated[float, field("of each family by itself", "1")]
    all_families: Annotated[float, field("of any family", "1")]


class StageRow(Row, frozen=True, kw_only=True):
    """One record of a search."""

    folder: Annotated[str, field("folder of the record")]
    digest: Annotated[str | None, field("digest of the record; null for the one that holds this row")] = None


class SearchRow(Row, frozen=True, kw_only=True):
    """A search: what was tried, what was chosen, and what may be claimed of it. search.json holds the same."""

    schema: Annotated[str, field("name of this layout")] = ""
    codecs: Annotated[tuple[str, ...], field("grids as typed")] = ()
    rule: Annotated[RuleRow, field("rule of the search")]
    images: Annotated[SearchImagesRow, field("tuning and held-out images")]
    families: Annotated[tuple[FamilyRow, ...], field("one for each curve")]
    recommended: Annotated[RecommendedRow, field("the setting that the search recommends")]
    error_rate: Annotated[ErrorRateRow, field("largest probability that a claim is wrong")]
    records: Annotated[tuple[StageRow, ...], field("records of the search's stages")] = ()
