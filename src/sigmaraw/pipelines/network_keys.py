"""The keys that every pipeline around a network takes."""

from __future__ import annotations

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, PIXEL_SIZE, U_MODE, min_size
from sigmaraw.pipelines.preparation import POST, PRE

BATCH = Parameter(
    "batch",
    int,
    None,
    minimum=1,
    unit="1",
    help="tiles in one call of the network; default: as many as are fastest here, of the numbers that change no bit of an answer",
)
THRESHOLD = Parameter("threshold", float, 0.5, unit="1", help="foreground is above it, in the unit that `post` gives")
NETWORK_PARAMETERS = (
    Parameter("model", str, required=True, file=True, help="the model's file"),
    Parameter("pre", str, "zscore", choices=tuple(PRE), help="normalisation of the whole image"),
    Parameter("post", str, "sigmoid", choices=POST, help="what turns the output into a foreground map"),
    MEASURE,
    THRESHOLD,
    min_size(20),
    CONNECTIVITY,
    Parameter("output", str, None, help="the model's output: its name, or its number from 0; needed where there are several"),
    Parameter("channel", int, None, minimum=0, unit="1", help="output channel of the foreground; default 0, with softmax and argmax 1"),
    Parameter(
        "input",
        str,
        "grey",
        choices=("grey", "repeat", "planes"),
        help="grey: one input channel; repeat: the grey image in every input channel; planes: a stack (c, y, x) gives the channels",
    ),
    Parameter("in_channels", int, None, minimum=1, unit="1", help="number of input channels, where the model's file does not say it"),
    Parameter("plane", int, 0, minimum=0, unit="1", help="with input=planes: the plane, from 0, in which intensities are measured"),
    Parameter("axes", str, None, help="order of the model's input axes, as bcyx, bczyx or yxc; default: by their number"),
    Parameter("out_axes", str, None, help="order of the output's axes; default: that of the input"),
    Parameter("window", str, None, unit="px", help="tile: side, or 16x64x64 (z, y, x); default: the model's fixed size, else the image"),
    Parameter("border", str, None, unit="px", help="discarded on each side of a tile, one number or one by axis; default: window / 16"),
    Parameter("multiple", str, "16", unit="px", help="a size that the model leaves free is padded to a multiple of this; 1x16x16 by axis"),
    Parameter("layout", str, "nchw", choices=("nchw", "nhwc"), help="nhwc: the same as axes=byxc"),
    U_MODE,
    BATCH,
    PIXEL_SIZE,
)
