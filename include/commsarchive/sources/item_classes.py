"""The item classes under which Microsoft 365 finds third-party items, with the names that they go by.

Purview facts, section 5: ``itemclass:ipm.externaldata.<value>*``. Microsoft's two documents disagree in
places; ``aliases`` are the other values that a search may be for. Case does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "ipm.externaldata."


@dataclass(frozen=True, slots=True)
class ItemClass:
    """A source's names in Microsoft's table, its value after `PREFIX`, and other values for the same."""

    names: tuple[str, ...]
    value: str
    aliases: tuple[str, ...] = ()

    @property
    def item_class(self) -> str:
        """What its items carry: ``ipm.externaldata.<value>``, in lower case."""
        return f"{PREFIX}{self.value}".lower()

    @property
    def message_class(self) -> str:
        """``IPM.NOTE.<value>``, to which the event is added."""
        return f"IPM.NOTE.{self.value}"

    @property
    def searches(self) -> tuple[str, ...]:
        """Every ``itemclass:`` that people search such items by."""
        return tuple(f"{PREFIX}{one}*" for one in (self.value, *self.aliases))


def _plain(*names: str) -> tuple[ItemClass, ...]:
    """Give the classes of sources whose value is their name without spaces."""
    return tuple(ItemClass((name,), "".join(name.split())) for name in names)


ITEM_CLASSES = (
    *_plain(
        "AIM", "American Idol", "Apple Juice", "Ares", "Axs Encrypted", "Axs Exchange", "Axs Local Archive"
    ),
    *_plain("Axs Signed", "Bazaarvoice", "Bearshare", "BitTorrent", "Blackberry", "Bloomberg", "Box"),
    *_plain(
        "Bloomberg Messaging", "Direct Connect", "Facebook", "FastTrack", "Flickr", "Gnutella", "Google Talk"
    ),
    *_plain("GoToMyPC", "HipChat", "Hopster", "HubConnex", "Indii", "Instagram", "Instant Bloomberg"),
    *_plain("InvestEdge", "IRC", "Jive", "JiveApiRetention", "JXTA", "LinkedIn", "MFTP", "Microsoft UC"),
    *_plain(
        "MindAlign", "Mobile Guard", "MSN", "MySpace", "NEONetwork", "OpenNap", "Pinterest", "Pivot", "QQ"
    ),
    *_plain("SharePoint", "SoftEther", "Squawker", "Symphony", "Tor", "TTT", "Twitter", "Vimeo", "WinMX"),
    *_plain("Winny", "Yahoo!", "Yammer", "YellowJacket", "YouTube", "CellTrust", "WhatsApp Archiver"),
    ItemClass(("AOL with Pivot", "AOL w/ Pivot"), "Pivot.IM"),
    ItemClass(("Axs Placeholder",), "AxsPlaceHolder"),
    ItemClass(("BlackBerry Call Logs", "BB Call Logs"), "BlackBerryCall"),
    ItemClass(("BlackBerry Messenger", "BB Messenger"), "BlackBerryMessenger"),
    ItemClass(("BlackBerry PIN", "BB PIN"), "BlackBerryPIN"),
    ItemClass(("BlackBerry SMS", "BB SMS"), "BlackBerrySMS"),
    ItemClass(("Bloomberg Message",), "BloombergMessage", ("conversation.Bloomberg Message",)),
    ItemClass(("Cisco IM&P",), "Jabber.IM"),
    ItemClass(("Cisco Jabber",), "Jabber"),
    ItemClass(("CipherCloud Chatter",), "Chatter.Post", ("Chatter.Comment",)),
    ItemClass(("FXConnect", "FX Connect"), "FXConnect", ("FXConnect.chat",)),
    ItemClass(("Google+",), "GooglePlus"),
    ItemClass(("IBM Connections",), "Connections"),
    ItemClass(("IBM Sametime",), "Sametime"),
    ItemClass(("ICE Chat",), "IceChat", ("conversation.Ice Chat",)),
    ItemClass(("Salesforce Chatter",), "Chatter"),
    ItemClass(("Skype for Business",), "Skype"),
    ItemClass(("Slack Enterprise Grid",), "Slack.IM"),
    ItemClass(("Thomson Reuters",), "Reuters"),
    ItemClass(("TR Eikon Messenger", "Thomson Reuters Eikon Messenger"), "ReutersEikon"),
    ItemClass(("UBS Chat",), "UBS"),
)


def item_class(name: str) -> ItemClass | None:
    """Find a source by any of its names or values; case, spaces and `PREFIX` do not count."""
    return _BY_NAME.get(_folded(name))


def value_of(name: str) -> str:
    """Give the value for a source's name; another value that can be used, or what is not listed, as it is."""
    found = item_class(name)
    usable = [one.casefold() for one in found.aliases if " " not in one] if found else []
    return found.value if found and name.casefold() not in usable else name


def _folded(name: str) -> str:
    return "".join(name.casefold().split()).removeprefix(PREFIX).removesuffix("*")


_BY_NAME = {
    _folded(name): one for one in reversed(ITEM_CLASSES) for name in (*one.aliases, one.value, *one.names)
}
