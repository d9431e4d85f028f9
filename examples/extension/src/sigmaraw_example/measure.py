"""A measure: how bright the brightest object is."""

from sigmaraw.contracts import Measure, Measurement


class Brightest(Measure):
    """Mean of the raw frame inside the brightest object; undefined where there is none."""

    name = "brightest"
    rows = (Measurement("brightest", "DN", "I_max", "mean of the raw frame inside the brightest object"),)

    def __call__(self, labelled):
        means = self.of_objects(labelled)["brightest"]
        return {"brightest": float(means.max()) if len(means) else float("nan")}

    def of_objects(self, labelled):
        return {"brightest": labelled.totals / labelled.sizes}
