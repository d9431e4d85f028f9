"""The stored values of one DICOM file: native, or decoded from a lossless code stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import NotIntegerData, UnreadableFile
from sigmaraw.frames.decoding import require_plausible, unreadable

KIND = "DICOM"
_JPEG = {f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "57", "70")}
_JPEGLS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
_J2K = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}
_HTJ2K = {f"1.2.840.10008.1.2.4.{end}" for end in ("201", "202", "203")}
_RLE = "1.2.840.10008.1.2.5"


def stored_planes(path: Path, dataset: Any) -> NDArray[Any]:
    """Return (plane, y, x) of the values that a file stores: uint8, int8, uint16 or int16; no slope, intercept or table applied.

    Parameters
    ----------
    path : Path
        For messages.
    dataset : pydicom.Dataset
        With PixelData.

    Raises
    ------
    UnreadableFile
        Pixels cut off, or in a transfer syntax that is not decoded here.
    NotIntegerData
        1, 32 or 64 bits a pixel.
    """
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames", 1) or 1)
    allocated, stored, signed = int(dataset.BitsAllocated), int(dataset.BitsStored), int(dataset.PixelRepresentation) == 1
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise NotIntegerData(f"{path} has {stored} of {allocated} bits per pixel", "8 or 16 bits allocated", "export 16-bit images")
    if min(rows, columns, frames) < 1:
        raise unreadable(path, KIND, f"{frames} frames of {rows}x{columns} pixels")
    size, kind = rows * columns * frames, f"{'i' if signed else 'u'}{allocated // 8}"
    content = bytes(dataset.PixelData)
    require_plausible(path, KIND, size * allocated // 8, len(content))
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        needed = size * allocated // 8
        if len(content) not in (needed, needed + needed % 2):
            raise unreadable(path, KIND, f"{needed} bytes of pixels announced, {len(content)} present")
        order = "<" if syntax.is_little_endian else ">"
        return np.frombuffer(content, order + kind, size).reshape(frames, rows, columns).astype(kind)
    planes = _decoded(path, dataset, str(syntax), frames)
    if planes.shape != (frames, rows, columns) or planes.dtype.kind not in "ui" or planes.dtype.itemsize > 2:
        raise unreadable(path, KIND, f"decoded pixels of shape {planes.shape} and type {planes.dtype}")
    if signed and planes.dtype.kind == "u":  # decoders of whole numbers know no sign: bit BitsStored − 1 is it
        half = 1 << (stored - 1)
        planes = (planes.astype(np.int32) & (2 * half - 1) ^ half) - half
    return planes.astype(kind)


def _decoded(path: Path, dataset: Any, syntax: str, frames: int) -> NDArray[Any]:
    import imagecodecs
    import pydicom.encaps

    if syntax == _RLE:
        return np.asarray(dataset.pixel_array).reshape(frames, int(dataset.Rows), int(dataset.Columns))
    decoders: dict[str, Callable[[bytes], Any]] = {
        **dict.fromkeys(_JPEG, imagecodecs.jpeg_decode),
        **dict.fromkeys(_JPEGLS, imagecodecs.jpegls_decode),
        **dict.fromkeys(_J2K, imagecodecs.jpeg2k_decode),
        **dict.fromkeys(_HTJ2K, imagecodecs.htj2k_decode),
    }
    if syntax not in decoders:
        raise UnreadableFile(
            f"{path} is in the transfer syntax {dataset.file_meta.TransferSyntaxUID.name}",
            "uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000",
            "convert it without loss, for instance with dcmdjpeg or gdcmconv --raw",
        )
    streams = list(pydicom.encaps.generate_frames(bytes(dataset.PixelData), number_of_frames=frames))
    if len(streams) != frames:
        raise unreadable(path, KIND, f"{frames} frames announced, {len(streams)} present")
    return np.stack([np.asarray(decoders[syntax](stream)) for stream in streams])
