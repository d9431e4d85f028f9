"""The table of quantities: name, symbol, unit, definition, reference. netCDF attributes, report labels and docs read it.

Units are written as UDUNITS understands them, plus "DN" (digital number, one step of the camera's converter), "e-"
(electrons) and "px" (pixels). "1" is a pure number. References: EMVA 1288 release 4.0 section numbers; "formula" names the
project's own definitions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One row of the table."""

    name: str
    symbol: str
    unit: str
    definition: str
    reference: str

    def attributes(self) -> dict[str, str]:
        """Return the netCDF attributes of a variable that holds this quantity."""
        return {"units": self.unit, "long_name": self.definition, "symbol": self.symbol, "reference": self.reference}


_ROWS = (
    # camera, scalars
    Quantity("gain", "K", "DN/e-", "overall system gain", "EMVA 1288 r4.0, photon transfer"),
    Quantity("offset", "mu_y.dark", "DN", "mean dark level at the shortest exposure", "EMVA 1288 r4.0, linearity model"),
    Quantity("read_noise", "sigma_r", "e-", "temporal noise at zero exposure, rms over pixels", "EMVA 1288 r4.0, dark noise"),
    Quantity(
        "dark_noise", "sigma_d", "e-", "temporal dark noise at the shortest dark exposure, rms over pixels", "EMVA 1288 r4.0, dark noise"
    ),
    Quantity(
        "rician_sigma",
        "sigma_M",
        "DN",
        "standard deviation of the noise in either channel, real and imaginary, of a magnitude image",
        "Gudbjartsson and Patz 1995",
    ),
    Quantity("saturation", "mu_y.sat", "DN", "level at the maximum of the variance curve, offset included", "EMVA 1288 r4.0, saturation"),
    Quantity("dynamic_range", "DR", "1", "saturation over sensitivity threshold", "EMVA 1288 r4.0, derived measures"),
    Quantity("snr_max", "SNR_max", "1", "square root of the saturation capacity in electrons", "EMVA 1288 r4.0, derived measures"),
    Quantity(
        "sensitivity_threshold", "mu_e.min", "e-", "signal at which the signal-to-noise ratio is 1", "EMVA 1288 r4.0, derived measures"
    ),
    Quantity(
        "linearity_error",
        "LE",
        "%",
        "mean absolute deviation from the weighted straight line over 5 to 95 % of saturation",
        "EMVA 1288 r4.0, linearity",
    ),
    Quantity("dark_current", "mu_I", "e-/s", "slope of the dark level against exposure", "EMVA 1288 r4.0, dark current"),
    Quantity("dsnu", "DSNU", "e-", "spatial standard deviation of the dark level, temporal noise removed", "EMVA 1288 r4.0, nonuniformity"),
    Quantity(
        "prnu", "PRNU", "%", "spatial standard deviation of the photo response, temporal noise removed", "EMVA 1288 r4.0, nonuniformity"
    ),
    Quantity("dsnu_row", "DSNU_row", "e-", "DSNU of the rows", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("dsnu_column", "DSNU_col", "e-", "DSNU of the columns", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("dsnu_pixel", "DSNU_pix", "e-", "DSNU of the pixels, rows and columns taken out", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("prnu_row", "PRNU_row", "%", "PRNU of the rows", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("prnu_column", "PRNU_col", "%", "PRNU of the columns", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("prnu_pixel", "PRNU_pix", "%", "PRNU of the pixels, rows and columns taken out", "EMVA 1288 r4.0, nonuniformity"),
    Quantity("gain_unweighted", "K_0", "DN/e-", "system gain by the standard's unweighted fit", "EMVA 1288 r4.0, photon transfer"),
    Quantity(
        "dark_variance",
        "sigma2_y.dark",
        "DN2",
        "temporal variance of the shortest dark exposure, quantisation included",
        "EMVA 1288 r4.0, dark noise",
    ),
    Quantity(
        "dark_current_from_variance", "mu_I.var", "e-/s", "slope of the dark variance against exposure", "EMVA 1288 r4.0, dark current"
    ),
    Quantity("saturation_capacity", "mu_e.sat", "e-", "saturation above the offset in electrons", "EMVA 1288 r4.0, saturation"),
    Quantity("photon_transfer_chi2", "chi2/dof", "1", "reduced chi-square of the weighted photon-transfer fit", "formula 3"),
    Quantity("brighter_fatter", "a_00", "1/e-", "relative loss of variance per electron of signal, not positive", "formula 3"),
    Quantity("gain_break", "x_b", "DN", "signal above dark at which the gain changes", "formula 3"),
    Quantity("gain_above_break", "K_2", "DN/e-", "slope of variance against mean above the break", "formula 3"),
    Quantity("intercept_above_break", "c_2", "DN2", "that line at zero signal, dark variance apart", "formula 3"),
    # camera, maps and series
    Quantity("offset_map", "o", "DN", "temporal mean dark level of each pixel", "formula 3"),
    Quantity("read_noise_map", "sigma_r", "e-", "temporal dark noise of each pixel", "formula 3"),
    Quantity(
        "gain_map",
        "K",
        "DN/e-",
        "gain of each pixel, shrunk to the global gain where its standard error exceeds the nonuniformity",
        "formula 3",
    ),
    Quantity("defect_mask", "defect", "1", "1 where a pixel is unfit for use", "formula 3"),
    Quantity("pixel_class_map", "class", "1", "class of each pixel, by flag_values and flag_meanings", "formula 3"),
    Quantity("level_mean", "mu_y", "DN", "mean grey value of each level", "EMVA 1288 r4.0, photon transfer"),
    Quantity("level_variance", "sigma2_y", "DN2", "temporal variance of each level", "EMVA 1288 r4.0, photon transfer"),
    Quantity("level_model", "sigma2_y", "DN2", "variance of each fitted level by the chosen transfer model", "formula 3"),
    Quantity("level_exposure", "t_exp", "ms", "exposure time of each level", "EMVA 1288 r4.0, photon transfer"),
    Quantity("level_used", "used", "1", "1 where a level enters the photon-transfer fit", "formula 3"),
    # camera, what a datasheet draws of the fixed pattern
    *(
        Quantity(f"{name}_{part}", symbol, unit, f"{name.upper()}: {what}", "EMVA 1288 r4.0, nonuniformity")
        for name, of in (("dsnu", "e-"), ("prnu", "%"))
        for part, symbol, unit, what in (
            ("row_profile", "y(m)", of, "mean of each row"),
            ("column_profile", "y(n)", of, "mean of each column"),
            ("spectrum_x", "P(f_x)", of, "root mean power along rows, 0 to 1/2 per pixel"),
            ("spectrum_y", "P(f_y)", of, "root mean power along columns, 0 to 1/2 per pixel"),
            ("histogram", "H", "px", "pixels per bin"),
            ("histogram_edges", "y", of, "edges of the bins"),
        )
    ),
    # study
    Quantity("chi_raw", "chi_raw", "", "prediction on the raw image", "formula 1"),
    Quantity("chi_codec", "chi_c", "", "prediction on the decoded image", "formula 1"),
    Quantity("sigma_raw", "sigma_raw", "", "standard deviation of the prediction that raw noise alone causes", "formula 1"),
    Quantity("epsilon", "epsilon", "1", "standard score of the prediction on the decoded image", "formula 1"),
    Quantity("epsilon_hat", "epsilon_hat", "1", "mean paired shift over replicas, in sigma_raw", "formula 2.3"),
    Quantity("spread_ratio", "rho", "1", "spread of predictions after the codec over the raw spread", "formula 2.4"),
    Quantity("rms_d", "RMS(D)/sigma_raw", "1", "root mean square paired shift over replicas, in sigma_raw", "formula 2.5"),
    Quantity("compression_ratio", "CR", "1", "container bytes over all coded bytes, side data included", "formula 5"),
    Quantity("psnr_db", "PSNR", "dB", "peak signal-to-noise ratio against the stated range", "formula 5"),
    Quantity("max_error", "max|e|", "DN", "largest absolute error of a pixel", "formula 5"),
    Quantity("rz", "rz", "1", "root mean square error in units of the raw noise", "formula 5"),
    Quantity("bias", "bias", "DN", "mean error over pixels", "formula 5"),
    Quantity("noise_std_ratio", "rho_n", "1", "noise standard deviation after the codec over that before it", "formula 5"),
    Quantity("error_noise_correlation", "r_en", "1", "correlation of the coding error with the noise; negative is denoising", "formula 5"),
)

TABLE: dict[str, Quantity] = {row.name: row for row in _ROWS}


def attributes(name: str) -> dict[str, str]:
    """Return netCDF attributes for `name`; ``<name>_se`` is its standard error in the same unit.

    ``tap_<name>`` is the same quantity of each readout tap or colour plane.
    Raises KeyError for a name that is not in the table: an unlisted quantity is a programming error.
    """
    if name.startswith("tap_"):
        whole = attributes(name.removeprefix("tap_"))
        return {**whole, "long_name": f"{whole['long_name']}, of each tap"}
    if name not in TABLE and name.endswith("_se"):
        base = TABLE[name.removesuffix("_se")]
        return {
            "units": base.unit,
            "long_name": f"standard error of: {base.definition}",
            "symbol": f"u({base.symbol})",
            "reference": base.reference,
        }
    return TABLE[name].attributes()
