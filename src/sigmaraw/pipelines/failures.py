"""What a user's model raised, as one refusal that names the model, the exception and the line."""

from __future__ import annotations

import traceback

from sigmaraw.errors import PredictionFailed

_LONGEST = 200


def raised_by(spec: str, error: BaseException, source: str | None = None, index: int | None = None) -> PredictionFailed:
    """Return the failure of a pipeline that raised `error`.

    Parameters
    ----------
    spec : str
        The pipeline's specification.
    error : BaseException
        What it raised.
    source : str or None
        The file of the user's function: the last line of it that was running is named, and not one of a library that it calls.
    index : int or None
        Position of the image in the batch, from 0.
    """
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame for frame in reversed(frames) if frame.filename == source), frames[-1] if frames else None)
    place = "" if line is None else f" ({line.filename}, line {line.lineno})"
    words = " ".join(str(error).split())[:_LONGEST]
    made = PredictionFailed(
        f"pipeline '{spec}' raised {type(error).__name__}{f': {words}' if words else ''}{place}",
        "named numbers for every image",
        "return NaN where an answer is undefined, or correct the function",
    )
    made.index = index
    return made
