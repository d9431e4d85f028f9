"""One small file of each format, written by the formats' own libraries, or byte by byte where none has a writer."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def stack(planes: int = 3, top: int = 4096, seed: int = 5) -> np.ndarray:
    """Return (plane, y, x) of uint16 below `top`."""
    return np.random.default_rng(seed).integers(0, top, (planes, 13, 11), dtype=np.uint16)


def tiff(path: Path, planes: np.ndarray, **more: Any) -> Path:
    import tifffile

    tifffile.imwrite(path, planes, photometric="minisblack", **more)
    return path


def npy(path: Path, planes: np.ndarray) -> Path:
    np.save(path, planes)
    return path


def fits(path: Path, planes: np.ndarray) -> Path:
    from astropy.io import fits as module

    module.PrimaryHDU(planes).writeto(path)
    return path


def png(path: Path, planes: np.ndarray) -> Path:
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(planes[0]))
    return path


def pgm(path: Path, planes: np.ndarray) -> Path:
    height, width = planes.shape[1:]
    path.write_bytes(b"P5 %d %d 4095\n" % (width, height) + planes[0].astype(">u2").tobytes())
    return path


def nifti(path: Path, planes: np.ndarray, slope: float | None = None, intercept: float | None = None, spacing: float = 2.5) -> Path:
    """Write (z, y, x) or (t, z, y, x) as NIfTI, whose first axis changes fastest."""
    import nibabel

    image = nibabel.Nifti1Image(planes.T, np.diag([spacing, spacing, spacing, 1.0]), dtype=planes.dtype)
    nibabel.save(image, path)
    if slope is not None:  # nibabel makes its own scaling when it saves
        content = bytearray(path.read_bytes())
        content[112:120] = np.array([slope, intercept or 0.0], "<f4").tobytes()
        path.write_bytes(content)
    return path


def hdf5(path: Path, planes: np.ndarray, name: str = "entry/data", **attributes: Any) -> Path:
    import h5py

    with h5py.File(path, "a") as file:
        file[name] = planes
        file[name].attrs.update(attributes)
    return path


def dicom(path: Path, plane: np.ndarray, *, bits: int = 12, position: float | None = None, number: int = 1, **elements: Any) -> Path:
    """Write one DICOM file of a plane (y, x) or of frames; further elements by keyword."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, f"1.2.3.{number}"
    dataset.SeriesInstanceUID, dataset.InstanceNumber = "1.2.840.1", number
    dataset.PatientName = "Nobody^Tested"
    dataset.Rows, dataset.Columns = plane.shape[-2:]
    if plane.ndim == 3:
        dataset.NumberOfFrames = len(plane)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * plane.dtype.itemsize, bits, bits - 1
    dataset.PixelRepresentation = int(plane.dtype.kind == "i")
    if position is not None:
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0.0, 0.0, position], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [0.5, 0.25]
    dataset.PixelData = plane.tobytes() + b"\0" * (plane.nbytes % 2)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def dicom_series(folder: Path, volume: np.ndarray, order: list[int] | None = None, **elements: Any) -> Path:
    """Write a folder of slices (z, y, x) 2 mm apart; `order` says which slice each file name has."""
    folder.mkdir()
    for name, index in enumerate(order or range(len(volume))):
        dicom(folder / f"IM{name:04d}.dcm", volume[index], position=2.0 * index, number=name + 1, **elements)
    return folder


