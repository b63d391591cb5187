"""`profile check` and `profile preview`, on the profiles and samples that we ship."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from include.commsarchive.cli.main import main
from include.commsarchive.connector import load_connector
from include.commsarchive.errors import Fatal
from include.commsarchive.profile import load_profile, source_of

PROJECT = Path(__file__).resolve().parents[3]
PROFILES = sorted((PROJECT / "include" / "profiles").glob("*.yaml"))
SAMPLES = PROJECT / "include" / "samples"
EXAMPLES = [
    PROJECT / "include" / "connectors" / f"{name}.yaml.example"
    for name in ("own_files", "pivot", "eml", "sql_query", "https_api")
]
GOOD = """name: desk_chat
format: {kind: delimited}
conversation: room
time: {field: sent}
sender: {address: from}
text: text
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_that_we_ship_is_good(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "check", str(path)]) == 0
    assert capsys.readouterr().out.startswith("good ")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_connector_is_good_and_its_source_is_found(path: Path) -> None:
    connector = load_connector(path)
    found = source_of(connector)
    assert found.name == connector.source
    assert connector.mapping.domains, "everybody's address is in these files: only own mailboxes get copies"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("name: Desk Chat", "`name` must be lower-case"),
        ("name: [1]", "key `name`: input should be a valid string"),
        (
            "format: {kind: csv}",
            "key `format.kind`: input should be 'delimited', 'json', 'json_lines' or 'xml'",
        ),
        ("format: {kind: delimited, delimiter: ab}", "key `format`: `delimiter` must be one character"),
        ("format: {kind: delimited, encoding: klingon}", "key `format`: `encoding` is none"),
        ("format: {kind: delimited, header: [room, sent, from]}", "`format.header` has no column 'text'"),
        ("format: {kind: xml}", "`record` is needed"),
        ("time: {field: sent, format: '%H'}", "key `time`: `zone` is needed"),
        ("time: {field: sent, format: '%H', zone: Mars}", "key `time`: `zone` is no time zone"),
        ("time: {field: sent, formt: iso}", "key `time.formt`: is no key of a profile"),
        ("sender: {company: x}", "key `sender`: needs `address`, `name` or `ids`"),
        ("sender: {each: people, address: x}", "`each` is for JSON and XML"),
        ("conversation: ''", "`conversation` is missing"),
        ("text: ''", "`text` is missing"),
        ("event: {field: kind, values: {a: shout}}", "`values` gives each value its kind, one of: message,"),
        ("id: ../id", "needs `format.rows`"),
        ("mood: x", "key `mood`: is no key of a profile; remove this key or mend its spelling"),
        ("sbject: x", "key `sbject`: is no key of a profile; did you mean `subject`?"),
        ("to: {addres: x}", "key `to.addres`: is no key of a profile; did you mean `address`?"),
        ("own_domains: bank.example", "key `own_domains`: is no list; write a list, as [bank.example]"),
    ],
)
def test_what_is_wrong_in_a_profile_is_told_with_key_and_remedy(
    profile: Path, line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = line.partition(":")[0]
    kept = [one for one in GOOD.splitlines() if one.partition(":")[0] != key]
    profile.write_text("\n".join([*kept, line]), encoding="utf-8")
    assert main(["profile", "check", str(profile)]) == 4
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "- a", "a: [", "name: desk_chat"])
def test_what_is_no_profile_at_all_is_told_as_well(
    profile: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    profile.write_text(content, encoding="utf-8")
    assert main(["profile", "check", str(profile)]) == 4
    assert str(profile) in capsys.readouterr().out


def test_a_preview_shows_items_people_and_times_and_what_does_not_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sample = SAMPLES / "own_files" / "2024-03-13" / "messages_20240313.csv"
    arguments = [
        "profile",
        "preview",
        str(PROJECT / "include" / "profiles" / "network_messages.yaml"),
        str(sample),
    ]
    assert main(arguments) == 3
    told = capsys.readouterr().out
    assert "item   Network messages: Nina Oakes, Rufus Vale (2-Yzk1)" in told
    assert "from: Nina Oakes (Profile https://network.example/in/nina-oakes)" in told
    assert "2024-03-13 09:04:40 UTC  message  Rufus Vale: I am. Bring the axes sheet, and Zoë." in told
    assert "line 7: row-does-not-fit: field `DATE`: is no time of the format" in told
    assert told.endswith("2 items and 1 problems in the first 5 rows\n")
    assert main([*arguments, "--rows", "1"]) == 0
    assert capsys.readouterr().out.endswith("1 items and 0 problems in the first 1 rows\n")


def test_a_preview_finds_the_files_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "axes 13 mar.txt").write_text("5y5y", encoding="utf-8")
    sample = SAMPLES / "pivot" / "2024-03-13" / "pivot_20240313.csv"
    arguments = ["profile", "preview", str(PROJECT / "include" / "profiles" / "pivot.yaml"), str(sample)]
    assert main(arguments) == 0
    assert '"axes 13 mar.txt" [missing]' in capsys.readouterr().out
    assert main([*arguments, "--attachments", str(tmp_path / "axes 13 mar.txt")]) == 0
    assert '"axes 13 mar.txt" [missing]' not in capsys.readouterr().out


