"""Storage that is reached by an address, such as `s3://bucket/exports`."""
