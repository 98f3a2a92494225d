"""What the model gets to see of what was recalled: order, counts, notes, stand-ins."""
