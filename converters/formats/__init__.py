"""From records to the rows of training files, one module for each family of formats."""
