"""The rows of a camera profile without its maps, and of what a datasheet draws beside them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sigmaraw.record.fields import Interval, Number, Row, field

Word = str | int | float | bool | None

_MOST_TAPS = 64
RICIAN = "stated Rician noise"
"""`source` of what stands in place of a camera where the noise of magnitude images was stated."""


class ScalarRow(Row, frozen=True, kw_only=True):
    """One quantity of a camera."""

    value: Annotated[Number, field("the value, in `unit`")] = None
    se: Annotated[Number, field("its standard error, in `unit`; null where there is none")] = None
    unit: Annotated[str, field("unit of both")] = ""
    symbol: Annotated[str, field("symbol")] = ""
    definition: Annotated[str, field("definition of the quantity")] = ""
    not_determined: Annotated[str | None, field("why the series did not determine it")] = None
    flag: Annotated[str | None, field("why the value is not a measured one")] = None
    upper_limit: Annotated[Number, field("upper limit where the value is flagged, in `unit`")] = None


class LevelsRow(Row, frozen=True, kw_only=True):
    """The levels of the photon-transfer curve; columns of one length, or empty."""

    mean_dn: Annotated[tuple[Number, ...], field("mean of each level", "DN")] = ()
    variance_dn2: Annotated[tuple[Number, ...], field("temporal variance", "DN2")] = ()
    variance_se_dn2: Annotated[tuple[Number, ...], field("its standard error", "DN2")] = ()
    model_dn2: Annotated[tuple[Number, ...], field("variance by the fitted transfer curve", "DN2")] = ()
    residual_se: Annotated[tuple[Number, ...], field("variance minus that, in standard errors", "1")] = ()
    used: Annotated[tuple[bool, ...], field("whether the level is in the fit")] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        size = len(self.mean_dn)
        optional = (self.variance_se_dn2, self.used, self.model_dn2, self.residual_se)
        if len(self.variance_dn2) != size or any(column and len(column) != size for column in optional):
            raise ValueError("'levels' are not equally long columns")


class DarkRow(Row, frozen=True, kw_only=True):
    """The dark level."""

    mean_dn: Annotated[Number, field("mean at the shortest exposure", "DN")] = None
    variance_dn2: Annotated[Number, field("temporal variance there, quantisation included", "DN2")] = None


class PixelClassRow(Row, frozen=True, kw_only=True):
    """How many pixels are of a class."""

    name: Annotated[str, field("name of the class")]
    count: Annotated[int | None, field("pixels of the class; null where the series cannot show them", "px")]
    fraction: Annotated[Number, field("count over all pixels", "1")] = None
    definition: Annotated[str, field("definition of the class")]
    not_determined: Annotated[str | None, field("why the class has no count")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.count is None and self.not_determined is None) or (self.count is not None and self.fraction is None):
            raise ValueError("one of 'pixel_classes' with neither a count nor the reason why there is none")


class TransferRow(Row, frozen=True, kw_only=True):
    """The fitted transfer curve."""

    model: Annotated[str | None, field("form of the curve that the fit chose")] = None
    chi2: Annotated[Number, field("reduced chi-square of the fit", "1")] = None
    bic: Annotated[dict[str, Number], field("Bayesian information criterion of each form that was tried", "1")] = msgspec.field(
        default_factory=dict
    )
    linear_to_dn: Annotated[Number, field("level up to which the response is linear", "DN")] = None


class TapRemarkRow(Row, frozen=True, kw_only=True):
    """What is to be said of one tap's value of a scalar; empty where nothing is."""

    not_determined: Annotated[str | None, field("why the value is not determined")] = None
    flag: Annotated[str | None, field("why the value holds only in part")] = None
    upper_limit: Annotated[Number, field("upper limit of the value, in its unit")] = None


class TapScalarRow(Row, frozen=True, kw_only=True):
    """One quantity of every readout tap or colour plane."""

    value: Annotated[tuple[Number, ...], field("of each tap, in `unit`")]
    se: Annotated[tuple[Number, ...], field("its standard error, in `unit`")]
    unit: Annotated[str, field("unit of both")]
    symbol: Annotated[str, field("symbol")] = ""
    definition: Annotated[str, field("definition of the quantity")] = ""
    remarks: Annotated[tuple[TapRemarkRow, ...] | None, field("remark on each tap's value")] = None


