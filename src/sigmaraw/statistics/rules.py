"""Named decision rules behind one contract: what each decides, how often it flags a harmless codec, how often it accepts.

A plan names its rule before data are seen. Each rule answers for a *design* (how many images, replicas, slices) what it does to a codec
whose effect is given: `accepts(design, effect)`. Two figures follow: the null flag rate, 1 − accepts at no effect, and the power at a
stated effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import special

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.record.words import Verdict
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.statistics.equality import critical_range
from sigmaraw.statistics.evidence import ALPHA, Evidence, RowLimits
from sigmaraw.statistics.images import FEWEST_FOR_MEAN, judge_images
from sigmaraw.statistics.measure import measure
from sigmaraw.statistics.observers import acceptance
from sigmaraw.statistics.power import equivalence_power
from sigmaraw.statistics.spread import Floats

_RUNS = 2000
_SEED = 20250


@dataclass(frozen=True)
class Design:
    """What a study measures.

    Parameters
    ----------
    images : int, default 1
        J.
    replicas : int, default 100
        N per group.
    groups : int, default 2
        Of raw replicas.
    change : float, default 0.3
        Sd of D beside its mean, σ_raw.
    between : float, default 0.1
        Sd of the effect between images, unit of the effect.
    slices : int, default 30
        Per group of `cunha`.
    settings : int, default 4
        Codecs that are compared together.
    """

    images: int = 1
    replicas: int = 100
    groups: int = 2
    change: float = 0.3
    between: float = 0.1
    slices: int = 30
    settings: int = 4


@dataclass(frozen=True)
class RuleInput:
    """What was measured, as far as a rule needs it.

    Parameters
    ----------
    evidence, limits : Evidence, optional
        Rows of one measurement over images.
    epsilon : Floats, optional
        ε of each image (σ_raw).
    differences : Floats, optional
        Metric after − before the codec, per image.
    agreement : mapping of str to tuple of Floats, optional
        Jaccard index and distance per slice of the codec, of one observer with himself, of two observers.
    """

    evidence: Evidence | None = None
    limits: RowLimits = field(default_factory=RowLimits)
    epsilon: Floats | None = None
    differences: Floats | None = None
    agreement: Mapping[str, tuple[Floats, Floats]] | None = None


@dataclass(frozen=True)
class Ruling:
    """A rule's verdict with one sentence of why."""

    rule: str
    verdict: Verdict
    because: str


@dataclass(frozen=True)
class Operating:
    """How a rule works in a design: null flag rate, and how often it accepts a codec of the stated harmless and harmful effect, 1."""

    rule: str
    null_flag_rate: float
    harmless: float
    accepts_harmless: float
    harmful: float
    accepts_harmful: float


@runtime_checkable
class DecisionRule(Protocol):
    """What every rule has.

    Parameters
    ----------
    unit : str
        Of `effect`, in words.
    """

    name: str
    unit: str

    def judge(self, found: RuleInput) -> Ruling:
        """Return the verdict on what was measured."""
        ...

    def accepts(self, design: Design, effect: float) -> float:
        """Return the probability that a codec of this effect is accepted."""
        ...

    def null_flag_rate(self, design: Design) -> float:
        """Return the probability that a codec without effect is flagged."""
        ...


def operating(rule: DecisionRule, design: Design, harmless: float, harmful: float) -> Operating:
    """Return how a rule works in a design: to be printed beside its verdicts.

    Parameters
    ----------
    rule : DecisionRule
        The rule.
    design : Design
        The design in which it works.
    harmless, harmful : float
        Effects, in the rule's unit, that ought to be accepted and that ought not.

    Returns
    -------
    Operating
        Null flag rate and power, 0 to 1.
    """
    rates = rule.accepts(design, harmless), rule.accepts(design, harmful)
    return Operating(rule.name, rule.null_flag_rate(design), harmless, rates[0], harmful, rates[1])


