"""ls-trajedit: an editor for agent traces inside Label Studio, and training data from what was corrected."""

__version__ = "0.1.0"
