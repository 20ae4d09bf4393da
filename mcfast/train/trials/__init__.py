"""Networks that are trained only to be compared: on other inputs, or without one ingredient of the training."""
