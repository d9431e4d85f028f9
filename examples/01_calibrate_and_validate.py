"""From dark and flat frames to a verdict, by the Python interface.

    python examples/01_calibrate_and_validate.py --out out/example-01

The camera is virtual, so its truth is known and printed beside what calibration found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sigmaraw as sr
from sigmaraw.virtual import demo_inputs

CODECS = ["lossless", "noiseaware:q=1", "jpegls:near=2", "jpeg2000:ratio=10", "to8bit:minmax+jpeg:quality=80"]


def main() -> None:
    """Calibrate, validate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/example-01"))
    parser.add_argument("-n", type=int, default=50, help="replicas per group")
    arguments = parser.parse_args()

    inputs = demo_inputs(arguments.out, seed=1)
    camera = sr.calibrate(inputs.series)
    camera.to_netcdf(arguments.out / "camera.nc")
    for name, truth in (("gain", inputs.camera.gain), ("dark_noise", inputs.camera.read_noise_rms_e)):
        value, error = float(camera.dataset[name]), float(camera.dataset[f"{name}_se"])
        print(f"{name}: {value:.4f} ± {error:.4f} {camera.dataset[name].units}, truth {truth:.4f}, z = {(value - truth) / error:+.1f}")

    record = sr.validate(inputs.images, camera, codecs=CODECS, pipeline="unet-demo", n=arguments.n, seed=1)
    report = record.write(arguments.out)
    print(record.table())
    print(f"report: {report}")


if __name__ == "__main__":
    main()
