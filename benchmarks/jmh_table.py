"""A JMH result in JSON as a Markdown table: jmh_table.py FILE."""

import json
import sys

rows = json.load(open(sys.argv[1]))
print("| benchmark | parameters | median of the iterations, µs | fastest | slowest |")
print("| --- | --- | ---: | ---: | ---: |")
for row in rows:
    name = ".".join(row["benchmark"].split(".")[-2:])
    # each benchmark class has its own parameters; JMH lists those that were set for all
    parameters = ", ".join(f"{k} {v}" for k, v in sorted(row.get("params", {}).items()))
    iterations = row["primaryMetric"]["scorePercentiles"]
    median, fastest, slowest = (iterations[p] for p in ("50.0", "0.0", "100.0"))
    print(f"| {name} | {parameters} | {median:.1f} | {fastest:.1f} | {slowest:.1f} |")
