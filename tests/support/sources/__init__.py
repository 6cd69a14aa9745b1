"""For each module of readers, Hypothesis strategies of the sources that they read: `SOURCES` by the format's name."""
