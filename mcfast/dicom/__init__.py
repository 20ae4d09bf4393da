"""DICOM in and out, one idea per file.

parse       file -> `Header` (bounds-checked, reads only what is needed)
dataset     pydicom Dataset -> `Header`
layout      how the stored pixels lie: rows, columns, bits, sign, frames
frames      where the bytes of one frame are
codestream  what a compressed frame says about itself
decode      transfer syntax -> decoder -> stored pixels
grayscale   modality, VOI and presentation steps as one lookup table
geometry    spacing, laterality, view
suitability what is refused, what is flagged
assemble    all of them -> `Mammogram`
write       pixels -> a Digital Mammography file (with iod: its attributes; encode: its pixels)
"""
