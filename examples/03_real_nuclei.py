"""A real image and a real network: one page of BBBC022 (12 bit) with a published nuclei U-Net, as ONNX and as TorchScript.

    python examples/03_real_nuclei.py --data ../shared/data --out out/example-03
    python examples/03_real_nuclei.py --data ../shared/data --out out/example-03-stated --u-mode unet-demo

The image's camera is not documented, so the values below are stated, not calibrated, and the report says so. They were chosen so that
the noise model agrees with the image where it is empty: V = K(m - o) + (K sigma_r)^2 + 1/12 = 18.8 DN^2 at the background's 156 DN,
against 19 to 21 DN^2 from differences of neighbouring background pixels.

The coverage study has not measured this network. So the uncertainty that replicas add to sigma_raw is the largest of all kinds, unless
`--u-mode unet-demo` states that it behaves as the shipped one; the record and the report then say who stated it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import sigmaraw as sr

CAMERA = {"gain": 0.25, "offset": 130.0, "read_noise": 14.0, "bits": 12}
CODECS = (
    "lossless",
    "noiseaware:q=1",
    "jpegls:near=4",
    "jpeg2000:ratio=10",
    "jpegxl:ratio=20",
    "to8bit:minmax",
    "to8bit:minmax+jpeg:quality=80",
)
MODELS = {"onnx": "onnx:{folder}/weights.onnx", "torch": "torch:{folder}/weights.pt,window=512,multiple=512"}


def study(data: Path, kind: str, n: int, codecs: tuple[str, ...] = CODECS, u_mode: str = "largest") -> sr.Record:
    """Validate the codecs on page 0 (nuclei) with the model in one of its two formats; n replicas per group."""
    camera = sr.CameraProfile.from_values(**CAMERA)
    image = data / "bia-notebooks" / "IXMtest_A02_s9.tif"
    pipeline = MODELS[kind].format(folder=data / "unet2d-nuclei-broad") + f",u_mode={u_mode}"

    def progress(done: int, total: int, what: str) -> None:
        print(f"\r{kind}: {what} {done} of {total}   ", end="", file=sys.stderr, flush=True)

    return sr.validate([image], camera, codecs=codecs, pipeline=pipeline, n=n, seed=22, frame=0, progress=progress)


def main() -> None:
    """Run both formats, write both reports, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/example-03"))
    parser.add_argument("-n", type=int, default=20, help="replicas per group")
    parser.add_argument("--u-mode", choices=("largest", "unet-demo"), default="largest", help="what is stated of the network")
    parser.add_argument("--formats", nargs="+", choices=tuple(MODELS), default=list(MODELS), help="of the model's file")
    arguments = parser.parse_args()
    for kind in arguments.formats:
        record = study(arguments.data, kind, arguments.n, u_mode=arguments.u_mode)
        report = record.write(arguments.out / kind)
        print(f"\n{record.table()}\nreport: {report}")


if __name__ == "__main__":
    main()
