"""Makes Tests/Fixtures/jinja.json: what jinja2 makes of small templates, in the environment of chat templates.

    .venv/bin/python tools/parity/make_jinja.py

{"variables": {…}, "cases": [{"template": …, "text": …}]}, with "raises": message in place of the text where raise_exception was called, and
"fails": true where jinja2 fails otherwise. Each case is one part of the language that public templates use, or a corner of it.
"""

import json
import os
from pathlib import Path

os.environ["TZ"] = "UTC"

import transformers.utils.chat_template_utils as utils

from make_chat import NoonOfTheFixtures, render

VARIABLES = {
    "x": 7, "y": -3, "f": 2.5, "s": "Hello World", "e": "", "u": "naïve café 日本語 😀", "n": None, "t": True, "no": False,
    "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"b": 1, "A": 2, "c": [1, {"k": "v"}]}, "q": "it's \"q\"\n\t\\é",
    "m": [{"role": "user", "content": "hi", "n": 2}, {"role": "tool", "content": "r", "n": 1}, {"role": "user", "content": None, "n": 3}],
    "big": 12345678901234567, "items": [["a", 1], ["b", 2]], "html": "<a href='x'>&</a>",
}

TEMPLATES = r"""
{{ x + y }} {{ x - y }} {{ x * y }} {{ x / 2 }} {{ x // 2 }} {{ y // 2 }} {{ x % 3 }} {{ y % 3 }} {{ x ** 2 }} {{ 2 ** -1 }}
{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ (-2) ** 2 }} {{ -x|abs }} {{ +x }} {{ 7 // -2 }} {{ -7 % -2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1 / 3 }}
{{ x ~ y ~ "a" ~ none ~ true ~ 1.0 }} {{ "a" ~ 1 + 2 }} {{ 1 + 2 ~ "b" }} {{ "a" * 3 }} {{ [1] * 2 }} {{ 2 * "ab" }} {{ "a" "b" 'c' }}
{{ 1e16 }} {{ 1e15 }} {{ 1.5e-5 }} {{ 0.0001 }} {{ 100000000000000000.0 }} {{ 3.0 }} {{ 1e100 }} {{ 0.1 + 0.2 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 5.0 // 2 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ "a" < "b" }} {{ [1,2] < [1,3] }} {{ x != y }} {{ not x == 7 }} {{ 2 >= 2 > 1 }}
{{ 1 in l }} {{ 9 not in l }} {{ "ell" in s }} {{ "b" in d }} {{ "zz" in d }} {{ 1 in (1, 2) }} {{ "" in s }} {{ none in [none] }} {{ not 1 in l }}
{{ x and y }} {{ e or "default" }} {{ n and 1 }} {{ not e }} {{ t and not no }} {{ 0 or [] or "z" }} {{ 1 if t }} {{ 1 if no }} {{ 1 if no else 2 if no else 3 }}
{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-5:] }} {{ s[:-1] }} {{ l[1:] }} {{ l[::-1] }} {{ l[10:] }} {{ u[3:8] }} {{ l[-100:2] }} {{ l[5:0:-2] }}
{{ d.b }} {{ d["A"] }} {{ d.c[1].k }} {{ d.zz }}|{{ d["zz"] }}|{{ l[9] }}|{{ l.zz }}|{{ s.zz }}|{{ n.zz }}|{{ x.zz }}
{{ zz }}|{{ zz|length }}|{{ zz|default("q") }}|{{ zz is defined }}|{{ zz|list }}|{{ zz|upper }}|{{ zz|string }}|{{ zz|join }}|{{ zz == zz }}|{{ zz|first }}
{{ zz.a }}
{{ zz + 1 }}
{{ zz() }}
{{ n + "a" }}
{{ "a" + 1 }}
{{ l[zz] }}|{{ zz is string }}|{{ zz is iterable }}|{{ zz is sequence }}|{{ zz is mapping }}|{{ 1 in zz }}
{{ d.items }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d.keys()|list }} {{ d.items()|list|length }} {{ d.get("b") }} {{ d.get("q") }} {{ d.get("q", 5) }} {{ d.copy() }}
{{ l.append(1) }}
{{ l.append }}|{{ d.update is defined }}|{{ l.pop is callable }}
{{ d.pop("b") }}
{{ l.index(2) }} {{ l.count(1) }} {{ s.count("l") }} {{ s.index("W") }} {{ s.find("zz") }} {{ s.rfind("l") }} {{ s.find("o", 5) }}
{{ l }} {{ w }} {{ d }} {{ (1,) }} {{ (1, "a") }} {{ () }} {{ [] }} {{ {} }} {{ q }} {{ [q] }} {{ [u] }} {{ ["\x00\u200b\x7f\u00ad"] }} {{ [none, true, 1.5] }} {{ {1: 2, "a": (3,)} }}
{{ d|tojson }} {{ u|tojson }} {{ q|tojson }} {{ [1.0, none, true, 1e20]|tojson }} {{ {}|tojson }} {{ []|tojson }} {{ "\x00\x1f\x7f"|tojson }} {{ html|tojson }}
{{ d|tojson(indent=2) }} {{ d|tojson(indent=0) }} {{ [[], {}]|tojson(indent=4) }} {{ d|tojson(separators=(",", ":")) }} {{ d|tojson(sort_keys=true) }} {{ u|tojson(ensure_ascii=true) }} {{ [1]|tojson(indent="--") }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}
{{ zz|tojson }}
{{ d.items()|tojson }}
{{ s|upper }} {{ s|lower }} {{ "hELLO wORLD-foo (bar)"|title }} {{ "hELLO"|capitalize }} {{ "straße ﬁ"|upper }} {{ "  a b "|trim }}| {{ "xxaxx"|trim("x") }} {{ "ÀÉ"|lower }} {{ "o'neil's ǆ"|title }} {{ "hELLO wORLD o'neil"|string }}
{{ "o'neil x1y ABC"|title }} {{ "o'neil x1y ABC".title() }} {{ "aBC".swapcase() }} {{ "aBC dEF".capitalize() }} {{ "ABC".casefold() }}
{{ l|sort }} {{ w|sort }} {{ w|sort(case_sensitive=true) }} {{ l|sort(reverse=true) }} {{ m|sort(attribute="n")|map(attribute="n")|list }} {{ w|unique|list }} {{ w|unique(case_sensitive=true)|list }} {{ l|reverse|list }} {{ s|reverse }}
{{ l|sum }} {{ m|sum(attribute="n") }} {{ l|min }} {{ l|max }} {{ w|min }} {{ w|max }} {{ []|min }}| {{ l|first }} {{ l|last }} {{ []|first }}| {{ [1,[2,3]]|length }} {{ l|count }} {{ d|length }} {{ u|length }}
{{ m|map(attribute="role")|join(", ") }} {{ m|map(attribute="zz", default="-")|join }} {{ w|map("upper")|list }} {{ l|map("string")|join("-") }} {{ w|join }} {{ m|join(",", attribute="n") }} {{ [1,"a",none]|join("|") }} {{ ["a b", "c"]|map("replace", " ", "_")|list }} {{ s|join(".") }}
{{ l|select("odd")|list }} {{ l|select("greaterthan", 1)|list }} {{ l|reject("odd")|list }} {{ [0,1,"",none]|select|list }} {{ m|selectattr("content")|list|length }} {{ m|selectattr("role", "equalto", "user")|map(attribute="n")|list }} {{ m|rejectattr("role", "eq", "user")|list }} {{ m|selectattr("content", "none")|list|length }} {{ m|selectattr("role", "in", ["tool"])|list|length }} {{ m|selectattr("zz", "defined")|list }}
{{ d|dictsort }} {{ d|dictsort(reverse=true) }} {{ d|dictsort(case_sensitive=true) }} {{ {"a": 2, "b": 1}|dictsort(by="value") }} {{ d|items|list }} {{ d|list }} {{ s|list }} {{ range(3)|list }} {{ range(5, 0, -2)|list }} {{ range(2, 4)|length }}
{{ "a-b-c"|replace("-", "+") }} {{ "aaa"|replace("a", "b", 2) }} {{ "ab"|replace("", "-") }} {{ "a-b".replace("-", "") }} {{ "aaa".replace("a", "b", 1) }} {{ 123|replace("2", "x") }}
{{ "12"|int }} {{ " 12 "|int }} {{ "1.9"|int }} {{ "x"|int }} {{ "x"|int(5) }} {{ 2.9|int }} {{ -2.9|int }} {{ none|int }} {{ true|int }} {{ "1_000"|int }} {{ "1.5"|float }} {{ "x"|float }} {{ "x"|float(1.5) }} {{ 3|float }} {{ "1e3"|float }} {{ "nan"|float }} {{ "-7"|int }} {{ ""|int }} {{ "1e3"|int }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 1234.5678|round(2) }} {{ 2.1|round(0, "ceil") }} {{ 2.9|round(method="floor") }} {{ 5|round }} {{ -3|abs }} {{ -3.5|abs }} {{ 1.15|round(1) }}
{{ "a\nb\n\nc"|indent }} {{ "a\nb"|indent(2) }} {{ "a\nb"|indent(2, true) }} {{ "a\n\nb"|indent(2, blank=true) }} {{ "a\nb\n"|indent(">") }} {{ ""|indent }}|{{ "a\r\nb\x0bc"|indent(1) }}
{{ "%s and %d: %.2f %5s|%-5s|%05d %x %r %%"|format("a", 3, 1.5, "b", "c", 42, 255, "q") }} {{ "%s" % "x" }} {{ "%s-%s" % ("a", 1) }} {{ "%d%%" % 50 }} {{ "%s" % none }} {{ "{} {}".format("a", 1) }} {{ "{0}{1}{0}".format("a", "b") }} {{ "{k}".format(k=2) }} {{ "{{}}".format() }}
{{ "%s %s" % "x" }}
{{ html|e }} {{ html|escape|e }} {{ html|safe }} {{ html|e|length }} {{ (html|e) ~ "<" }} {{ html|e|string }} {{ "a"|safe|trim }}
{{ " a,b , c".split(",") }} {{ "a b  c ".split() }} {{ "a,b,c".split(",", 1) }} {{ "a,b,c".rsplit(",", 1) }} {{ " a b  c ".split(none, 1) }} {{ " a b  c ".rsplit(none, 1) }} {{ "".split() }} {{ "".split(",") }} {{ "a</think>b</think>c".split("</think>")[-1] }} {{ "abc".split("bc") }} {{ "a\nb\r\nc\n".splitlines() }} {{ "a\nb".splitlines(true) }} {{ "a=b=c".partition("=") }} {{ "a=b=c".rpartition("=") }} {{ "abc".partition("=") }}
{{ "".split("") }}
{{ "  x ".strip() }}|{{ "  x ".lstrip() }}|{{ "  x ".rstrip() }}|{{ "\n\nx\n".strip("\n") }}|{{ "xyax".strip("xy") }}|{{ "\x1c\u00a0x\u3000".strip() }}|{{ "aab".lstrip("a") }}|{{ "prefix-x".removeprefix("prefix-") }}|{{ "x.py".removesuffix(".py") }}
{{ s.startswith("Hell") }} {{ s.endswith("d") }} {{ s.startswith(("X", "H")) }} {{ s.startswith("W", 6) }} {{ s.endswith("o", 0, 5) }} {{ "".startswith("") }} {{ "abc".upper().lower() }} {{ "a".join(["x", "y"]) }} {{ ", ".join(w) }} {{ "7".zfill(3) }} {{ "-7".zfill(4) }} {{ "a".center(4, "*") }} {{ "ab".center(5) }}| {{ "a".ljust(3) }}| {{ "a".rjust(3, ".") }} {{ "a\tb".expandtabs(4) }}
{{ "12".isdigit() }} {{ "1a".isalnum() }} {{ "ab".isalpha() }} {{ "".isalpha() }} {{ "AB".isupper() }} {{ "ab1".islower() }} {{ " \t".isspace() }} {{ "½".isnumeric() }} {{ "²".isdigit() }} {{ "²".isdecimal() }} {{ "é".isascii() }}
{{ ",".join([1, 2]) }}
{{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is number }} {{ true is number }} {{ "a" is string }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ l is iterable }} {{ 1 is iterable }} {{ d.items() is sequence }} {{ n is none }} {{ x is not none }} {{ t is true }} {{ 1 is true }} {{ no is false }} {{ t is boolean }} {{ range is callable }} {{ (l|map("string")) is iterable }} {{ (l|map("string")) is sequence }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is ne(2) }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is in [1] }} {{ 3 is not in [1] }} {{ "a" is lower }} {{ "A" is upper }} {{ "aB" is lower }} {{ 1 is sameas true }} {{ none is sameas none }} {{ "x" is equalto "x" }} {{ "upper" is filter }} {{ "even" is test }} {{ zz is undefined }} {{ d.b is defined and d.b == 1 }} {{ x is number and x > 5 }}
{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {{ loop.depth }}{{ loop.cycle("a", "b") }} {% endfor %}
{% for i in l %}{% if loop.previtem is defined and loop.previtem > i %}v{% else %}^{% endif %}{% endfor %}
{% for i in [] %}x{% else %}none{% endfor %} {% for i in l if i > 5 %}x{% else %}no{% endfor %} {% for i in l if i > 1 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% endfor %}
{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% else %}e{% endfor %} {% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% else %}e{% endfor %} {% for i in l %}{% break %}{% else %}e{% endfor %} {% for i in l %}{% continue %}{% else %}e{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for a, b in items %}{{ a }}{{ b }}{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for c in "añ" %}[{{ c }}]{% endfor %} {% for (a, b) in [[1, 2]] %}{{ a + b }}{% endfor %}
{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{{ loop.index }}{% endfor %}
{% for i in l %}{{ loop.changed(i > 1) }} {% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{% for i in x %}{% endfor %}
{% for i in n %}{% endfor %}
{% set a = 1 %}{% for i in l %}{% set a = a + i %}{{ a }} {% endfor %}{{ a }}
{% set ns = namespace(a=0, b="x") %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|{{ ns.c is defined }}{% set ns = namespace({"z": 1}) %}{{ ns.z }}
{% set x.a = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set (p, q) = [3, 4] %}{{ p }}{{ q }} {% set t3 = 1, 2 %}{{ t3 }}
{% set a, b = [1, 2, 3] %}
{% set c %}  hi {{ x }}{% endset %}[{{ c }}] {% set c | trim | upper %}  hi {{ x }}{% endset %}[{{ c }}]
{% if no %}{% set tt = 1 %}{% endif %}{{ tt }}|{{ tt is defined }}|{% if t %}{% set tt = 2 %}{% endif %}{{ tt }}
{% if no %}{% set x = 1 %}{% endif %}{{ x }} {% if t %}{% set x = 8 %}{% else %}{% set x = 9 %}{% endif %}{{ x }}
{% for i in [1, 2] %}{% if i == 2 %}{% set x = 5 %}{% endif %}{{ x }}{% endfor %}{{ x }}
{% for i in [1, 2] %}{{ s }}{% endfor %}{% set s = 1 %}{{ s }}
{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }} {% endfor %}{{ x }}
{% for i in [1, 2] %}{% for j in [1] %}{{ x }}|{% endfor %}{% set x = i %}{% endfor %}
{% if x > 5 %}a{% elif x > 3 %}b{% else %}c{% endif %} {% if no %}a{% elif x == 7 %}b{% else %}c{% endif %} {% if no %}a{% elif no %}b{% else %}c{% endif %} {% if x, y %}tuple{% endif %}
{% macro f(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c=4) }}{{ f(b=5, a=6) }}{{ f() }}{{ f.name }}{{ f.arguments }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, z=2) }}
{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, z=3) }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro g() %}[{{ caller() }}]{% endmacro %}{% call g() %}in {{ x }}{% endcall %} {% macro h() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) h() %}{{ a }}+{{ b }}{% endcall %}
{% macro g() %}{{ caller is defined }}{% endmacro %}{{ g() }}
{% set v = 1 %}{% macro f() %}{{ v }}{% endmacro %}{{ f() }}{% set v = 2 %}{{ f() }}{% for i in [1] %}{% set v = 3 %}{{ f() }}{% endfor %}
{% macro f() %}{{ later }}{% endmacro %}{{ f() }}|{% set later = 5 %}{{ f() }}
{% macro f(x) %}{% set x = x + 1 %}{{ x }}{% endmacro %}{{ f(1) }}{{ x }}
{% macro f(l) %}{% for i in l %}{{ i }}{% endfor %}{% endmacro %}{{ f([1, 2])|upper }}{{ f(*[[3]]) }}{{ f(**{"l": [4]}) }}
{% with a = 1, b = x %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a }} {% with %}{% set zz = 1 %}{% endwith %}{{ zz }}
{% filter upper %}abc {{ s }}{% endfilter %} {% filter replace("a", "b")|upper %}abc{% endfilter %}
{% generation %}out {{ x }}{% set inner = 1 %}{% endgeneration %}{{ inner }}
{% raw %}{{ not }} {% if %}{% endraw %} {%- raw -%}  x  {%- endraw -%}  y
{% print x, s %} {% set j = joiner("|") %}{% for i in l %}{{ j() }}{{ i }}{% endfor %} {% set c = cycler("a", "b") %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}
{{ dict(a=1, b=2) }} {{ dict({"q": 1}, a=2) }} {{ dict([["a", 1]]) }} {{ {"a": 1, "a": 2} }} {{ {"a": 1}["a"] }} {{ {1: "x"}[1.0] }} {{ {"b": 2}.b }} {{ {"items": 3}["items"] }} {{ {"x": 1} == {"x": 1.0} }}
{{ raise_exception("no: " ~ x) }}
{{ strftime_now("%d %b %Y, %A %j") }} {{ strftime_now("%Y-%m-%d") }} {{ strftime_now("%B %d, %y") }}
{{ "a\tb\x41\u00e9\U0001F600\101\n\\\"\'\q" }} {{ 'a\
b' }} {{ "\é" }}
{# comment #}a{#- c -#}  b  {# x #}
a {%- if t -%}  b  {%- endif -%}  c {{- x -}}  d
a {%+ if t +%}  b  {% endif +%}  c {{+ x }} d
{{ 1 }}{{ [1, 2,] }}{{ (1, 2,) }}{{ {"a": 1,} }} {{ f(1,) if f is callable else "nf" }} {{ l.0 }} {{ items.1.0 }} {{ "a" if t else zz.a.b }}
{{ "%.3f" % f }} {{ f|string ~ x|string }} {{ x|string|length }} {{ "abc"|first }} {{ "abc"|last }} {{ d|first }} {{ l|batch(2)|list }} {{ l|batch(2, 0)|list }} {{ "a b c"|wordcount }} {{ "ab"|center(6) }}| {{ d|attr("b") }}| {{ [3,1]|sort|first }} {{ s|default("x") }} {{ e|default("x", true) }} {{ e|d("y") }}|
{{ m|map(attribute="role")|unique|list }} {{ m[0].content|trim }} {{ (m|last).n }} {{ m[-1]["n"] }} {{ m|length - 1 }} {{ m|selectattr("role", "equalto", "user")|list|last }} {{ m|map(attribute="content")|select("string")|list }} {{ (m|selectattr("n", "gt", 1)|first).role }}
{% set g = l|map("string") %}{{ g|list }}{{ g|list }} {% set it = d|items %}{% for k, v in it %}{{ k }}{% endfor %}{% for k, v in it %}{{ k }}{% endfor %}
{{ foo.bar.baz }}
{{ x is zzz }}
{{ x|zzz }}
{% foo %}
{{ x
{% if x %}
{{ }}
{{ x y }}
{% for x %}{% endfor %}
{% endif %}
{{ (1, 2 }}
{{ "abc }}
{{ f(a=1, 2) }}
{% set 1 = 2 %}
{% set true = 1 %}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ [1, 2] + (3,) }}
{{ [1] + [2] }} {{ (1,) + (2,) }} {{ {} + {} }}
{{ {[]: 1} }}
{{ range(200000) }}
{{ l|join(d=none) }} {{ l|sort(attribute="a") }}
{{ w|map("zzz")|list }}
{{ 5 is divisibleby zz }}
{{ "a" < 1 }}
{{ none < 1 }}
{{ [1, "a"]|sort }}
{{ l|first.x }}
{{ -"a" }}
{{ not zz }} {{ zz or "b" }} {{ zz ~ "x" }} {{ [zz] }} {{ zz is none }} {{ zz != 1 }} {{ (zz, 1)|length }} {{ {"a": zz} }} {{ zz|default }}| {{ zz|trim }}| {{ zz|replace("a", "b") }}| {{ zz|e }}|
{{ loop }}|{{ loop is defined }} {% for i in [1] %}{% if loop.last and not loop.nextitem %}{{ loop.nextitem is defined }}{% endif %}{% endfor %}
{{ u.upper() }} {{ u|title }} {{ u.split() }} {{ u|list|length }} {{ "ΑΣ".lower() }} {{ "ΑΣ Β"|lower }} {{ "ŉ"|upper }} {{ "İ"|lower|length }}
{{ big * 10 }} {{ big // 3 }} {{ big % 10 }} {{ -big }} {{ 9007199254740993 + 0 }}
"""

