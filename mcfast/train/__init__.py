"""Training of the networks that ship with mcfast, on phantoms only. Needs the `train` extra (torch, onnx)."""
