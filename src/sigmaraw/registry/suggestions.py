"""What a user may have meant by a name that is not registered."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_LOSSLESS = "write lossless:{0}"
_FUNCTION = "it is not built in: wrap it in a function image -> {name: number}, and name it as package.module:function"
_RECIPE = "wrap it in a few lines, and write labels:FILE.py:function; docs/how-to/recipes.md#{0} has them"
_PROGRAM = 'write run:"PROGRAM {{in}} {{out}}"; docs/how-to/recipes.md#{0} has the command'

# File suffixes, library names and names of other tools, which a spelling check does not find.
_MEANT: dict[str, dict[str, str]] = {
    "sigmaraw.codecs": {
        **{name: _LOSSLESS.format(name) for name in ("png", "zstd", "deflate", "blosc2", "rice", "pcodec", "tiff", "brotli", "lzma")},
        **{name: _LOSSLESS.format("deflate") for name in ("zip", "gzip", "zlib")},
        **{name: _LOSSLESS.format("zstd") for name in ("zst", "zstandard")},
        **{name: _LOSSLESS.format("tiff") for name in ("tif", "lzw")},
        **{name: _LOSSLESS.format("lzma") for name in ("xz", "7z")},
        **{name: _LOSSLESS.format("blosc2") for name in ("blosc", "b2nd", "zarr", "n5", "hdf5")},
        **dict.fromkeys(("jp2", "j2k", "jpx", "jpeg-2000", "openjpeg", "kakadu", "grok"), "write jpeg2000"),
        **dict.fromkeys(("jph", "openjph"), "write htj2k"),
        **dict.fromkeys(("jxl", "jpeg-xl", "libjxl"), "write jpegxl"),
        **dict.fromkeys(("jls", "jpeg-ls", "charls"), "write jpegls"),
        **dict.fromkeys(("jxr", "jpeg-xr"), "write jpegxr"),
        **dict.fromkeys(("jpg", "mozjpeg", "libjpeg"), "write jpeg, behind to8bit for 16-bit data"),
        **dict.fromkeys(("h265", "h.265", "x265", "heic", "heif", "bpg"), "write hevc"),
        **dict.fromkeys(("h264", "h.264", "x264", "avc", "mp4", "vp9"), "write hevc or av1: this format is not built in"),
        **dict.fromkeys(("svt-av1", "svtav1", "libaom", "dav1d"), "write av1"),
        **dict.fromkeys(("sz", "sz2"), "write sz3"),
        **dict.fromkeys(("noise-aware", "noise_aware", "b3d", "jetraw"), "write noiseaware"),
        **dict.fromkeys(("nlm", "bm3d", "dct"), "write denoise"),
        **dict.fromkeys(("8bit", "uint8", "tobit8"), "write to8bit:minmax or to8bit:shift"),
        **dict.fromkeys(("binning", "downsample"), "write bin"),
        "raw": "the raw frames are always scored beside the codecs: leave it out",
        "none": "the raw frames are always scored beside the codecs: leave it out",
        "identity": "write lossless",
        "blur": "write gaussian",
    },
    "sigmaraw.pipelines": {
        **dict.fromkeys(("cellpose", "cellpose-sam", "cellposesam", "cpsam", "omnipose"), _RECIPE.format("cellpose")),
        **dict.fromkeys(("micro-sam", "microsam", "micro_sam", "sam", "segment-anything"), _RECIPE.format("micro-sam")),
        **{name: _RECIPE.format(name) for name in ("stardist", "instanseg", "spotiflow")},
        **dict.fromkeys(("monai", "monai-bundle"), _RECIPE.format("monai-bundles")),
        **dict.fromkeys(("ufish", "u-fish"), _RECIPE.format("u-fish")),
        **dict.fromkeys(("nnunet", "nnunetv2", "nnu-net"), _RECIPE.format("nnu-net-v2")),
        "totalsegmentator": _RECIPE.format("totalsegmentator"),
        **{name: _PROGRAM.format(name) for name in ("cellprofiler", "ilastik", "qupath")},
        **dict.fromkeys(("imagej", "fiji"), _PROGRAM.format("fiji")),
        **dict.fromkeys(("yolo", "sklearn"), _FUNCTION),
        **dict.fromkeys(("pytorch", "pt", "pth", "pt2", "torchscript"), "write torch:FILE.pt2"),
        **dict.fromkeys(("tensorflow", "keras", "jax", "tflite", "onnxruntime"), "export the network to ONNX, and write onnx:FILE.onnx"),
        **dict.fromkeys(("unet", "u-net", "demo"), "write unet-demo for the shipped network, or torch:FILE.pt2 for one of yours"),
        **dict.fromkeys(("threshold", "thresholding"), "write otsu"),
        **dict.fromkeys(("minimum", "prewitt", "threshold_minimum"), "write bimodal"),
        **dict.fromkeys(("isodata", "ridler-calvard", "global-mean"), "write iterative-mean"),
        **dict.fromkeys(("threshold_local", "adaptive", "local-threshold"), "write local"),
        **dict.fromkeys(("mean", "sum", "total"), "write intensity"),
    },
    "sigmaraw.measurements": {
        **dict.fromkeys(("number", "objects", "n"), "write count"),
        **dict.fromkeys(("intensity", "total", "sum", "integrated_intensity"), "write total_intensity"),
        "mean": "write mean_intensity",
        **dict.fromkeys(("glcm", "haralick", "contrast", "homogeneity", "energy", "correlation"), "write texture"),
        **dict.fromkeys(("skeleton", "skeleton_length"), "write length"),
        **dict.fromkeys(("branch_points", "junctions"), "write branches"),
        **dict.fromkeys(("equivalent_diameter", "size"), "write diameter"),
        "pearson": "write pcc, with pcc.reference=FILE",
    },
    "sigmaraw.metrics": {"f1": "write dice", "iou": "write jaccard", "maxerr": "write max-error", "linf": "write max-error"},
    "sigmaraw.modes": {"poisson": "write bootstrap or around-raw", "around_raw": "write around-raw", "raw": "write around-raw"},
    "sigmaraw.denoisers": {"bm3d": "its licence forbids commercial use: write dct or nlm"},
    "sigmaraw.reports": {"docx": "write pdf", "xlsx": "write csv", "excel": "write csv"},
}


def suggestion(group: str, name: str, choices: Collection[str]) -> str:
    """Return what to write instead of `name`: by a table of what users call things, else by the nearest spelling.

    Parameters
    ----------
    group : str
        The entry-point group in which the name was looked up.
    name : str
        As typed.
    choices : collection of str
        The registered names.

    Returns
    -------
    str
        In the imperative, or as a question.

    Examples
    --------
    >>> suggestion("sigmaraw.codecs", "jp2", ["jpeg", "jpeg2000"])
    'write jpeg2000'
    >>> suggestion("sigmaraw.codecs", "jpeg200", ["jpeg", "jpeg2000"])
    "did you mean 'jpeg2000'?"
    """
    meant = _MEANT.get(group, {}).get(name.lower())
    if meant is not None:
        return meant
    near = difflib.get_close_matches(name.lower(), choices, n=1)
    return f"did you mean '{near[0]}'?" if near else "choose one of these"
