"""What is written about a result: JSON, pictures to look at, and DICOM."""

from mcfast.report.write import OUTPUTS, PICTURES, write_result

__all__ = ["OUTPUTS", "PICTURES", "write_result"]
