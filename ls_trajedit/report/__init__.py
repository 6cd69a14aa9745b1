"""The report: one HTML page that says what was corrected, made from an output folder."""
