"""A JMH result in JSON as a Markdown table: jmh_table.py FILE."""

import json
import sys

rows = json.load(open(sys.argv[1]))
print("| benchmark | parameters | µs an operation | error (99.9 %) |")
print("| --- | --- | ---: | ---: |")
for row in rows:
    name = ".".join(row["benchmark"].split(".")[-2:])
    # each benchmark class has its own parameters; JMH lists those that were set for all
    parameters = ", ".join(f"{k} {v}" for k, v in sorted(row.get("params", {}).items()))
    metric = row["primaryMetric"]
    error = metric["scoreError"]
    print(f"| {name} | {parameters} | {metric['score']:.1f} | {'' if error == 'NaN' else f'± {error:.1f}'} |")
