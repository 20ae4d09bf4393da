"""What is written about a result: JSON, and pictures to look at."""

from mcfast.report.write import OUTPUTS, write_result

__all__ = ["OUTPUTS", "write_result"]
