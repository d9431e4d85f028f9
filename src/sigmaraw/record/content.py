"""The whole record as one value: every section of record.json, in the file's order."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sigmaraw.record.camera import CameraRow
from sigmaraw.record.codecs import CodecRow, Settings
from sigmaraw.record.design import AdaptiveRow, DesignRow, EnvironmentRow, ImageRow, InputRow, MeasurementRow, PlanRow
from sigmaraw.record.fields import Row, field
from sigmaraw.record.objects import ObjectsRow
from sigmaraw.record.results import DiagnosticRow, FloorRow, ResultRow, TukeyRow, UndefinedRow
from sigmaraw.record.stages import SearchRow, SweepRow
from sigmaraw.record.statements import DecisionRow, StatementRow

SCHEMA = "sigmaraw/record/1"


class Content(Row, frozen=True, kw_only=True):
    """What record.json holds. Numbers are bare; units stand with the fields and in `measurements`; null is undefined."""

    schema: Annotated[Literal["sigmaraw/record/1"], field("name of this layout")] = "sigmaraw/record/1"
    created: Annotated[str | None, field("time at which the study ended, UTC")] = None
    inputs: Annotated[tuple[InputRow, ...], field("files and arrays that went in")]
    images: Annotated[tuple[ImageRow, ...], field("images")] = ()
    camera: Annotated[CameraRow, field("the camera profile without its maps")]
    plan: Annotated[PlanRow, field("everything that decides the numbers, fixed before data are seen")]
    design: Annotated[DesignRow | None, field("how replicas were drawn")] = None
    adaptive: Annotated[AdaptiveRow | None, field("the rule by which replicas were added; null where n is fixed")] = None
    environment: Annotated[EnvironmentRow, field("versions and hardware")]
    pipeline: Annotated[Settings, field("every setting of the pipeline with defaults, and versions")] = msgspec.field(default_factory=dict)
    measurements: Annotated[tuple[MeasurementRow, ...], field("what the pipeline predicts")]
    mode_diagnostics: Annotated[tuple[DiagnosticRow, ...], field("what the replica mode checked on each image")] = ()
    floor: Annotated[tuple[FloorRow, ...], field("what the pipeline answers a second time")] = ()
    codecs: Annotated[tuple[CodecRow, ...], field("what each codec did to the images")]
    results: Annotated[tuple[ResultRow, ...], field("scores, tests and verdict per image, codec and measurement")]
    statements: Annotated[tuple[StatementRow, ...], field("what is said over images: three statements per codec and measurement")] = ()
    decision: Annotated[DecisionRow | None, field("the plan's decision rule: how often it errs, and its verdicts")] = None
    tukey: Annotated[tuple[TukeyRow, ...], field("Tukey's test per image and measurement; beyond 12 codecs against raw only")] = ()
    undefined: Annotated[tuple[UndefinedRow, ...], field("numbers without a value, and why")] = ()
    predictions_sha256: Annotated[str | None, field("SHA-256 over the predictions in result.nc")] = None
    objects: Annotated[ObjectsRow | None, field("objects one by one, where they were asked for")] = None
    sweep: Annotated[SweepRow | None, field("of a sweep: its curves")] = None
    search: Annotated[SearchRow | None, field("of a search's last record: what was tried and chosen")] = None
    digest: Annotated[str, field("SHA-256 over everything but times, paths and hardware")]

    @property
    def units(self) -> dict[str, str]:
        """The unit of each measurement."""
        return {row.name: row.unit for row in self.measurements}
