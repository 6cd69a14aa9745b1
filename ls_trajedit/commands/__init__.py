"""The commands, one module each: what the command line offers, and nothing that does the work."""