@dataclass(frozen=True)
class Equivalence:
    """The default: shift, spread and RMS within limits, uncertainty included; over images the mean effect, and no image beyond.

    The effect is ε, σ_raw. `runs` simulated studies stand behind `accepts` for one or two images.

    References
    ----------
    formula 2.5.
    """

    limits: RowLimits = field(default_factory=RowLimits)
    runs: int = _RUNS
    name: str = "equivalence"
    unit: str = "σ_raw"

    def judge(self, found: RuleInput) -> Ruling:
        """Return the codec's verdict from the rows of its images."""
        if found.evidence is None:
            raise _lacks(self.name, "evidence of each image")
        said = judge_images(found.evidence, found.limits)
        return Ruling(self.name, said.verdict, said.ground.help)

    def accepts(self, design: Design, effect: float) -> float:
        """Return P(PASS): one image by simulation of normal predictions (seeded), several by the mean's two one-sided tests."""
        if design.images < FEWEST_FOR_MEAN:
            rng = np.random.default_rng(_SEED)
            raw = rng.normal(size=(self.runs, design.groups, design.replicas))
            decoded = raw[:, -1] + effect + design.change * rng.normal(size=(self.runs, design.replicas))
            inside = measure(raw, decoded, design.groups - 1).inside(self.limits).all(axis=0)
            return float(inside.mean()) ** design.images
        sd = math.hypot(design.between, math.sqrt(design.change**2 / design.replicas))
        shift = equivalence_power(effect, max(sd, 1e-6), float(np.max(self.limits.k)), design.images)
        square = effect**2 + design.change**2 + design.between**2
        scatter = math.hypot(2 * abs(effect) * sd, math.sqrt(2 / design.replicas) * square)
        rms = equivalence_power(square, max(scatter, 1e-6), float(np.max(self.limits.rms)) ** 2, design.images)
        return min(shift, rms)

    def null_flag_rate(self, design: Design) -> float:
        """Return 1 − P(PASS) of a codec whose D has mean zero and the design's scatter."""
        return 1.0 - self.accepts(design, 0.0)


@dataclass(frozen=True)
class Pomarico:
    """Paper 000's flag: |ε| > 1 on single frames. A tolerance, not a test: no uncertainty is asked for.

    The effect is ε, σ_raw.

    References
    ----------
    formula 2.1.
    """

    k: float = 1.0
    reference: str = "frame"
    name: str = "pomarico"
    unit: str = "σ_raw"

    def judge(self, found: RuleInput) -> Ruling:
        """Return FAIL where any |ε| exceeds k, else PASS."""
        if found.epsilon is None:
            raise _lacks(self.name, "ε of each image")
        values = np.abs(np.asarray(found.epsilon, dtype=np.float64))
        if not np.isfinite(values).all():
            return Ruling(self.name, "INCONCLUSIVE", "ε is undefined for at least one image")
        beyond = int((values > self.k).sum())
        verdict: Verdict = "FAIL" if beyond else "PASS"
        return Ruling(self.name, verdict, f"|ε| exceeds {self.k:g} in {beyond} of {values.size} images")

    def accepts(self, design: Design, effect: float) -> float:
        """Return P(|ε| ≤ k in every image) of a paired codec: ε ~ N(effect, change² + between²)."""
        sd = math.hypot(design.change, design.between)
        if sd == 0.0:
            return float(abs(effect) <= self.k)
        one = float(special.ndtr((self.k - effect) / sd) - special.ndtr((-self.k - effect) / sd))
        return one**design.images

    def null_flag_rate(self, design: Design) -> float:
        """Return how often a second acquisition of the same scene is flagged, no codec at all.

        2Φ(−k/√2) = .48 an image at k = 1 where χ_raw is a frame, 2Φ(−k) = .32 where it is the replicas' mean.
        """
        scale = math.sqrt(2.0) if self.reference == "frame" else math.sqrt(1.0 + 1.0 / design.replicas)
        one = 2.0 * float(special.ndtr(-self.k / scale))
        return 1.0 - (1.0 - one) ** design.images


