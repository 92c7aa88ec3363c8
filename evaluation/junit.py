"""Verdicts as JUnit XML, which CI systems show as tests."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from onestep.evaluation.results import Verdict

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) forbids even when it is escaped."""


def junit_xml(verdicts: Sequence[Verdict]) -> str:
    """Return a JUnit document: one test case for each verdict, the row as its class, a failure for what did not pass.

    A threshold whose figure was not measured is a failure too.
    """
    failures = sum(not verdict.passed for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "onestep evaluate", **counts})
    for verdict in verdicts:
        _add_case(suite, verdict)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ElementTree.Element, verdict: Verdict) -> None:
    name = _clean(f"{verdict.kpi} {verdict.condition}")
    case = ElementTree.SubElement(suite, "testcase", {"classname": _clean(verdict.row), "name": name})
    if not verdict.passed:
        value = "not measured" if verdict.value is None else f"{verdict.value:.6g}"
        message = _clean(verdict.reason or f"got {value}")
        failure = ElementTree.SubElement(case, "failure", {"message": message, "type": "threshold"})
        failure.text = _clean(f"{verdict.row}: {verdict.kpi} is {value}, agreed was {verdict.condition}. {message}")


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
