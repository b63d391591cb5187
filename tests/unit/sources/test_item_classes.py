from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from include.commsarchive.sources.item_classes import ITEM_CLASSES, ItemClass, item_class, value_of
from include.commsarchive.sources.own_files.profile import Format, Profile, Time, Who
from include.commsarchive.sources.registry import SOURCES, source

PAGE = Path(__file__).parents[3] / "docs" / "item-classes.md"
TABLE = """
AIM AmericanIdol Pivot.IM AppleJuice Ares AxsEncrypted AxsExchange AxsLocalArchive AxsPlaceHolder
AxsSigned Bazaarvoice Bearshare BitTorrent Blackberry BlackBerryCall BlackBerryMessenger
BlackBerryPIN BlackBerrySMS Bloomberg BloombergMessaging Box Jabber.IM Jabber Chatter.Post
Chatter.Comment DirectConnect Facebook FastTrack FXConnect.chat Flickr Gnutella GooglePlus
GoogleTalk GoToMyPC HipChat Hopster HubConnex Connections Sametime Indii Instagram InstantBloomberg
InvestEdge IRC Jive JiveApiRetention JXTA LinkedIn MFTP MicrosoftUC MindAlign MobileGuard MSN
MySpace NEONetwork OpenNap Pinterest Pivot QQ SharePoint Chatter Skype Slack.IM SoftEther Squawker
Symphony Reuters ReutersEikon Tor TTT Twitter UBS Vimeo WinMX Winny Yahoo! Yammer YellowJacket
YouTube bloombergmessage celltrust whatsapparchiver
"""
"""As Microsoft's two documents list them, but for the two that hold spaces."""


@pytest.mark.parametrize(
    "value",
    [*TABLE.split(), "conversation.Bloomberg Message", "conversation.Ice Chat"],
    ids=lambda value: value,
)
def test_every_value_of_microsofts_tables_finds_its_source(value: str) -> None:
    found = item_class(f"ipm.externaldata.{value}*")
    assert found
    assert f"ipm.externaldata.{value}*".casefold() in [one.casefold() for one in found.searches]


def test_every_name_finds_its_own_source_however_it_is_spelled() -> None:
    for one in ITEM_CLASSES:
        for name in one.names:
            assert item_class(name.upper()) is one
            assert item_class(f" {name} ") is one


def test_a_name_that_is_not_listed_finds_nothing() -> None:
    assert item_class("Zoom") is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("Thomson Reuters", "Reuters"),
        ("ubs chat", "UBS"),
        ("conversation.Ice Chat", "IceChat"),
        ("Chatter.Comment", "Chatter.Comment"),
        ("TradeChat", "TradeChat"),
    ],
)
def test_a_name_becomes_its_value_and_a_value_or_a_stranger_stays(written: str, value: str) -> None:
    assert value_of(written) == value


@pytest.mark.parametrize("one", ITEM_CLASSES, ids=lambda one: one.value)
def test_a_profile_for_any_listed_source_is_filed_under_its_class(one: ItemClass) -> None:
    profile = Profile(
        name="feed",
        type=one.names[0],
        format=Format(kind="delimited"),
        time=Time(field="when"),
        sender=Who(address="who"),
        item="row",
        text="said",
    )
    made = source("own_files", msgspec.json.encode(profile).decode())
    assert (made.item_class, made.message_class) == (one.item_class, one.message_class)


@pytest.mark.parametrize("name", ["instant_bloomberg", "bloomberg_message", "symphony", "fx_connect"])
def test_our_connectors_carry_the_class_of_the_table(name: str) -> None:
    found = item_class(SOURCES[name].title)
    assert found
    assert found.item_class == SOURCES[name].item_class


def test_the_page_lists_the_table() -> None:
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \| (.*?) ?\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [
        (", ".join(one.names), one.value, ", ".join(f"`{alias}`" for alias in one.aliases))
        for one in ITEM_CLASSES
    ]