@dataclass(frozen=True)
class Cunha:
    """Paper 001's rule: better than the inter-observer variability in Jaccard index and distance, and different from it by Tukey's test.

    The effect is the loss of Jaccard index against the observer's agreement with himself, 1.

    Parameters
    ----------
    intra, inter : float, default 0.88
        Mean Jaccard index of an observer with himself and of two.
    sd : float, default 0.1
        Of a slice's Jaccard index.

    References
    ----------
    Paper 001.
    """

    intra: float = 0.88
    inter: float = 0.75
    sd: float = 0.10
    name: str = "cunha"
    unit: str = "loss of Jaccard index"

    def judge(self, found: RuleInput) -> Ruling:
        """Return PASS where the codec is accepted, FAIL where it is worse, INCONCLUSIVE where it is better but does not differ."""
        if found.agreement is None or not {"codec", "intra", "inter"} <= found.agreement.keys():
            raise _lacks(self.name, "agreement: codec, intra, inter")
        marks, _, design = acceptance({"codec": found.agreement["codec"]}, found.agreement["intra"], found.agreement["inter"])
        mark = marks[0]
        if mark.accepted:
            return Ruling(self.name, "PASS", f"better than two observers agree, and different from that ({design})")
        if not mark.better_inter:
            return Ruling(self.name, "FAIL", "not better than two observers agree")
        return Ruling(self.name, "FAIL", "does not differ from how two observers agree")

    def accepts(self, design: Design, effect: float) -> float:
        """Return P(accepted), simulated (seeded) over normal Jaccard indices of `slices` per group and `settings` codecs."""
        n, groups = design.slices, design.settings + 2
        rng = np.random.default_rng(_SEED)
        means = rng.normal(size=(_RUNS, groups)) * self.sd / math.sqrt(n)
        pooled = np.sqrt(rng.chisquare(groups * (n - 1), _RUNS) / (groups * (n - 1))) * self.sd
        codec, inter = self.intra - effect + means[:, 0], self.inter + means[:, 1]
        dof = float(groups * (n - 1))
        reach = critical_range(ALPHA, groups, dof, dof, dof) * pooled / math.sqrt(n)
        return float((codec - inter > reach).mean())

    def null_flag_rate(self, design: Design) -> float:
        """Return 1 − P(accepted) of a codec that leaves the observer's agreement with himself."""
        return 1.0 - self.accepts(design, 0.0)


@dataclass(frozen=True)
class NonInferiority:
    """The mean of a metric falls by less than a margin: lower limit of mean(after − before) above −margin, t over images.

    The effect is the change of the metric, in the metric's unit (negative is worse).

    References
    ----------
    formula 2.6.
    """

    margin: float = 0.02
    alpha: float = ALPHA
    name: str = "noninferiority"
    unit: str = "the metric's unit"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin > 0.0):
            raise InvalidOption(f"margin = {self.margin:g}", "a number above 0", "give the largest loss that does not matter")

    def judge(self, found: RuleInput) -> Ruling:
        """Return PASS where the loss is shown to be below the margin, FAIL where it is shown to be above."""
        if found.differences is None:
            raise _lacks(self.name, "differences of the metric per image")
        values = np.asarray(found.differences, dtype=np.float64)
        if values.size < FEWEST_FOR_MEAN or not np.isfinite(values).all():
            return Ruling(self.name, "INCONCLUSIVE", "fewer than three images with finite values have no t")
        mean = float(values.mean())
        reach = t_quantile(1 - self.alpha, values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
        verdict: Verdict = "PASS" if mean - reach > -self.margin else "FAIL" if mean + reach < -self.margin else "INCONCLUSIVE"
        return Ruling(
            self.name, verdict, f"mean change {mean:+.4g}, limits {mean - reach:.4g} and {mean + reach:.4g}, margin {self.margin:g}"
        )

    def accepts(self, design: Design, effect: float) -> float:
        """Return P(PASS) by the noncentral t distribution; `between` is the sd of the change between images."""
        n = design.images
        if n < FEWEST_FOR_MEAN:
            return 0.0
        bound = t_quantile(1 - self.alpha, n - 1)
        from scipy import stats  # half a second to import

        return float(stats.nct.sf(bound, n - 1, (effect + self.margin) * math.sqrt(n) / design.between))

    def null_flag_rate(self, design: Design) -> float:
        """Return 1 − P(PASS) of a codec that changes the metric by nothing on average."""
        return 1.0 - self.accepts(design, 0.0)


RULES: dict[str, type[Equivalence] | type[Pomarico] | type[Cunha] | type[NonInferiority]] = {
    "equivalence": Equivalence,
    "pomarico": Pomarico,
    "cunha": Cunha,
    "noninferiority": NonInferiority,
}
"""Rules by the name that a plan gives."""


def _lacks(rule: str, what: str) -> UndefinedStatistic:
    return UndefinedStatistic(f"rule {rule} without {what}", what, "measure it, or name another rule in the plan")
