"""A codec: the lowest bits are dropped, the rest is deflated."""

import zlib
from dataclasses import replace

import numpy as np

from sigmaraw.contracts import CodecContract, Coder, Encoded, Knob, Parameter
from sigmaraw.errors import CodecFailed


class DropBits(Coder):
    """Drop the `drop` lowest bits, |decoded - raw| <= 2^drop/2 DN, and deflate the rest."""

    name = "dropbits"
    parameters = (Parameter("drop", int, 2, minimum=0, maximum=7, unit="bit", help="lowest bits to drop"),)
    axis = Knob("drop", 0, 7, scale="linear", integer=True, direction=-1, step=2, resolution=0.5)
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="drop", knob_direction=-1, axis=axis)
    probes = (("drop=4", "drop=1", "drop=0"),)

    def __init__(self, drop):
        super().__init__(drop=drop)
        self.drop = drop
        self.contract = replace(type(self).contract, lossless=drop == 0, max_error=(1 << drop) // 2)

    def encode(self, frame):
        return Encoded(zlib.compress((frame >> self.drop).tobytes()))

    def decode(self, encoded, shape, dtype):
        try:
            kept = np.frombuffer(zlib.decompress(encoded.payload), dtype).reshape(shape)
        except (zlib.error, ValueError) as error:
            raise CodecFailed(f"dropbits could not decode ({error})", "a whole code stream", "encode the frame again") from error
        return (kept << self.drop) + np.dtype(dtype).type((1 << self.drop) // 2)