class TapsRow(Row, frozen=True, kw_only=True):
    """Readout taps or colour planes."""

    layout: Annotated[str, field("how pixels belong to taps")]
    labels: Annotated[tuple[str, ...], field("name of each tap")]
    scalars: Annotated[dict[str, TapScalarRow], field("quantities by name")]

    def __post_init__(self) -> None:
        super().__post_init__()
        size = len(self.labels)
        if not 1 < size <= _MOST_TAPS or not self.scalars:
            raise ValueError("'taps' without labels or quantities")
        if any(len(column) != size for row in self.scalars.values() for column in (row.value, row.se)):
            raise ValueError("'taps' with a column that is not one number for each label")


class CheckRow(Row, frozen=True, kw_only=True):
    """One check of the calibration series."""

    name: Annotated[str, field("name of the check")]
    outcome: Annotated[Literal["pass", "fail", "unknown"], field("pass, fail, or unknown where the series does not allow the check")]
    evidence: Annotated[str, field("finding, in words")]
    value: Annotated[Number, field("value that was found, in `unit`")] = None
    limit: Annotated[Number, field("limit on it, in `unit`")] = None
    unit: Annotated[str, field("unit of both")]


class CameraRow(Row, frozen=True, kw_only=True):
    """A camera profile without its maps."""

    calibrated: Annotated[bool | None, field("true where the camera was calibrated, false where its values were stated")] = None
    source: Annotated[str, field("where the values come from")] = ""
    bits: Annotated[int | None, field("bit depth", "bit")] = None
    valid_range_dn: Annotated[Interval | None, field("levels for which the profile is valid", "DN")] = None
    map_shape: Annotated[tuple[int, ...] | None, field("rows and columns of its per-pixel maps; null without", "px")] = None
    identity: Annotated[dict[str, Word], field("camera, serial number and mode as the profile names them")] = msgspec.field(
        default_factory=dict
    )
    series_sha256: Annotated[str | None, field("SHA-256 of the calibration series")] = None
    scalars: Annotated[dict[str, ScalarRow], field("quantities by name")] = msgspec.field(default_factory=dict)
    levels: Annotated[LevelsRow | None, field("levels of the photon-transfer curve")] = None
    dark: Annotated[DarkRow | None, field("the dark level")] = None
    defects: Annotated[int | None, field("pixels unfit for use; null without maps", "px")] = None
    pixel_classes: Annotated[tuple[PixelClassRow, ...], field("how many pixels are of each class")] = ()
    transfer: Annotated[TransferRow | None, field("the fitted transfer curve")] = None
    taps: Annotated[TapsRow | None, field("readout taps or colour planes; null without")] = None
    checks: Annotated[tuple[CheckRow, ...], field("checks of the calibration series")] = ()
    notes: Annotated[tuple[str, ...], field("remarks of the calibration")] = ()
    path: Annotated[str | None, field("path of the profile; null where it was handed over as an object")] = None


# --- what a datasheet draws beside a profile; no part of the record ---------------------------------------------------
class BeyondRow(Row, frozen=True, kw_only=True):
    """How many pixels lie at or beyond a distance from the mean."""

    distance: tuple[float, ...]
    count: tuple[float, ...]


class PatternRow(Row, frozen=True, kw_only=True):
    """The fixed pattern of dark level (e-) or response (%): profiles, spectra and histogram."""

    row_profile: tuple[float, ...]
    column_profile: tuple[float, ...]
    spectrum_x: tuple[float, ...]
    spectrum_y: tuple[float, ...]
    frequency_x: tuple[float, ...]
    frequency_y: tuple[float, ...]
    histogram: tuple[float, ...]
    edges: tuple[float, ...]
    beyond: BeyondRow

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = ((self.spectrum_x, self.frequency_x), (self.spectrum_y, self.frequency_y), (self.beyond.distance, self.beyond.count))
        columns = (self.row_profile, self.column_profile, self.histogram, *(column for pair in pairs for column in pair))
        if not all(columns) or any(len(a) != len(b) for a, b in pairs) or len(self.edges) != len(self.histogram) + 1:
            raise ValueError("a figure of a fixed pattern with an empty column, or columns that do not belong together")


class DefectsRow(Row, frozen=True, kw_only=True):
    """Pixels that are not normal: their number, and place (y, x) and class of those that are drawn."""

    shape: tuple[int, int]
    count: int
    positions: tuple[tuple[int, int], ...]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.shape) <= 0 or len(self.classes) != len(self.positions):
            raise ValueError("figure 'defects' without a shape, or with classes that are not one for each place")


class FiguresRow(Row, frozen=True, kw_only=True):
    """What `CameraProfile.figures` returns."""

    dsnu: PatternRow | None = None
    prnu: PatternRow | None = None
    defects: DefectsRow | None = None
