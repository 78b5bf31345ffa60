"""Figures out of a report: its charts are found and read, their numbers merged and held against rules.

    from gateway.client import AsyncQwenVLClient
    from gateway.reports import load_rules, read_report, write

    async with AsyncQwenVLClient() as client:
        report = await read_report("report.pdf", client, load_rules("rules.yaml"))
    write(report, "result.json")

A client of the gateway, as the SDK: it imports nothing of the server.
"""

from gateway.reports.errors import ReportError
from gateway.reports.output import write
from gateway.reports.pipeline import read_report
from gateway.reports.results import Failure, Figure, Flag, Point, Report, Series
from gateway.reports.rules import Rule, load_rules

__all__ = [
    "Failure",
    "Figure",
    "Flag",
    "Point",
    "Report",
    "ReportError",
    "Rule",
    "Series",
    "load_rules",
    "read_report",
    "write",
]