MULTILINE = [
    "a\n{% if t %}\n  b\n{% endif %}\nc\n", "  {% if t %}x{% endif %}  \n", "{% for i in l %}\n  {{ i }}\n{% endfor %}\n\n",
    "a\n   {#- c #}\nb\n  {# d #}\ne", "{{ x }}\n{{ y }}\n\n", "a\r\nb\rc\n", "\n\n{%- if t %}\n\nx\n{%- endif %}\n", "  {{ x }}\n  {% set a = 1 %}  \n{{ a }}",
    "{% if t -%}\n\n  x\n\n{%- endif +%}\n y", "\t{%+ if t %}x{% endif %}", "{% macro f() %}\n  a\n{% endmacro %}\n{{ f() }}{{- f() }}",
    "{{\n x\n + \n y\n}}", "{%\n if t\n%}a{%\nendif\n%}", "{% raw %}\n {{ x }}\n{% endraw %}\nz", "  {% raw %} a {% endraw %}  b", "",
    "{% set z %}\na\n{% endset %}\n[{{ z }}]", "a {#+ c +#}\n b", "x{% if t %}\n\ny{% endif %}\n\n\nz\n\n", "{{ 'a' }}\n", "\n", " ",
    "{%- set z = 1 -%}\n  {{ z }}  \n{%- set z = 2 %}\n{{ z }}", "{% if t %}   {% endif %}|", "a  {%- set z = 1 %}  b", "{{ x -}} \n a {{- x }}",
]


def main() -> None:
    utils.datetime = NoonOfTheFixtures
    lines, pending = [], ""
    for line in TEMPLATES.strip("\n").split("\n"):
        # A line that ends in a backslash goes on.
        pending += line
        if line.endswith("\\"):
            pending += "\n"
            continue
        lines.append(pending)
        pending = ""
    cases = [{"template": template, **render(template, VARIABLES)} for template in lines + MULTILINE]
    # What is written as an address in memory has no one text.
    cases = [case for case in cases if " at 0x" not in case.get("text", "")]
    path = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "jinja.json"
    path.write_text(json.dumps({"variables": VARIABLES, "cases": cases}, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(len(cases), "templates,", sum("fails" in case for case in cases), "failures")


if __name__ == "__main__":
    main()
