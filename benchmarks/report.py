"""Puts what comes on standard input into a document, between the markers of a section: report.py SECTION FILE."""

import sys
from pathlib import Path

section, path = sys.argv[1], Path(sys.argv[2])
begin, end = f"<!-- {section}: begin, written by benchmarks/run.sh -->", f"<!-- {section}: end -->"
text = path.read_text()
if begin not in text or end not in text:
    sys.exit(f"{path} has no section '{section}'; expected the lines {begin} and {end}.")
table = sys.stdin.read().strip()
if not table:
    sys.exit(f"There is nothing to write into section '{section}'.")
head, rest = text.split(begin, 1)
path.write_text(f"{head}{begin}\n\n{table}\n\n{end}{rest.split(end, 1)[1]}")
