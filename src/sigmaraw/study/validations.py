"""A validation: the codecs that a call states, one by one, as a plan that is run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sigmaraw.codecs import named_codecs
from sigmaraw.contracts import Engine, Pipeline
from sigmaraw.progress import Report, reporting
from sigmaraw.record import Record
from sigmaraw.study.arguments import plan_of
from sigmaraw.study.inputs import Camera
from sigmaraw.study.no_camera import default_mode
from sigmaraw.study.run import run


def validate(
    raw: Any,
    camera: Camera,
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any],
    n: int | str | None = None,
    mode: str | None = None,
    seed: int = 0,
    k: float = 1.0,
    spread: float = 1.25,
    rms: float | None = None,
    rms_counts: float | None = None,
    margin: Mapping[str, float] | None = None,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    volume: bool = False,
    frame: int | None = None,
    bits: int | None = None,
    objects: bool = False,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    every_byte: bool = False,
    allow_exec: bool = False,
    allow_nondeterminism: bool = False,
    reference: str | os.PathLike[str] | None = None,
    agreement: Sequence[str] = (),
    rule: str = "equivalence",
    progress: Report | bool | None = None,
) -> Record:
    """Score what codecs do to a pipeline's answers against the spread that the camera's noise alone causes.

    For each image x, codec C and measurement f it gives ε = (f(C(x)) − f(x))/σ_raw and ε̂ = mean(f(C(R)) − f(R))/σ_raw over replicas R,
    and from them a verdict: PASS, FAIL or INCONCLUSIVE.

    Parameters
    ----------
    raw : path, RawFrames, array, or sequence of them
        The raw images, as the camera delivered them: files (TIFF, .npy, FITS, Zarr), `RawFrames`, or integer arrays (y, x) or
        (frame, y, x), uint8 or uint16, DN. Each frame is one image.
    camera : CameraProfile, path or None
        The camera that took them, or its netCDF file. None, or the word none, where no camera stands behind the images (CT, MRI, old
        images): verdicts then rest on margins, on real repeats, or on references, and signed integers are taken. For magnitude images
        of MRI ``"rician:sigma=12.5,se=0.2"``, the noise of either channel in DN; `noise.RicianNoise` is the same as an object.
    codecs : str or sequence of str
        Specifications such as ``"jpeg2000:ratio=10"`` or ``"to8bit:minmax+jpeg:quality=90"``; each once. ``sigmaraw codecs`` lists them.
    pipeline : str, path, function or Pipeline, or a sequence of them
        The model with its measurements: ``"otsu"``, ``"onnx:model.onnx"``, ``"package.module:function"``, a TOML file, a function
        image → {name: number}, or an object of `contracts.Pipeline`. Several measure the same replicas, which are drawn and coded once;
        where two have a measurement of the same name, both are called ``pipeline/measurement``.
    n : int, str or None, default None
        Replicas per group, at least 2. None takes 100, or in mode ``repeats`` as many as there are. ``"auto:0.05,max=2000"`` adds
        replicas until the relative standard uncertainty of σ_raw is 0.05, 2000 at most; ``"auto:decide,max=300"`` until every row is
        PASS or FAIL, 300 at most: all looks at the rows together err no more often than one.
    mode : str, optional
        How replicas are made; default "bootstrap", without a camera "none", which draws no replicas: ``bootstrap``,
        ``around-raw``, ``simex``, ``mean-n`` or ``repeats``, with settings as ``name:key=value``.
    seed : int, default 0
        Study seed, 0 to 2⁶⁴ − 1. The same seed gives the same replicas.
    k : float, default 1.0
        Limit on |ε̂|, in σ_raw. Above 0.
    spread : float, default 1.25
        Limit on the ratio of the spreads after and before the codec, and on its inverse; a bare number. Above 1.
    rms : float, optional
        Limit on the root mean square of f(C(R)) − f(R), in σ_raw. Above 0. None takes 1, and √2 for counts.
    rms_counts : float, optional
        The same for counts and other measurements that take isolated values. None takes `rms`, and √2 where that is not given either.
    margin : mapping of str to float, optional
        For the measurements that it names, a limit on the mean shift in the measurement's unit, in place of `k`·σ_raw.
    roi : tuple of int, optional
        (y, x) of the images' corner in the camera's frame, px, where they are cut-outs and the camera has maps.
    scalars : bool, default False
        Use the camera's mean values in place of its maps.
    volume : bool, default False
        A file's pages are z of one volume, not frames.
    frame : int, optional
        Only this frame of every input, from 0. None takes all.
    bits : int, optional
        Bit depth of images without a camera; None takes what the files state.
    objects : bool, default False
        Follow each object through replicas and codecs, with σ_raw and ε of its measurements in ``record.content.objects``.
    engine : {"local", "dask"} or Engine, default "local"
        Where the work is done. It changes speed, not numbers.
    batch : int, optional
        Replicas held in memory at once, from 1. None takes what fits. It does not change a number.
    workers : int, optional
        Threads that code replicas while the model predicts. None takes one per core, 0 none. It does not change a number.
    every_byte : bool, default False
        Code every replica in full. By default, where a codec's decoded pixels are known before its lossless stage, only the first replica
        of each block and 1 in 20 of the others are coded in full. Predictions are the same; figures of bytes rest on those replicas.
    allow_exec : bool, default False
        `codecs` and `pipeline` may name programs of this machine (``exec``, ``run``). Never pass on what a file or another person says.
    allow_nondeterminism : bool, default False
        Count differences between answers to the same image, of the pipeline or of a codec, as uncertainty, however large. By default
        differences above a tenth of σ_raw are refused.
    reference : path, optional
        Masks by observers: a folder with one mask for each image, under the image's name, or a folder for each observer. Agreement with
        them becomes a measurement; the pipeline must segment objects.
    agreement : sequence of str, default ()
        Metrics of masks, such as ``"dice"`` or ``"nsd:tolerance=2"``; all of them by default.
    rule : str, default "equivalence"
        Decision rule: "equivalence", "pomarico", and with references "noninferiority" or "cunha".
    progress : bool or callable, optional
        True shows progress with rate and time left, False does not, None does so in a notebook alone. A callable is called as
        ``progress(done, total, what)``.

    Returns
    -------
    Record
        All numbers and verdicts: `Record.table()` prints them, `Record.write(folder)` writes record, data and report.

    Raises
    ------
    SigmarawError
        The subclass in `sigmaraw.errors` that names what is wrong with the input. PredictionFailed, where the model raised an
        exception, has the predictions until then in its attribute `partial`.

    See Also
    --------
    sweep, search : the same over ranges of settings.

    References
    ----------
    docs/how-to/validate.md; docs/explanation/formulas.md, sections 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> image = np.random.default_rng(1).poisson(200, (32, 32)).astype(np.uint16) + 100
    >>> record = sr.validate(image, camera, codecs="lossless", pipeline="intensity", n=4, mode="around-raw")
    >>> record.verdict
    'PASS'
    """
    limits = {"k": k, "spread": spread, "rms": rms, "rms_counts": rms_counts, "margin": margin}
    place = {"roi": roi, "scalars": scalars, "volume": volume, "frame": frame, "objects": objects}
    stated = {"bits": bits, "agreement": tuple(agreement), "rule": rule}
    specs, made = named_codecs(codecs)
    share = {"coded_share": 1.0} if every_byte else {}
    mode = default_mode(mode, camera)
    plan, model = plan_of(specs, pipeline, allow_exec, n=n, mode=mode, seed=seed, **limits, **place, **stated, **share)
    with reporting(progress) as report:
        return run(
            plan,
            raw,
            camera,
            pipeline=model,
            engine=engine,
            batch=batch,
            workers=workers,
            allow_exec=plan.codecs if allow_exec else (),
            allow_nondeterminism=allow_nondeterminism,
            progress=report,
            codecs=made,
            reference=reference,
        )
