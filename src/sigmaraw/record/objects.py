"""The rows that a record has where objects are followed one by one."""

from __future__ import annotations

from typing import Annotated

from sigmaraw.record.fields import OWN_UNIT, Number, Row, field, quantity
from sigmaraw.record.results import CodecName, Image

ObjectNumber = Annotated[int, field("number of the object in the image, from 1, in the order of its labels")]


class ObjectMeasurementRow(Row, frozen=True, kw_only=True):
    """One number that is measured on each object."""

    name: Annotated[str, field("name of the measurement")]
    unit: Annotated[str, field("its unit")]
    definition: Annotated[str, field("its definition, of all objects together")] = ""


class ObjectRow(Row, frozen=True, kw_only=True):
    """One object that the pipeline finds in an image."""

    image: Image
    object: ObjectNumber
    centre: Annotated[tuple[float, ...], field("centre of its pixels, (y, x) or (z, y, x)", "px")]
    size: Annotated[int, field("its pixels", "px")]
    found: Annotated[Number, field("share of raw replicas in which it was found", "1")] = None


class ObjectScoreRow(Row, frozen=True, kw_only=True):
    """One codec on one measurement of one object."""

    image: Image
    object: ObjectNumber
    codec: CodecName
    measurement: Annotated[str, field("name of the measurement in `objects.measurements`")]
    chi_raw: Annotated[Number, quantity("chi_raw")] = None
    chi_codec: Annotated[Number, field("prediction on the decoded image; null where the object is not found there", OWN_UNIT)] = None
    sigma_raw: Annotated[Number, quantity("sigma_raw")] = None
    epsilon: Annotated[Number, quantity("epsilon")] = None
    epsilon_hat: Annotated[Number, quantity("epsilon_hat")] = None
    u: Annotated[Number, field("standard uncertainty of epsilon_hat from the number of replicas, in σ_raw", "1")] = None
    n_raw: Annotated[int, field("raw replicas in which the object was found", "1")]
    n: Annotated[int, field("replicas in which it was found before and after the codec", "1")]


class ObjectCountRow(Row, frozen=True, kw_only=True):
    """What became of the objects in each replica: of the raw group, or after a codec."""

    image: Image
    codec: Annotated[str | None, field("specification of the codec as typed; null for raw replicas")] = None
    count: Annotated[tuple[int, ...], field("objects in each replica; matched + unmatched", "1")]
    matched: Annotated[tuple[int, ...], field("objects of the image that were found in it", "1")]
    unmatched: Annotated[tuple[int, ...], field("objects that are none of the image's", "1")]
    missed: Annotated[tuple[int, ...], field("objects of the image that were not found", "1")]
    split: Annotated[tuple[int, ...], field("objects of the image of which two or more objects are parts", "1")]
    merged: Annotated[tuple[int, ...], field("objects of which two or more objects of the image are parts", "1")]


class ObjectsRow(Row, frozen=True, kw_only=True):
    """Objects one by one: matched with those of the image itself by the largest sum of overlaps, and scored."""

    reach: Annotated[float, field("smallest intersection over union of two objects that can be the same", "1")]
    measurements: Annotated[tuple[ObjectMeasurementRow, ...], field("what is measured on each object")]
    objects: Annotated[tuple[ObjectRow, ...], field("objects of all images")]
    scores: Annotated[tuple[ObjectScoreRow, ...], field("scores, per image, codec, measurement and object")]
    counts: Annotated[tuple[ObjectCountRow, ...], field("objects found, new, split and merged in each replica, per image and codec")]
