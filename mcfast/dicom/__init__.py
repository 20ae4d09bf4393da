"""DICOM in and out, one idea per file.

sniff       whether bytes begin a DICOM file
strict      pydicom without its silences and its warnings
parse       file or pydicom Dataset -> `Header` and the place of the pixels
header      the attributes, with strict typed access
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
