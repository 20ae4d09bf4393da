"""The network that says of a patch of a mammogram whether it holds calcifications."""
