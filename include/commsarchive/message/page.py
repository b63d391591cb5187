"""The frame of the HTML body: style, head, notices, and the tables that others filled.

Plain tables and one style block: Outlook renders mail with Word and knows little else. Nothing is
loaded from outside and nothing is active. All colours come in a light and a dark set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """\
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:28px 20px 40px;background:#fff;color:#1d2127;font:14px/1.5 'Segoe UI',-apple-system,\
Roboto,'Helvetica Neue',Arial,sans-serif}
.w{width:100%;max-width:860px;margin:0 auto}
h1{margin:0 0 14px;font-size:22px;line-height:1.25;font-weight:600;overflow-wrap:anywhere}
h2{margin:30px 0 8px;font-size:11px;font-weight:600;letter-spacing:.08em;text-transform:uppercase;color:#6b7480}
table{border-collapse:collapse}
th,td{padding:0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.a th{padding:1px 18px 1px 0;font-weight:400;color:#6b7480;white-space:nowrap}
.x{margin:16px 0 0;padding:9px 14px;background:#fff4d6;color:#6a4a00;border-left:4px solid #e0a100}
.p{width:100%}
.p td{padding:8px 16px 8px 0;border-top:1px solid #e6e9ed;font-size:13px;line-height:1.4}
.p s{text-decoration:none;color:#6b7480;font-size:12px}
td.external{color:#a4480b}
.c{width:100%}
.c th{width:68px;padding:3px 12px 2px 0;font-size:11px;line-height:20px;font-weight:400;color:#87909b;\
white-space:nowrap;font-variant-numeric:tabular-nums}
.c td{padding:2px 0;white-space:pre-wrap;unicode-bidi:plaintext}
.c .y{padding:22px 0 4px;font-size:12px;font-weight:600;color:#6b7480}
.c .h{padding:12px 0 0;color:#87909b;font-size:12px}
.h b{font-size:14px}
.c .s,.c .d{color:#6b7480;font-size:12px;line-height:20px}
.s b,.d b{font-weight:600}
.c .d{font-size:11px;line-height:16px;padding:4px 0}
.c .f{padding:8px 0 4px}
.c .m{padding:8px 0 2px}
i{font-style:normal;font-size:11px;color:#5a6472;background:#eef0f3;border-radius:3px;padding:1px 5px}
em{font-style:normal;font-weight:600;color:#b3261e}
.r{width:100%;font-size:12px;color:#6b7480}
.r td{padding:6px 0;border-top:1px solid #e6e9ed}
.r code{font:11px/1.45 Consolas,Menlo,monospace;white-space:pre-wrap}
summary{margin:30px 0 8px;font-size:12px;color:#6b7480;cursor:pointer}
"""
_LIGHT = ("#0b63c5", "#a3338b", "#1b7a43", "#b04a00", "#5b4bc4", "#00757f", "#b4233c", "#6b6200")
_DARK = ("#79b8ff", "#f09ae0", "#7ad69c", "#ffab70", "#b9acff", "#66d4de", "#ff9aa8", "#d9cf6b")
_NIGHT = """\
body{background:#17191c;color:#e4e7eb}
h2,.a th,.p s,.r,summary,.c .y,.c .s,.c .d{color:#9aa4b0}
.c th,.c .h{color:#828c98}
.p td,.r td{border-color:#2d3238}
.x{background:#3a2e0a;color:#ffdf8a}
i{background:#2b3036;color:#b4bdc8}
em{color:#ff8f86}
td.external{color:#ffab70}
"""
_NARROW = """\
body{padding:18px 14px 30px}
.p td{display:block;border:0;padding:0}
.p td:first-child{border-top:1px solid;border-color:inherit;padding-top:8px;margin-top:8px}
.c th{width:52px;padding-right:8px}
"""


def _names(colours: Sequence[str]) -> str:
    return "".join([f".n{number}{{color:{colour}}}" for number, colour in enumerate(colours)])


_HEAD = (
    "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
    "<meta name=viewport content='width=device-width,initial-scale=1'>\n"
    "<meta name=color-scheme content='light dark'>"
    "<meta name=supported-color-schemes content='light dark'>\n"
    f"<style>\n{_STYLE}{_names(_LIGHT)}\n"
    f"@media(prefers-color-scheme:dark){{\n{_NIGHT}{_names(_DARK)}}}\n"
    f"@media(max-width:560px){{\n{_NARROW}}}\n</style>\n"
)


def page(
    title: str,
    facts: Iterable[tuple[str, str]],
    notices: Iterable[str],
    participants: str,
    transcript: str,
    residue: str,
) -> str:
    """Put the page together; ``participants``, ``transcript`` and ``residue`` are rows of markup."""
    name = escape(title, quote=False)
    parts = [_HEAD, f"<title>{name}</title></head><body><div class=w>\n<h1>{name}</h1>\n<table class=a>"]
    parts += [
        f"\n<tr><th>{escape(label, quote=False)}</th><td>{escape(value, quote=False)}</td>"
        for label, value in facts
    ]
    parts.append("\n</table>")
    parts += [f"\n<div class=x>{escape(notice, quote=False)}</div>" for notice in notices]
    parts.append(f"\n<h2>Participants</h2>\n<table class=p>\n{participants}\n</table>")
    parts.append(f"\n<h2>Transcript</h2>\n<table class=c>\n{transcript}\n</table>")
    if residue:
        parts.append(
            "\n<details><summary>Also in the source</summary>\n"
            f"<table class=r>\n{residue}\n</table></details>"
        )
    parts.append("\n</div></body></html>\n")
    return "".join(parts)
