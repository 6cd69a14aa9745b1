"""The whole loop on this machine, against a Label Studio that it starts."""
