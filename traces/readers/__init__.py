"""The formats in which people have traces: one module for each family, told apart by the shape of what they see."""
