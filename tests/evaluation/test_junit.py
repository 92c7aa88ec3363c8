"""JUnit XML: what a CI system reads from the verdicts."""

import xml.etree.ElementTree as ElementTree

from onestep.evaluation.junit import junit_xml
from onestep.evaluation.results import Verdict

VERDICTS = [
    Verdict("edges_kept", ">= 0.75", "ours", 0.8, True, ""),
    Verdict("psnr", ">= 20", "ours", 18.25, False, "18.25 is below 20"),
    Verdict("dino", "<= 0.1", "theirs", None, False, "not measured: no weights"),
]


def test_one_case_for_each_verdict() -> None:
    root = ElementTree.fromstring(junit_xml(VERDICTS))
    cases = root.findall("./testsuite/testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("ours", "edges_kept >= 0.75"),
        ("ours", "psnr >= 20"),
        ("theirs", "dino <= 0.1"),
    ]
    assert [len(case.findall("failure")) for case in cases] == [0, 1, 1]


def test_counts_are_those_of_the_cases() -> None:
    root = ElementTree.fromstring(junit_xml(VERDICTS))
    for element in (root, root[0]):
        assert (element.get("tests"), element.get("failures"), element.get("errors")) == ("3", "2", "0")


def test_failure_says_what_was_got_and_what_was_agreed() -> None:
    failures = ElementTree.fromstring(junit_xml(VERDICTS)).findall(".//failure")
    assert failures[0].get("message") == "18.25 is below 20"
    assert failures[0].text == "ours: psnr is 18.25, agreed was >= 20. 18.25 is below 20"
    assert failures[1].text == "theirs: dino is not measured, agreed was <= 0.1. not measured: no weights"


def test_no_verdicts_is_an_empty_suite() -> None:
    root = ElementTree.fromstring(junit_xml([]))
    assert (root.get("tests"), len(root[0])) == ("0", 0)


def test_names_that_xml_cannot_hold_do_not_break_it() -> None:
    nasty = Verdict("<&\"'>\x00\x1b", "<= 1", "a\ud800&b", 2.0, False, "\x07")
    text = junit_xml([nasty])
    case = ElementTree.fromstring(text.encode("utf-8"))[0][0]
    assert case.get("name") == "<&\"'>\ufffd\ufffd <= 1"
    assert case.get("classname") == "a\ufffd&b"