def lif(path: Path, images: dict[str, np.ndarray], bits: int = 12) -> Path:
    """Write uint16 images (z, y, x) by name, as Leica's version 2 lays them out."""
    elements, blocks = "", b""
    for index, (name, planes) in enumerate(images.items()):
        sides = [("1", planes.shape[2]), ("2", planes.shape[1]), ("3", planes.shape[0])]
        step, dimensions = planes.dtype.itemsize, ""
        for number, size in sides:
            dimensions += (
                f'<DimensionDescription DimID="{number}" NumberOfElements="{size}" Origin="0" Length="1e-5" Unit="m" '
                f'BitInc="0" BytesInc="{step}"/>'
            )
            step *= size
        channel = (
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" '
            'LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
        )
        elements += (
            f'<Element Name="{name}" UniqueID="u{index}"><Data><Image><ImageDescription><Channels>{channel}</Channels>'
            f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{planes.nbytes}" MemoryBlockID="MemBlock_{index}"/></Element>'
        )
        block = f"MemBlock_{index}".encode("utf-16-le")
        head = struct.pack("<IIBQBI", 0x70, 0, 0x2A, planes.nbytes, 0x2A, len(block) // 2)
        blocks += head + block + planes.astype("<u2").tobytes()
    xml = f'<LMSDataContainerHeader Version="2"><Element Name="project" UniqueID="p"><Data><Experiment/></Data><Children>{elements}'
    text = (xml + "</Children></Element></LMSDataContainerHeader>").encode("utf-16-le")
    path.write_bytes(struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text + blocks)
    return path


def czi(
    path: Path, planes: np.ndarray, *, compression: int = 0, mosaic: bool = False, leave_out: int | None = None, bits: int = 12
) -> Path:
    """Write uint16 planes (z, y, x) as CZI sub-blocks, one for each plane, or with `mosaic` two beside each other."""
    xml = f"<ImageDocument><ComponentBitCount>{bits}</ComponentBitCount></ImageDocument>".encode()

    def segment(name: bytes, body: bytes) -> bytes:
        size = -(-len(body) // 32) * 32
        return struct.pack("<16sqq", name, size, len(body)) + body + bytes(size - len(body))

    def entry(position: int, z: int, x: int, tile: np.ndarray, index: int) -> bytes:
        sides = [(b"X", x, tile.shape[1]), (b"Y", 0, tile.shape[0]), (b"Z", z, 1), (b"C", 0, 1)]
        sides += [(b"M", index, 1)] if mosaic else []
        head = struct.pack("<2siqiiBB4si", b"DV", 1, position, 0, compression, 0, 0, bytes(4), len(sides))
        return head + b"".join(struct.pack("<4siifi", name, start, size, 0.0, size) for name, start, size in sides)

    half = planes.shape[2] // 2
    tiles = []
    for z, plane in enumerate(planes):
        parts = ((0, plane[:, :half]), (half, plane[:, half:])) if mosaic else ((0, plane),)
        tiles += [(z, x, tile, index) for index, (x, tile) in enumerate(parts) if len(tiles) + index != leave_out]
    header_size, content, entries = 32 + 512, b"", []
    for z, x, tile, index in tiles:
        position = header_size + len(content)
        made = entry(position, z, x, tile, index)
        body = struct.pack("<iiq", 0, 0, tile.nbytes) + made + bytes(max(240 - len(made), 0)) + tile.astype("<u2").tobytes()
        content += segment(b"ZISRAWSUBBLOCK", body)
        entries.append(made)
    directory_at = header_size + len(content)
    content += segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(entries)) + bytes(124) + b"".join(entries))
    metadata_at = header_size + len(content)
    content += segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0) + bytes(248) + xml)
    header = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, bytes(16), bytes(16), 0, directory_at, metadata_at, 0, 0)
    path.write_bytes(segment(b"ZISRAWFILE", header + bytes(512 - len(header))) + content)
    return path


WRITERS: dict[str, tuple[str, Callable[[Path, np.ndarray], Path]]] = {
    "tiff": ("a.tif", tiff),
    "npy": ("a.npy", npy),
    "fits": ("a.fits", fits),
    "png": ("a.png", png),
    "pgm": ("a.pgm", pgm),
    "nifti": ("a.nii", nifti),
    "hdf5": ("a.h5", hdf5),
    "dicom": ("a.dcm", dicom),
    "lif": ("a.lif", lambda path, planes: lif(path, {"one": planes})),
    "czi": ("a.czi", czi),
}
"""File name and writer of each reader for which a file can be made here."""
NOT_MADE = {
    "zarr": "a folder: tests/frames/test_zarr.py breaks it in its own ways",
    "nd2": "no library writes ND2, and no sample is at hand",
    "bioio": "needs bioio and a plug-in",
}
