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
evidence    what every report says of its image: identity, dates, UIDs that a second run gives again
measurements        findings as coded numbers with units
measurement_report  Comprehensive 3D SR, TID 1500
cad_report          Mammography CAD SR, TID 4000
pictures            Secondary Capture, Segmentation
derived     magnified regions as Digital Mammography files
write       pixels -> a Digital Mammography file (with iod: its attributes; encode: its pixels)
"""
