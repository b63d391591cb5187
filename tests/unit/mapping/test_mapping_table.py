from __future__ import annotations

import codecs
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.commsarchive.mapping.snapshot import Row, Snapshot
from include.commsarchive.mapping.table import read_mapping, read_scope

HEAD = "External User ID,Microsoft 365 User Mailbox\n"
DATED = "External User ID,Microsoft 365 User Mailbox,Effective From,Effective To\n"
GOOD = HEAD + "445204334324,susan@company.example\n0070012,Tom@Company.example\n"


def faults(content: bytes | str) -> list[str]:
    return [str(problem) for problem in read_mapping(content).problems]


def test_ids_stay_text_with_their_leading_zeros() -> None:
    table = read_mapping(GOOD)
    assert table.rows == (Row("445204334324", "susan@company.example"), Row("0070012", "tom@company.example"))
    assert table.problems == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_way_a_spreadsheet_saves_it_reads_the_same(
    delimiter: str, mark: bytes, encoding: str, line_end: str
) -> None:
    text = GOOD.replace(",", delimiter).replace("\n", line_end)
    table = read_mapping(mark + text.encode(encoding))
    assert table == read_mapping(GOOD)


def test_header_is_known_whatever_its_case_spaces_and_order() -> None:
    text = " microsoft 365  user mailbox ;EXTERNAL USER id\nsusan@company.example; 445204334324 \n"
    assert read_mapping(text).rows == (Row("445204334324", "susan@company.example"),)


def test_blank_rows_and_empty_cells_beyond_the_header_are_no_fault() -> None:
    text = "\n" + HEAD.replace("\n", ",,\n") + "\n1,a@x.example,,\n,,\n2,b@x.example\n\n,\n\n"
    table = read_mapping(text)
    assert [row.external_id for row in table.rows] == ["1", "2"]
    assert table.problems == ()


def test_text_with_a_byte_order_mark_reads_too() -> None:
    assert read_mapping("\ufeff" + GOOD).problems == ()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (",a@x.example,,", "`External User ID` is missing"),
        ("1,,,", "`Microsoft 365 User Mailbox` is missing"),
        ("1,nobody,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        ("1,a@localhost,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        ("1,a b@x.example,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        ("1,a..b@x.example,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        ("1,a@-x.example,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        (f"1,{'a' * 65}@x.example,,", "`Microsoft 365 User Mailbox` is not an e-mail address"),
        ("1,a@x.example,31.12.2024,", "`Effective From` is not a day like 2024-03-31"),
        ("1,a@x.example,20240101,", "`Effective From` is not a day like 2024-03-31"),
        ("1,a@x.example,,2024-02-30", "`Effective To` is not a day like 2024-03-31"),
        ("1,a@x.example,2024-03-02,2024-03-01", "`Effective To` is before `Effective From`"),
        ("1,a@x.example", "has 2 cells where the header has 4"),
        ("1,a@x.example,,,x", "has 5 cells where the header has 4"),
        ("=cmd(),a@x.example,,", "`External User ID` looks like a formula"),
        ("+cmd(),a@x.example,,", "`External User ID` looks like a formula"),
        ("-1,a@x.example,,", "`External User ID` looks like a formula"),
        ("1,@a.example,,", "`Microsoft 365 User Mailbox` looks like a formula"),
        ('"1\n2",a@x.example,,', "`External User ID` holds a line break or control character"),
        ("4.45204E+11,a@x.example,,", "`External User ID` was rounded by a spreadsheet"),
    ],
)
def test_a_bad_row_is_named_with_its_number_and_fault(line: str, fault: str) -> None:
    text = DATED + "7,good@x.example,,\n\n" + line + "\n8,good@x.example,,\n"
    found = faults(text)
    assert found[0].startswith("row 4: " + fault)
    assert [row.external_id for row in read_mapping(text).rows] == ["7", "8"]


def test_faults_never_show_what_a_cell_holds() -> None:
    text = DATED + "SECRET,SECRET,SECRET,SECRET,SECRET\nSECRET,SECRET,SECRET,SECRET\n=SECRET,=SECRET,,\n"
    assert len(faults(text)) == 7
    assert "SECRET" not in " ".join(faults(text) + faults("SECRET,SECRET\n1,2\n"))


def test_a_telephone_number_is_no_formula() -> None:
    assert faults(HEAD + "+445204334324,susan@company.example\n") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        (HEAD, "row 1: has no rows below it"),
        (
            "External User ID,Mailbox\n1,a@x.example\n",
            "row 1: the column `Microsoft 365 User Mailbox` is missing",
        ),
        (
            HEAD.replace("\n", ",Effective Form\n") + "1,a@x.example,2024-01-01\n",
            "row 1: column 3 has a name",
        ),
        (
            "External User ID," + HEAD + "1,1,a@x.example\n",
            "row 1: the column `External User ID` is there twice",
        ),
        ((HEAD + "1,ä@x.example\n").encode("latin-1"), "not readable as CSV text"),
        (HEAD + '"' + "x" * 200_000 + '",a@x.example\n', "not readable as CSV text"),
    ],
)
def test_a_file_that_is_no_mapping_says_so(text: bytes | str, fault: str) -> None:
    table = read_mapping(text)
    assert [str(problem).startswith(fault) for problem in table.problems] == [True]
    assert table.rows == ()


