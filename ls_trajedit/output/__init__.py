"""The folder that the output files go to, and everything that is written into it."""
