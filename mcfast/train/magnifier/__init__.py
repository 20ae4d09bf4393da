"""FSRCNN, which magnifies twofold: pairs of crops, where they come from, training, model card."""
