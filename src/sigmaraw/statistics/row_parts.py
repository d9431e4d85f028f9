"""What a row's assessment rests on, computed for many rows at once: KS tests, evidence, and what raw predictions say by themselves.

Each row gets the numbers that it would get by itself, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.record.words import CodedWarning, MissingValue, Reason
from sigmaraw.statistics.equality import TestResult, ks_tests
from sigmaraw.statistics.evidence import ALPHA, Evidence
from sigmaraw.statistics.measure import measure, step_of
from sigmaraw.statistics.spread import Floats, Pool, Spread, pool, pooled_spread, widen
from sigmaraw.statistics.warnings import raw_warnings


@dataclass(frozen=True)
class RawSummary:
    """What the raw predictions of one measurement of one image say; the codecs of a study share it.

    Parameters
    ----------
    moments, spread : Pool, Spread
        Of predictions that were widened by the spread factor, the measurement's unit.
    null_flag_rate : float
        Share of pairs of raw replicas more than σ_raw apart, both as the replicas are.
    warnings : tuple of CodedWarning
        Few events, and predictions that are not one peak.
    """

    moments: Pool
    spread: Spread
    null_flag_rate: float
    warnings: tuple[CodedWarning, ...]


@dataclass(frozen=True)
class RowParts:
    """Tests and evidence of one row.

    Parameters
    ----------
    raw : RawSummary or None
        None where a raw prediction is not finite.
    ks, ks_null : TestResult or None
        Codec against raw group 0, and the codec's raw group against it.
    undefined : tuple of MissingValue
        Why a test is missing.
    in_sigma, in_unit : Evidence or None
        In σ_raw and in the measurement's unit, one row each; None where a prediction is not finite.
    """

    raw: RawSummary | None
    ks: TestResult | None
    ks_null: TestResult | None
    undefined: tuple[MissingValue, ...]
    in_sigma: Evidence | None
    in_unit: Evidence | None


def raw_summary(raw: Floats, spread_factor: float, discrete: bool) -> RawSummary | None:
    """Return what raw predictions (group, replica) say; None where one is not finite.

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit.
    spread_factor : float
        Ratio of σ_raw to the spread of raw predictions, a bare number.
    discrete : bool
        Whether predictions take isolated values, as counts do.
    """
    if not np.isfinite(raw).all():
        return None
    widened = widen(raw, spread_factor)
    spread = pooled_spread(widened, discrete=discrete)
    return RawSummary(pool(widened, discrete), spread, null_flag_rate(raw, spread.value / spread_factor), raw_warnings(raw, discrete))


def null_flag_rate(raw: Floats, sigma_raw: float) -> float:
    """Return how often an independent re-acquisition would exceed |ε| = 1 against a single raw frame.

    Share of all pairs of raw replicas with |χ_i − χ_j| > σ_raw; .4795 for normal predictions (P|N(0, 2)| > 1).

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64.
    sigma_raw : float
        σ_raw, the same unit.

    References
    ----------
    formula 2.1.
    """
    values = np.sort(raw, axis=None)
    beyond = values.size - np.searchsorted(values, values + sigma_raw, side="right")
    return float(beyond.sum()) / (values.size * (values.size - 1) / 2)


def parts_of_rows(
    raw: Floats,
    decoded: Floats,
    group: int,
    *,
    discrete: bool,
    independent: bool,
    u_relative: Floats,
    spread_factor: Floats,
    summaries: Sequence[RawSummary | None],
    alpha: float = ALPHA,
) -> list[RowParts]:
    """Return the parts of many rows that share a measurement and a codec's group.

    Parameters
    ----------
    raw : Floats
        Raw predictions (row, group, replica), float64, the measurement's unit.
    decoded : Floats
        Predictions after the codec, (row, replica).
    group : int
        The codec's group.
    discrete : bool
        Whether predictions take isolated values, as counts do.
    independent : bool
        Whether raw group 0 shares no frames with the codec's group; without it there is no KS test.
    u_relative, spread_factor : Floats
        Relative standard uncertainty of σ_raw, and its ratio to the spread of raw predictions, (row,), bare numbers.
    summaries : sequence of RawSummary or None
        Of each row.
    alpha : float, default ALPHA
        The level whose limits are computed for all rows at once.
    """
    raw, decoded = np.ascontiguousarray(raw), np.ascontiguousarray(decoded)  # sums run along replicas, in their order
    tests = _tests(raw, decoded, group, discrete) if independent else [_NOT_INDEPENDENT] * len(raw)
    usable = np.flatnonzero(np.isfinite(raw).all(axis=(1, 2)) & np.isfinite(decoded).all(axis=1))
    in_sigma, in_unit = (
        _evidence(raw[usable], decoded[usable], group, discrete, u_relative[usable], spread_factor[usable], unit, alpha)
        for unit in (False, True)
    )
    return [
        RowParts(summaries[row], *tests[row], in_sigma.get(place), in_unit.get(place))
        for row, place in zip(range(len(raw)), _places(usable, len(raw)), strict=True)
    ]


def parts_of_row(
    raw: Floats, decoded: Floats, group: int, *, discrete: bool, independent: bool, u_relative: float, spread_factor: float
) -> RowParts:
    """Return the parts of one row: raw predictions (group, replica), decoded ones (replica,). The rest is as for many rows."""
    return parts_of_rows(
        raw[np.newaxis],
        decoded[np.newaxis],
        group,
        discrete=discrete,
        independent=independent,
        u_relative=np.array([u_relative]),
        spread_factor=np.array([spread_factor]),
        summaries=[raw_summary(raw, spread_factor, discrete)],
    )[0]


_Tests = tuple[TestResult | None, TestResult | None, tuple[MissingValue, ...]]
_NOT_INDEPENDENT: _Tests = (None, None, tuple(MissingValue(field, Reason.NOT_INDEPENDENT, 1) for field in ("ks", "ks_null")))


def _places(usable: NDArray[np.intp], rows: int) -> list[int]:
    """Return where each row is among the usable ones; −1 for others."""
    places = np.full(rows, -1)
    places[usable] = np.arange(usable.size)
    return [int(place) for place in places]


def _tests(raw: Floats, decoded: Floats, group: int, discrete: bool) -> list[_Tests]:
    """Return per row the KS tests, or the reasons why they are missing."""
    zero, own, after = (np.count_nonzero(~np.isfinite(values), axis=1) for values in (raw[:, 0], raw[:, group], decoded))
    codec, null = np.flatnonzero((zero == 0) & (after == 0)), np.flatnonzero((zero == 0) & (own == 0))
    of_codec = dict(zip(codec.tolist(), ks_tests(decoded[codec], raw[codec, 0], discrete=discrete), strict=True))
    of_null = dict(zip(null.tolist(), ks_tests(raw[null, group], raw[null, 0], discrete=discrete), strict=True))
    found: list[_Tests] = []
    for row in range(len(raw)):
        undefined: tuple[MissingValue, ...] = ()
        if row not in of_codec:
            reason = Reason.RAW_UNDEFINED if zero[row] else Reason.CODEC_UNDEFINED
            undefined += (MissingValue("ks", reason, int(zero[row] or after[row])),)
        if row not in of_null:
            undefined += (MissingValue("ks_null", Reason.RAW_UNDEFINED, int(zero[row] + own[row])),)
        found.append((of_codec.get(row), of_null.get(row), undefined))
    return found


def _evidence(
    raw: Floats,
    decoded: Floats,
    group: int,
    discrete: bool,
    u_relative: Floats,
    spread_factor: Floats,
    in_unit: bool,
    alpha: float,
) -> dict[int, Evidence]:
    """Return the evidence of each row, in σ_raw or in the measurement's unit, with its limits at the level."""
    if not len(raw):
        return {}
    step = np.array([step_of(before, after, discrete) for before, after in zip(raw, decoded, strict=True)])
    found = measure(raw, decoded, group, step=step, discrete=discrete, u_relative=u_relative, spread_factor=spread_factor, in_unit=in_unit)
    with np.errstate(all="ignore"):  # rows whose predictions never vary have no limits, and nothing asks for them
        found.remember(alpha)
    return {row: found.take(slice(row, row + 1)) for row in range(len(raw))}
