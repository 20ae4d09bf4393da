"""Views and view modifiers of mammography: their codes and acronyms (DICOM CID 4014 and 4015, in SNOMED CT and RT)."""

from __future__ import annotations

__all__ = ["MODIFIERS", "VIEWS", "VIEW_CODES"]

VIEW_CODES: dict[str, str] = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "399196006": "FB",  # caudo-cranial: from below
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "127457009": "SPECIMEN",
    "G-8310": "SPECIMEN",
}

VIEWS = frozenset([*VIEW_CODES.values(), "XCC", "AT", "CV", "RL", "RM", "TAN"])

MODIFIERS: dict[str, str] = {
    "399055006": "spot_compression",
    "R-102D7": "spot_compression",
    "399163009": "magnification",
    "R-102D6": "magnification",
    "399209000": "implant_displaced",
    "R-102D5": "implant_displaced",
    "399197002": "rolled",
    "R-102D3": "rolled",
    "399226006": "rolled",
    "R-102D4": "rolled",
    "414493004": "rolled",
    "R-102CA": "rolled",
    "415670009": "rolled",
    "R-102C9": "rolled",
    "399110001": "tangential",
    "R-102C2": "tangential",
    "399161006": "cleavage",
    "R-102D2": "cleavage",
    "399011000": "axillary_tail",
    "R-102D1": "axillary_tail",
    "441752004": "anterior_compression",
    "P2-00161": "anterior_compression",
    "442593008": "infra_mammary_fold",
    "R-40ABE": "infra_mammary_fold",
}
