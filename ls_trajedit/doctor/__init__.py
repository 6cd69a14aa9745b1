"""What is wrong with a project, its Label Studio and its backend, and what to do about it."""
