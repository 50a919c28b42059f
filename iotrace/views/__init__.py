"""What a person sees on a terminal: rich renderables that never print, and a console to print them on."""

from iotrace.views.comparison import comparison
from iotrace.views.console import console
from iotrace.views.report import report
from iotrace.views.show import show
from iotrace.views.summary import summary

__all__ = ["comparison", "console", "report", "show", "summary"]
