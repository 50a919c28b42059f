"""Floor 2: pure functions over columns, from calls to verdicts."""

from iotrace.analysis.model import Analysis
from iotrace.analysis.pipeline import analyse
from iotrace.analysis.report import report_json

__all__ = ["Analysis", "analyse", "report_json"]
