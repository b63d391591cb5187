"""PresentationML and MessageML as text."""

from __future__ import annotations

import pytest

from include.commsarchive.sources.symphony.messageml import text_of


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<div data-format="PresentationML" data-version="2.0">bid 99-16</div>', "bid 99-16"),
        ("plain < 5 &amp; text  as it is", "plain < 5 &amp; text  as it is"),
        ("<messageML>a <b>bold</b> &lt;GO&gt; &amp;amp;</messageML>", "a bold <GO> &amp;"),
        (
            '<div>hi <mention email="n@q.example"/>, <hash tag="fx"/> <cash tag="IBM"/></div>',
            "hi @n@q.example, #fx $IBM",
        ),
        ("<div>one<br/>two<p>three</p>four</div>", "one\ntwo\nthree\nfour"),
        ("<ul><li>one</li><li><b>two</b></li></ul>after", "• one\n• two\nafter"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A | B\n1 | 2"),
        ("<div><pre>a   b\n  c</pre>\n  d   e</div>", "a   b\n  c\nd e"),
        ("<div><code>x  =  1</code></div>", "x  =  1"),
        ('<div><a href="https://a.example/x">here</a></div>', "here <https://a.example/x>"),
        ('<div><a href="https://a.example">https://a.example</a></div>', "https://a.example"),
        ('<div><a href="javascript:x()">click</a> now</div>', "click <javascript:x()> now"),
        ('<div><img src="https://t.example/pixel"/></div>', "[image: https://t.example/pixel]"),
        ('<div>ok<chime/><emoji shortcode="smiley"/></div>', "ok[chime]:smiley:"),
        (
            '<form id="f"><text-field name="px" placeholder="price"/><button>Go</button></form>',
            "[text-field: price]Go",
        ),
        ("<div>a<hr/>b</div>", "a\n────────\nb"),
        ("<div>text</span></div></div> after < 3 <unknown x='1'>in</unknown>", "text\nafter < 3 in"),
        ("<div><script>alert(1)</script></div>", "alert(1)"),
        ("<div>never ended <b", "never ended <b"),
        ("<div>a<!-- kept -->b</div>", "a<!-- kept -->b"),
    ],
)
def test_markup_becomes_what_people_saw(markup: str, text: str) -> None:
    assert text_of(markup) == text
