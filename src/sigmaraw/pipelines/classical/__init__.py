"""Classical segmentations by name, each in a file: thresholds, backgrounds and splits, by scikit-image."""
