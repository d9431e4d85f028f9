"""DICOM by pydicom: one file, or a folder that holds one series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage, NotIntegerData, ShapeMismatch
from sigmaraw.frames.decoding import choose_image, decoding_by, library, lossy_image, unreadable
from sigmaraw.frames.dicom_pixels import stored_planes
from sigmaraw.frames.dicom_series import ordered

KIND = "DICOM"
_MAGIC, _MAGIC_AT = b"DICM", 128
_SUFFIXES = (".dcm", ".ima", ".dicom")
_RECONSTRUCTED = {"CT", "MR", "PT", "NM", "US", "OPT", "XA3D"}
_BESIDE = {"dicomdir", "version"}


class DicomReader(Reader):
    """DICOM files, and folders that hold the slices of one series."""

    name = "dicom"
    formats = "DICOM files, and folders of one DICOM series"
    suffixes = _SUFFIXES
    package = "pydicom"
    extra = "dicom"

    def takes(self, path: Path) -> bool:
        """Return whether a file, whatever its name, is DICOM, and whether the first file of a folder is."""
        if path.is_file():
            return _is_dicom(path)
        first = next((entry for entry in sorted(path.iterdir()) if _may_be_slice(entry)), None)
        return first is not None and first.is_file() and (first.suffix.lower() in _SUFFIXES or _is_dicom(first))

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the stored values of a file or of a folder's series, its slices in the order in which they lie.

        Raises
        ------
        UnreadableFile
            Not DICOM, damaged, without pixels, or with several series of which none is chosen.
        ColourImage
            Colour or palette pixels.
        LossyImage
            Lossy Image Compression (0028,2110) is 01, or the transfer syntax is a lossy one.
        NotIntegerData
            Values scaled by a slope or a table.
        ShapeMismatch
            A series whose slices do not form one volume.
        """
        pydicom = library(path, "pydicom", self.extra)
        if not path.is_dir():
            return _of_file(path, _dataset(path, pydicom), selection)
        files = [entry for entry in sorted(path.iterdir()) if _may_be_slice(entry)]
        folders = [entry for entry in files if entry.is_dir()]
        if folders:
            raise unreadable(path, KIND, f"a folder {folders[0].name} among the slices: give that one")
        return _of_series(path, [(file, _dataset(file, pydicom)) for file in files], selection)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(_MAGIC_AT + 4)[_MAGIC_AT:] == _MAGIC


def _may_be_slice(path: Path) -> bool:
    """Return whether a file is neither hidden nor an index of the medium or a note."""
    return (
        not path.name.startswith(".") and path.name.lower() not in _BESIDE and path.suffix.lower() not in (".txt", ".csv", ".json", ".md")
    )


def _dataset(path: Path, pydicom: Any) -> Any:
    """Return the data set of a file. Raises UnreadableFile."""
    with decoding_by("pydicom", path, KIND), pydicom.config.disable_value_validation():
        return pydicom.dcmread(path)


def _of_file(path: Path, dataset: Any, selection: Selection) -> Decoded:
    with decoding_by("pydicom", path, KIND):
        _refuse_changed(path, dataset, selection.lossy)
        offset = _offset(path, dataset)
        planes = stored_planes(path, dataset)
        layout = Layout(_letter(dataset), (len(planes),)) if len(planes) > 1 else None
        return _made(planes, dataset, layout, offset, _plane_spacing(dataset))


def _of_series(path: Path, files: Sequence[tuple[Path, Any]], selection: Selection) -> Decoded:
    with decoding_by("pydicom", path, KIND):
        series: dict[str, list[tuple[Path, Any]]] = {}
        for file, dataset in files:
            series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append((file, dataset))
        names = [f"{members[0][1].get('SeriesNumber', '?')}: {len(members)} files" for members in series.values()]
        members = list(series.values())[choose_image(path, "series", names, selection.image)]
        if len(members) == 1:
            return _of_file(members[0][0], members[0][1], selection)
        for file, dataset in members:
            _refuse_changed(file, dataset, selection.lossy)
        offsets = {_offset(file, dataset) for file, dataset in members}
        if len(offsets) > 1:
            raise NotIntegerData(f"{path} adds {sorted(offsets)} to the values of its slices", "one Rescale Intercept", "export one series")
        slices = ordered(path, members)
        stacks = [stored_planes(file, dataset) for file, dataset in slices.members]
        kinds = {(stack.shape, stack.dtype) for stack in stacks}
        if len(kinds) > 1 or len(stacks[0]) != 1:
            shapes = ", ".join(sorted({f"{'x'.join(map(str, shape))} {dtype}" for shape, dtype in kinds}))
            raise ShapeMismatch(f"{path} holds slices of {shapes}", "one plane of one shape in each file", "choose one series")
        spacing = (slices.distance_mm, *_plane_spacing(slices.members[0][1])) if slices.distance_mm else ()
        return _made(np.concatenate(stacks), slices.members[0][1], slices.layout, offsets.pop(), spacing)


