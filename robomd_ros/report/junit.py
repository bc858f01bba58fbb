# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A comparison as JUnit XML, which continuous integration shows as tests."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from robomd_ros.core.evidence.comparison import Compared, Gap


def junit(cases: Sequence[tuple[str, Gap, str]]) -> str:
    """The document: WORSE is a failure, NOT COMPARABLE an error, UNDERPOWERED is skipped.

    Args:
        cases: name, judgement and sentence of each comparison.
    """
    suite = ElementTree.Element("testsuite", name="robomd compare", tests=str(len(cases)))
    kinds = {
        Compared.WORSE: "failure",
        Compared.NOT_COMPARABLE: "error",
        Compared.UNDERPOWERED: "skipped",
    }
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        count = sum(kinds.get(gap.verdict) == kind for _, gap, _ in cases)
        suite.set(attribute, str(count))
    for name, gap, sentence in cases:
        case = ElementTree.SubElement(suite, "testcase", classname="robomd.compare", name=name)
        if gap.verdict in kinds:
            ElementTree.SubElement(case, kinds[gap.verdict], message=sentence)
        ElementTree.SubElement(case, "system-out").text = sentence
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def write_junit(path: Path, cases: Sequence[tuple[str, Gap, str]]) -> None:
    """Write it; a folder that is not there is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(junit(cases), encoding="utf-8")