@pytest.mark.parametrize(
    ("one", "two", "clash"),
    [
        ("u1,a@x.example,,", "U1,b@x.example,,", True),
        ("u1,a@x.example,,2024-03-31", "u1,b@x.example,2024-03-31,", True),
        ("u1,a@x.example,,2024-03-31", "u1,b@x.example,2024-04-01,", False),
        ("u1,a@x.example,,", "u1,A@x.example,2024-03-31,", False),
        ("u1,a@x.example,,", "u2,b@x.example,,", False),
        ("u1,a@x.example,2024-01-01,2024-12-31", "u1,b@x.example,2024-06-01,2024-06-30", True),
    ],
)
def test_two_mailboxes_for_one_id_on_one_day_are_a_fault(one: str, two: str, clash: bool) -> None:
    wanted = ["row 3: gives an id another mailbox than row 2 for the same days"] if clash else []
    assert faults(f"{DATED}{one}\n{two}\n") == wanted
    assert faults(f"{DATED}{two}\n{one}\n") == wanted


def test_a_long_period_clashes_with_every_later_row_inside_it() -> None:
    text = DATED + "".join(
        f"u,{box}@x.example,{first},{last}\n"
        for box, first, last in (
            ("a", "2024-01-01", "2024-12-31"),
            ("a", "2024-02-01", "2024-02-02"),
            ("b", "2024-03-01", "2024-03-02"),
        )
    )
    assert faults(text) == ["row 4: gives an id another mailbox than row 2 for the same days"]


_LINES = st.lists(
    st.tuples(
        st.text("0123456789aB", min_size=1, max_size=3),
        st.sampled_from(["a@x.example", "B@x.example", "c@x.example"]),
        st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 9)).map(str) | st.just(""),
    ),
    min_size=1,
)


@given(_LINES, st.randoms(use_true_random=False), st.sampled_from(";\t|"))
def test_order_and_format_of_the_file_do_not_change_the_version(
    lines: list[tuple[str, str, str]], rnd: object, delimiter: str
) -> None:
    shuffled = lines * 2
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    text = DATED + "".join(f"{i},{m},{d},{d}\n" for i, m, d in lines)
    other = (DATED + "".join(f"{i},{m.upper()},{d},{d}\n\n" for i, m, d in shuffled)).replace(",", delimiter)
    assert read_mapping(text).snapshot.version == read_mapping(other.encode("utf-16")).snapshot.version


@given(_LINES)
def test_a_snapshot_survives_being_stored(lines: list[tuple[str, str, str]]) -> None:
    snapshot = read_mapping(DATED + "".join(f"{i},{m},{d},\n" for i, m, d in lines)).snapshot
    assert Snapshot.from_json(snapshot.to_json()) == snapshot


def test_other_content_is_another_version() -> None:
    base = Row("1", "a@x.example")
    others = [
        Row("01", "a@x.example"),
        Row("1", "b@x.example"),
        Row("1", "a@x.example", dt.date(2024, 1, 1)),
        Row("1", "a@x.example", last=dt.date(2024, 1, 1)),
    ]
    versions = {Snapshot(rows).version for rows in [(), (base,), *[(other,) for other in others]]}
    assert len(versions) == 6


_CELL = st.text(st.sampled_from('=+-@,;\t|"\n\r\0 0.1E+aé\u200b\U0001f600'), max_size=8) | st.text(max_size=8)


@given(st.lists(st.lists(_CELL, max_size=5).map(",".join), max_size=8).map("\n".join))
def test_no_text_below_a_header_makes_it_crash(body: str) -> None:
    table = read_mapping(DATED + body)
    assert len({problem.row for problem in table.problems}) + len(table.rows) >= 1


@given(st.binary() | st.binary().map(HEAD.encode().__add__))
def test_no_bytes_make_it_crash(content: bytes) -> None:
    assert read_mapping(content).problems or read_mapping(content).rows
    assert read_scope(content).problems or read_scope(content).mailboxes


def test_scope_lists_custodians_once_in_lower_case() -> None:
    table = read_scope("Microsoft 365 User Mailbox\nB@x.example\na@x.example\nb@X.example\n\n")
    assert table.mailboxes == ("a@x.example", "b@x.example")
    assert table.problems == ()


def test_scope_names_its_bad_rows() -> None:
    table = read_scope("Microsoft 365 User Mailbox\na@x.example\nnobody\n=1\n")
    assert table.mailboxes == ("a@x.example",)
    assert [problem.row for problem in table.problems] == [3, 4, 4]


def test_an_empty_scope_is_refused_because_it_would_archive_nothing() -> None:
    assert [str(p) for p in read_scope("Microsoft 365 User Mailbox\n").problems] == [
        "row 1: has no rows below it; a file that names nobody is never meant"
    ]
