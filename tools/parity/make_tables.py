"""Makes Tests/Fixtures/tables.json: tables in the dialects that programs write, with the column that Python's `csv` reads from them.

    python3 tools/parity/make_tables.py

[{"text": the file, "column": the name, "separator": what is between fields, "values": what the column holds}, …]

Fields hold separators, quotes and line breaks. The values are what csv.reader, told the separator, gives for the text; blank ones are left out, as
sentences are.
"""

import csv
import io
import json
import random

from fixtures import FIXTURES

random.seed(7)
PIECES = ["plain words", "a, comma", "a; semicolon", "a\ttab", 'a "quote"', "two\nlines", "ünïcödé 日本", "", "1,5", "end."]
cases = []
for separator in ",;\t":
    for terminator in "\n", "\r\n":
        for quoting in csv.QUOTE_MINIMAL, csv.QUOTE_ALL:
            for mark in "", "\ufeff":
                header = ["id", "comment", "label"]
                rows = [[str(row), " ".join(random.sample(PIECES, 2)).strip(), random.choice("01")] for row in range(8)]
                text = io.StringIO()
                writer = csv.writer(text, delimiter=separator, lineterminator=terminator, quoting=quoting)
                writer.writerows([header] + rows)
                read = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator))
                values = [row[read[0].index("comment")] for row in read[1:]]
                cases.append({
                    "text": mark + text.getvalue(), "column": "comment", "separator": separator,
                    "values": [value for value in values if value.strip()],
                })
(FIXTURES / "tables.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
print(len(cases), "tables")