def test_a_preview_opens_an_archive_of_files_as_a_run_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = SAMPLES / "pivot" / "2024-03-13" / "pivot_20240313.csv"
    archive = sample.with_suffix(".zip")
    arguments = ["profile", "preview", str(PROJECT / "include" / "profiles" / "pivot.yaml"), str(sample)]
    assert main([*arguments, "--attachments", str(archive)]) == 0
    told = capsys.readouterr().out
    assert '"axes 13 mar.txt"' in told
    assert "[missing]" not in told
    broken = tmp_path / "pivot_20240313.zip"
    broken.write_bytes(archive.read_bytes()[:40])
    assert main([*arguments, "--attachments", str(broken)]) == 3
    assert "wrong  pivot_20240313.zip: unreadable-archive: " in capsys.readouterr().out
    assert main([*arguments, "--attachments", str(tmp_path / "nowhere.zip")]) == 4
    assert "nowhere.zip: cannot be read" in capsys.readouterr().err


def test_a_preview_of_a_file_with_other_columns_says_which_are_lacking(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.csv"
    file.write_text("room,text\n", encoding="utf-8")
    assert main(["profile", "preview", str(profile), str(file)]) == 3
    assert "wrong-columns: other.csv: the header lacks 'from', 'sent'" in capsys.readouterr().out


def test_own_files_without_a_profile_and_a_profile_for_another_source_are_refused(tmp_path: Path) -> None:
    connector = load_connector(EXAMPLES[1])
    with pytest.raises(Fatal, match="needs a profile"):
        source_of(connector.model_copy(update={"profile": ""}))
    with pytest.raises(Fatal, match="takes no profile"):
        source_of(connector.model_copy(update={"source": "vantage"}))
    with pytest.raises(Fatal, match="cannot be read"):
        load_profile(tmp_path / "nowhere.yaml")


def test_a_profile_makes_classes_and_folder_and_says_which_files_are_whose(profile: Path) -> None:
    connector = load_connector(EXAMPLES[1])
    pivot = source_of(connector)
    assert (pivot.title, pivot.folder, pivot.message_class) == ("Pivot", "Pivot", "IPM.NOTE.Pivot")
    assert pivot.item_class == "ipm.externaldata.pivot"
    claims = [pivot.claim(name) for name in ("pivot_20240313.csv", "PIVOT_20240313.ZIP", "other.csv")]
    assert [claim and claim.role.value for claim in claims] == ["content", "attachments", None]
    assert connector.schedule.start == dt.date(2024, 3, 13)
