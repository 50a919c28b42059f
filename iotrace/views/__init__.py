"""What a person sees on a terminal: rich renderables that never print, and a console to print them on."""

from iotrace.views.console import console
from iotrace.views.report import report
from iotrace.views.show import show
from iotrace.views.summary import summary

__all__ = ["console", "report", "show", "summary"]
