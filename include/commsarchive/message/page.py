"""The frame of the HTML body: style, head, notices, and the tables that others filled.

Plain tables and one style block: Outlook renders mail with Word and knows little else. Nothing is
loaded from outside and nothing is active. All colours come in a light and a dark set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """\
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:24px 20px 40px;background:#fff;color:#1d2127;
font:14px/20px 'Segoe UI',-apple-system,Roboto,'Helvetica Neue',Arial,sans-serif}
.w{max-width:860px;margin:0 auto}
.t{padding:18px 22px;background:#f4f6f8;border-radius:8px}
h1{margin:0 0 12px;font-size:21px;line-height:27px;font-weight:600;overflow-wrap:anywhere}
h2{margin:32px 0 8px;font-size:11px;font-weight:600;letter-spacing:.08em;color:#69727d}
table{border-collapse:collapse}
th,td{padding:0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
b,i{unicode-bidi:isolate}
span{unicode-bidi:plaintext}
.a th{padding:1px 20px 1px 0;font-weight:400;color:#69727d;white-space:nowrap}
.a td{padding:1px 0}
.x{margin:12px 0 0;padding:9px 18px;background:#fff4d6;color:#6a4a00;border-left:4px solid #e0a100}
.p{width:100%}
.p td{padding:8px 18px 8px 0;border-top:1px solid #e3e7eb;font-size:13px;line-height:18px}
.p small{color:#69727d;font-size:12px}
.p .internal,.p .external,.z{white-space:nowrap}
.p .external{color:#a4480b}
.p .z{padding-right:0;color:#69727d;font-size:12px}
.c{width:100%}
.c th{width:68px;padding:2px 12px 2px 0;font-size:11px;font-weight:400;color:#87909b;white-space:nowrap}
.c td{padding:2px 0;white-space:pre-wrap;unicode-bidi:plaintext}
.c .h,.c .s,.c .d,.c .m{unicode-bidi:normal}
.c .y{padding:18px 0 6px;font-size:12px;font-weight:600;color:#69727d}
.c .h{padding:10px 0 0;color:#87909b;font-size:12px}
.h b{font-size:14px;margin-right:4px}
.c .s,.c .d{color:#69727d;font-size:12px}
.c .d{font-size:11px;line-height:15px;padding:5px 0}
.s b,.d b{font-weight:600}
.c .g{font:12px/18px Consolas,Menlo,'DejaVu Sans Mono',monospace}
i{padding:1px 5px;font-style:normal;font-size:11px;color:#5a6472;background:#ebeef1;border-radius:3px}
em{font-style:normal;font-weight:600;color:#b3261e}
.r{width:100%;font-size:12px;color:#69727d}
.r td{padding:6px 0;border-top:1px solid #e3e7eb}
.r code{font:11px/16px Consolas,Menlo,'DejaVu Sans Mono',monospace;white-space:pre-wrap}
summary{margin:32px 0 8px;font-size:12px;color:#69727d}
"""
_SHORT = 80  # characters of the subject in the page's title, where no line can be broken
_LIGHT = ("#0b63c5", "#a3338b", "#1b7a43", "#b04a00", "#5b4bc4", "#00757f", "#b4233c", "#6b6200")
_DARK = ("#79b8ff", "#f09ae0", "#7ad69c", "#ffab70", "#b9acff", "#66d4de", "#ff9aa8", "#d9cf6b")
_NIGHT = """\
body{background:#17191c;color:#e4e7eb}
.t{background:#212429}
h2,.a th,.p small,.p .z,.r,summary,.c .y,.c .s,.c .d{color:#9aa4b0}
.c th,.c .h{color:#828c98}
.p td,.r td{border-color:#2d3238}
.x{background:#3a2e0a;color:#ffdf8a}
i{background:#2b3036;color:#b4bdc8}
em{color:#ff8f86}
.p .external{color:#ffab70}
"""
_NARROW = """\
body{padding:12px 12px 30px}
.t{padding:14px 16px}
.p td,.p .z{display:block;border:0;padding:0}
.p tr{display:block;padding:8px 0;border-top:1px solid #80808050}
.c th{width:50px;padding-right:8px;font-size:10px}
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
    name, short = escape(title, quote=False), escape(title[:_SHORT], quote=False)
    parts = [
        _HEAD,
        f"<title>{short}</title></head>\n<body><div class=w><div class=t>\n<h1>{name}</h1>\n<table class=a>",
    ]
    parts += [
        f"\n<tr><th>{escape(label, quote=False)}</th><td>{escape(value, quote=False)}</td>"
        for label, value in facts
    ]
    parts.append("\n</table></div>")
    parts += [f"\n<div class=x>{escape(notice, quote=False)}</div>" for notice in notices]
    parts.append(f"\n<h2>PARTICIPANTS</h2>\n<table class=p>\n{participants}\n</table>")
    parts.append(f"\n<h2>TRANSCRIPT</h2>\n<table class=c>\n{transcript}\n</table>")
    if residue:
        parts.append(
            "\n<details><summary>Also in the source</summary>\n"
            f"<table class=r>\n{residue}\n</table></details>"
        )
    parts.append("\n</div></body></html>\n")
    return "".join(parts)
