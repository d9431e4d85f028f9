"""Watching: each new frame against the reference, one entry of the state and one line of JSON for each."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.errors import IntegrityError
from sigmaraw.watch.fitting import Parts, Setup, hash_of, parts_of, same_files
from sigmaraw.watch.online import LARGEST, OnlineMmd, Running, moments
from sigmaraw.watch.sequential import ConformalMartingale, Strangeness, log_exceedance_evidence
from sigmaraw.watch.state import State, plain

Floats = NDArray[np.float64]
_LN10 = math.log(10.0)


class Group:
    """The two tests of one group of features.

    Parameters
    ----------
    table : ndarray, float64
        (frame, feature) of the reference.
    kept : sequence of int
        The features that are used.
    setup : Setup
        The watch's.
    threshold, bandwidth : float
        Of the online test.
    """

    def __init__(self, table: Floats, kept: list[int], setup: Setup, threshold: float, bandwidth: float) -> None:
        self._kept = kept
        used = table[:, kept]
        centre, spread = moments(used)
        total = setup.run_time * len(setup.groups)
        self.online: Running = OnlineMmd(
            (used[:LARGEST] - centre) / spread, centre, spread, bandwidth, setup.window, total, threshold
        ).started()
        self._strangeness = Strangeness(used[::2])
        self._martingale = ConformalMartingale([self._strangeness(row) for row in used[1::2]], setup.seed)
        self.memory: dict[str, Any] = {}

    def add(self, numbers: Floats) -> tuple[float | None, float]:
        """Return S and ln M with one more frame; where a number is undefined S is None and the frame as strange as can be."""
        used = numbers[self._kept]
        seen = bool(np.isfinite(used).all())
        statistic = self.online.add(used) if seen else None
        score = self._strangeness(used) if seen else math.inf
        log_m = self._martingale.add(score)
        self.memory = {"near": self.online.near if seen else None, "score": score if seen else None, "logs": self._martingale.logs}
        return statistic, log_m

    def resume(self, tables: Sequence[Sequence[float | None]], memories: Sequence[dict[str, Any]]) -> None:
        """Go on after earlier frames from what each of them left, at the cost of a window and of sorting the scores.

        Parameters
        ----------
        tables : sequence of sequence of float
            The group's numbers of each frame.
        memories : sequence of dict
            What `memory` was after each.
        """
        window = [k for k, memory in enumerate(memories) if memory["near"] is not None][-self.online.detector.window :]
        self.online.resume([_array(tables[k])[self._kept] for k in window], [memories[k]["near"] for k in window])
        scores = [math.inf if memory["score"] is None else memory["score"] for memory in memories]
        if memories:
            self._martingale.resume(scores, memories[-1]["logs"])


class Watch:
    """A watch that goes on from its state.

    Parameters
    ----------
    state : State
        Open.
    typed : collection of str, optional
        Specifications of pipeline and codec that the user typed. A state may be a stranger's: what it alone names imports no code.

    Raises
    ------
    IntegrityError
        The camera profile or the model is not the one that the watch was fitted with, or the entries do not fit together.
    """

    def __init__(self, state: State, typed: Collection[str] = ()) -> None:
        self.state = state
        self._typed = typed
        body = state.entries[0].body
        try:
            self.setup = msgspec.convert(body["setup"], Setup)
            tables = {name: _array(body["features"][name]) for name in self.setup.groups}
            self.groups = {
                name: Group(tables[name], detector["kept"], self.setup, detector["threshold"], detector["bandwidth"])
                for name, detector in body["detectors"].items()
            }
            frames = state.entries[1:]
            for name, group in self.groups.items():
                group.resume([entry.body["features"][name] for entry in frames], [entry.body["memory"][name] for entry in frames])
            counted = [] if self.setup.share is None else [entry.body["exceeded"] for entry in frames]
            self._trials, self._exceeded = sum(one is not None for one in counted), sum(map(bool, counted))
            self._seen = {row["sha256"]: 0 for row in body["reference"]} | {entry.body["sha256"]: entry.number for entry in frames}
        except (KeyError, TypeError, IndexError, msgspec.ValidationError) as error:
            raise IntegrityError(
                f"the entries of {state.path} do not fit together ({error})", "a state of this version", "fit again"
            ) from error
        self._parts: Parts | None = None

    def check(self, name: str, pixels: NDArray[np.integer]) -> dict[str, Any]:
        """Look at one frame, add it to the state, and return its line (JSON values).

        A frame whose pixels were seen before is named as a repeat, with the alarms that it had, and is not counted twice.

        Parameters
        ----------
        name : str
            What to call it.
        pixels : ndarray
            (y, x) or (z, y, x), uint8 or uint16, DN.

        Raises
        ------
        ProgramNotAllowed
            The state names a pipeline or codec whose code would be imported, and the user did not type it.
        """
        digest = hash_of(pixels)
        if digest in self._seen:
            before = self._seen[digest]
            alarms = self.state.entries[before].body["alarms"] if before else []
            return {"frame": name, "repeat_of": before or "reference", "alarm": bool(alarms), "alarms": alarms, "digest": self.state.digest}
        if self._parts is None:
            self._parts = parts_of(self.setup, self._typed)
            same_files(self._parts, self.state.entries[0].body["hashes"])
        began = time.perf_counter()
        features = self._parts.features(pixels)
        exceeded = None if self._parts.exceedance is None else self._parts.exceedance(pixels)
        return self.add(name, digest, features, exceeded, time.perf_counter() - began)

    def add(
        self, name: str, digest: str, features: dict[str, Floats], exceeded: list[str] | None, feature_s: float = 0.0
    ) -> dict[str, Any]:
        """Add a frame whose features are there already, and return its line.

        Parameters
        ----------
        name, digest : str
            The frame's name, and the SHA-256 of its pixels.
        features : dict of str to ndarray
            The numbers of each group.
        exceeded : list of str, optional
            Measurements beyond the study's limits; None where they are not watched.
        feature_s : float
            Seconds that the features took.
        """
        began = time.perf_counter()
        line = {"frame": name, **self._take(features, exceeded)}
        body = {
            "sha256": digest,
            "features": {group: numbers.tolist() for group, numbers in features.items()},
            "exceeded": exceeded,
            "memory": {group: tests.memory for group, tests in self.groups.items()},
            **line,
        }
        entry = self.state.add("frame", body)
        self._seen[digest] = entry.number
        took = {"features_ms": round(1e3 * feature_s, 2), "watch_ms": round(1e3 * (time.perf_counter() - began), 2)}
        return {"number": entry.number, **plain(line), **took, "digest": entry.digest}

    def _take(self, features: dict[str, Floats], exceeded: list[str] | None) -> dict[str, Any]:
        """Feed the tests, and return what they say."""
        online: dict[str, Any] = {}
        evidence: dict[str, float] = {}
        alarms = []
        for name, group in self.groups.items():
            statistic, log_m = group.add(features[name])
            threshold = group.online.detector.threshold
            online[name] = {"statistic": statistic, "threshold": threshold}
            evidence[name] = log_m
            if statistic is not None and statistic > threshold:
                alarms.append(f"online {name}")
        if exceeded is not None and self.setup.share is not None:
            self._trials, self._exceeded = self._trials + 1, self._exceeded + bool(exceeded)
            evidence["exceedance"] = log_exceedance_evidence(self._exceeded, self._trials, self.setup.share)
        # The mean of e-processes is one: a single level for all of them.
        together = float(special.logsumexp(list(evidence.values()))) - math.log(len(evidence))
        if together >= -math.log(self.setup.alpha):
            alarms.append("sequential")
        return {
            "online": online,
            "log10_e": {name: value / _LN10 for name, value in evidence.items()},
            "log10_e_all": together / _LN10,
            "exceeded": exceeded,
            "alarm": bool(alarms),
            "alarms": alarms,
        }


def _array(values: Any) -> Floats:
    return np.array(values, dtype=np.float64)  # null, which stands for what is undefined, becomes NaN
