"""An archive may hold conversations and their attachments: it is read as both, and fetched once."""

from __future__ import annotations

from pathlib import Path

from commsarchive_airflow.handover import listed_bundles

from include.commsarchive.collect.base import RemoteFile
from include.commsarchive.collect.completeness import Pickup
from include.commsarchive.connector import Items
from include.commsarchive.sources.vantage import Vantage
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.convert import convert_bundle
from include.commsarchive.stages.run import Bundle
from include.commsarchive.staging.store import Folder
from tests.unit.sources.test_zip_members import packed

NAME = "vantage_20240313.zip"
SHARED = (
    "<FileTransferStarted><LoginName>nina@quill.example</LoginName><DateTimeUTC>1710360300000</DateTimeUTC>"
    "<UserFileName>a.pdf</UserFileName><FileName>x/a.pdf</FileName></FileTransferStarted>"
)
EXPORT = f'<FileDump><Conversation Perspective="P"><RoomID>r</RoomID>{SHARED}</Conversation></FileDump>'


def test_a_container_is_content_and_attachments_of_its_bundle() -> None:
    assert bundles_of(Vantage(), [NAME]) == [Bundle("vantage_20240313", (NAME,), (NAME,))]


def test_a_zip_that_was_asked_for_by_another_name_is_one_too() -> None:
    assert bundles_of(Vantage(), ["any.zip", "b.xml"]) == [
        Bundle("files", ("any.zip", "b.xml"), ("any.zip",))
    ]


def test_a_container_is_fetched_once() -> None:
    pickup = Pickup(NAME, NAME, RemoteFile(NAME, NAME, 1, 1), None, encrypted=False)
    (one,) = listed_bundles(Vantage(), (pickup,))
    assert one.pickups == [pickup]


def test_what_is_shared_in_a_container_is_attached(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.write(f"clear/{NAME}") as sink:
        sink.write(packed(("export.xml", EXPORT.encode()), ("x/a.pdf", b"%PDF")))
    done = convert_bundle(Vantage(), Bundle("b", (NAME,), (NAME,)), folder, Items())
    receipt = done.receipt
    assert (receipt.items, receipt.attachments, receipt.attachments_missing) == (1, 1, 0)
    assert receipt.attachments_unclaimed == 0
