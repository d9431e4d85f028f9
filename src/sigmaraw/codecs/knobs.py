"""What families with one knob share: the check that it is set, exact coding beside it, and what they report."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, versions
from sigmaraw.codecs.search import Knob
from sigmaraw.contracts import CodecContract, Coder, Encoded, Parameter
from sigmaraw.errors import InvalidSpec

RATIO = Parameter("ratio", float, minimum=1, unit="1", help="container bytes over coded bytes to aim at, on every image")
PSNR = Parameter("psnr", float, minimum=1, maximum=200, unit="dB", help="peak signal-to-noise ratio to aim at, on every image")
RANGE = Parameter(
    "range",
    float,
    minimum=1,
    unit="DN",
    help="peak that psnr refers to; the camera's full scale unless given, without a camera the container's",
)
FROZEN = Parameter("frozen", bool, False, help="find the setting once, on the raw image, and keep it for its replicas")
LOSSLESS = Parameter("lossless", bool, False, help="exact coding by the format's own lossless mode")
DIMS = Parameter("dims", int, 2, choices=(2, 3), unit="1", help="2: a stack's slices one by one; 3: the stack whole, as a volume")
TARGET_PARAMETERS = (RATIO, PSNR, RANGE, FROZEN, LOSSLESS)
"""For a family that wants its targets at this place; those that it leaves out come behind its own keys."""


def promised(contract: CodecContract, *, lossless: bool, dtypes: tuple[str, ...] | None = None) -> CodecContract:
    """Return a family's contract as its settings narrow it: exact where `lossless`, and the dtypes that they leave."""
    exact: dict[str, Any] = {"lossless": True, "guarantee": "exact", "max_error": 0} if lossless else {}
    return dataclasses.replace(contract, dtypes=dtypes or contract.dtypes, **exact)


class TargetCoder(Coder):
    """A coder with one knob, or `lossless=true`.

    A family gives `name`, `parameters`, `contract`, `axis` (its knob's range, put into the contract), `encode_at`,
    `encode_lossless` and `decode_payload`. One of knob and lossless is set; InvalidSpec otherwise.
    """

    name: str
    parameters: tuple[Parameter, ...]
    contract: CodecContract
    axis: ClassVar[Knob]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if hasattr(cls, "contract") and hasattr(cls, "axis"):  # the contract alone is what others read
            cls.contract = dataclasses.replace(cls.contract, axis=cls.axis)

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.setting: float | None = settings.get(self.axis.name)
        self.lossless = bool(settings.get("lossless"))
        if (self.setting is None) != self.lossless:
            both = "no setting" if self.setting is None else f"{self.axis.name} and lossless=true"
            ways = f"exactly one of {self.axis.name}, a target such as ratio=, lossless=true"
            raise InvalidSpec(f"'{self.name}' with {both}", ways, f"write for instance {self.name}:{self.example}")

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "ratio=10"

    # --- what a family gives ---
    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at one knob value."""
        raise NotImplementedError

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        raise NotImplementedError

    def decode_payload(self, payload: bytes) -> Any:
        """Return what the library decodes."""
        raise NotImplementedError

    # --- the coder ---
    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the code stream at the knob's setting, or the exact one."""
        if self.setting is None:
            return Encoded(self.encode_lossless(frame))
        return Encoded(self.encode_at(frame, self.setting), achieved={self.axis.name: float(self.setting)})

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken or another frame's."""
        return checked(self.name, self.decode_payload(encoded.payload), shape, dtype)

    def details(self) -> dict[str, Any]:
        """Return library versions and the setting in use."""
        fixed = {} if self.setting is None else {self.axis.name: float(self.setting)}
        return {**fixed, "libraries": versions(self.libraries)}
