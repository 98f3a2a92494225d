"""Turn to units: what a text names, when it says things happened, what it states."""
