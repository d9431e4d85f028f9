"""Agreement of a segmentation with a reference: overlap, distances of borders, classes, and objects. One file each."""

from sigmaraw.metrics.masks.accuracy import Accuracy
from sigmaraw.metrics.masks.assd import AverageSurfaceDistance
from sigmaraw.metrics.masks.average_hausdorff import AverageHausdorff
from sigmaraw.metrics.masks.average_precision import AveragePrecision
from sigmaraw.metrics.masks.boundary_f1 import BoundaryF1
from sigmaraw.metrics.masks.boxes import BoxesMatched, BoxesTouched
from sigmaraw.metrics.masks.dice import Dice
from sigmaraw.metrics.masks.generalised_dice import GeneralisedDice
from sigmaraw.metrics.masks.hausdorff import Hausdorff
from sigmaraw.metrics.masks.hd95 import Hausdorff95
from sigmaraw.metrics.masks.jaccard import Jaccard
from sigmaraw.metrics.masks.nsd import SurfaceDice
from sigmaraw.metrics.masks.panoptic import PanopticQuality
from sigmaraw.metrics.masks.policy import BOTH_EMPTY, ONE_EMPTY, MeanAgreement, mean_agreement
from sigmaraw.metrics.masks.precision import Precision
from sigmaraw.metrics.masks.recall import Recall
from sigmaraw.metrics.masks.specificity import Specificity

__all__ = [
    "BOTH_EMPTY",
    "ONE_EMPTY",
    "Accuracy",
    "AverageHausdorff",
    "AveragePrecision",
    "AverageSurfaceDistance",
    "BoundaryF1",
    "BoxesMatched",
    "BoxesTouched",
    "Dice",
    "GeneralisedDice",
    "Hausdorff",
    "Hausdorff95",
    "Jaccard",
    "MeanAgreement",
    "PanopticQuality",
    "Precision",
    "Recall",
    "Specificity",
    "SurfaceDice",
    "mean_agreement",
]