def _made(planes: NDArray[Any], dataset: Any, layout: Layout | None, offset: int, spacing: tuple[float, ...]) -> Decoded:
    """Return the planes with what the first data set says of them; nothing that names a patient is kept."""
    words = {"camera": dataset.get("ManufacturerModelName"), "serial": dataset.get("DeviceSerialNumber")}
    metadata: dict[str, Any] = {name: str(value)[:120] for name, value in words.items() if value}
    if spacing:
        metadata |= {"spacing": spacing, "spacing_unit": "mm"}
    inverted = str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1"
    bits = int(dataset.BitsStored)
    return Decoded(planes, "pydicom", bits, metadata, layout, inverted, offset, _processed(dataset))


def _refuse_changed(path: Path, dataset: Any, accept_lossy: bool) -> None:
    """Refuse what is no grey integer as stored, by the name and number of the element that says so."""
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise unreadable(path, KIND, "no pixels in it")
    if "PixelData" not in dataset:
        raise NotIntegerData(f"{path} holds floating-point pixels", "the integers that the scanner stored", "export the original images")
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or not str(dataset.get("PhotometricInterpretation", "")).startswith("MONOCHROME"):
        kind = str(dataset.get("PhotometricInterpretation", "unknown"))
        raise ColourImage(f"{path} holds {kind} pixels", "one grey value per pixel (MONOCHROME2)", "export the grey images")
    if str(dataset.get("LossyImageCompression", "00")) == "01" and not accept_lossy:
        method = str(dataset.get("LossyImageCompressionMethod", "")) or "a method that it does not name"
        raise lossy_image(path, f"pixels that were compressed with loss before (Lossy Image Compression (0028,2110) is 01, {method})")
    uid = dataset.file_meta.TransferSyntaxUID
    if uid in _LOSSY_SYNTAXES and not accept_lossy:
        raise lossy_image(path, f"pixels in the transfer syntax {uid.name}, which is lossy")
    if "ModalityLUTSequence" in dataset:
        raise NotIntegerData(f"{path} maps its values by a table (Modality LUT)", "values as stored", "export the images without the table")


_LOSSY_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "81", "91", "93", "100", "101", "102", "103", "104", "105", "106", "107", "203")
)


def _offset(path: Path, dataset: Any) -> int:
    """Return the Rescale Intercept. Raises NotIntegerData where a slope is not 1, or the intercept no whole number."""
    found = {(float(item.get("RescaleSlope", 1)), float(item.get("RescaleIntercept", 0))) for item in _transformations(dataset)}
    (slope, intercept), several = sorted(found)[0], len(found) > 1
    if several or slope != 1.0 or not intercept.is_integer() or abs(intercept) > 65535:
        what = "by several slopes or intercepts" if several else f"by {slope:g} and adds {intercept:g}"
        raise NotIntegerData(
            f"{path} scales its values {what} (Rescale Slope and Intercept)",
            "slope 1 and a whole intercept, the same in all frames",
            "export images of one scale: quantities such as PET's activity have one slope for each slice",
        )
    return int(intercept)


def _transformations(dataset: Any) -> list[Any]:
    """Return every item that may state slope and intercept: the data set, or the functional groups of an enhanced one."""
    groups = [*dataset.get("SharedFunctionalGroupsSequence", []), *dataset.get("PerFrameFunctionalGroupsSequence", [])]
    found = [item for group in groups for item in group.get("PixelValueTransformationSequence", [])]
    return found or [dataset]


def _processed(dataset: Any) -> str:
    """Return why the pixels are no raw frame of a detector; "" where nothing says so."""
    kind = [str(word) for word in dataset.get("ImageType", []) or []]
    modality = str(dataset.get("Modality", ""))
    if modality in _RECONSTRUCTED:
        return f"a reconstructed image (modality {modality})"
    if "DERIVED" in kind:
        return "pixels derived from others (Image Type DERIVED)"
    if str(dataset.get("PresentationIntentType", "")) == "FOR PRESENTATION":
        return "pixels processed for presentation"
    return ""


def _letter(dataset: Any) -> str:
    """Return what the frames of one file are: time where a rate is stated, depth where each has a position."""
    if any(name in dataset for name in ("FrameTime", "FrameTimeVector", "CineRate")):
        return "T"
    groups = dataset.get("PerFrameFunctionalGroupsSequence", [])
    return "Z" if groups and "PlanePositionSequence" in groups[0] else "Q"


def _plane_spacing(dataset: Any) -> tuple[float, ...]:
    sides = tuple(float(side) for side in dataset.get("PixelSpacing", None) or dataset.get("ImagerPixelSpacing", None) or ())
    return sides if len(sides) == 2 and min(sides) > 0 else ()
