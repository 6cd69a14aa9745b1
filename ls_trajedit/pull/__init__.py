"""A pull: the tasks of a project into the state, and the state into the output files."""
