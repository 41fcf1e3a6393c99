"""Lists of sounds as feeds: RSS 2.0 with enclosures, and JSON Feed 1.1."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

import msgspec

RSS: Final = "application/rss+xml"
JSON_FEED: Final = "application/feed+json"
ATOM: Final = "http://www.w3.org/2005/Atom"
# The size of a file is not read for a list; RSS has 0 for what is not known.
UNKNOWN_LENGTH: Final = "0"

ET.register_namespace("atom", ATOM)


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound in a feed. Addresses are whole ones."""

    page_url: str
    audio_url: str
    image_url: str
    title: str
    text: str
    author: str
    tags: tuple[str, ...]
    duration_s: float
    created_ms: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A list of sounds, newest first. `self_url` is where the feed is."""

    title: str
    description: str
    home_url: str
    self_url: str
    entries: Sequence[Entry]


def rss(feed: Feed) -> bytes:
    """Return a feed as RSS 2.0 (https://www.rssboard.org/rss-specification)."""
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _text(channel, "title", feed.title)
    _text(channel, "link", feed.home_url)
    _text(channel, "description", feed.description)
    _text(channel, "generator", "Soundloom")
    ET.SubElement(channel, f"{{{ATOM}}}link", {"href": feed.self_url, "rel": "self", "type": RSS})
    if feed.entries:
        _text(channel, "lastBuildDate", _rfc_822(max(entry.created_ms for entry in feed.entries)))
    for entry in feed.entries:
        item = ET.SubElement(channel, "item")
        _text(item, "title", entry.title)
        _text(item, "link", entry.page_url)
        _text(item, "description", entry.text)
        _text(item, "guid", entry.page_url)
        _text(item, "pubDate", _rfc_822(entry.created_ms))
        for tag in entry.tags:
            _text(item, "category", tag)
        enclosure = {"url": entry.audio_url, "length": UNKNOWN_LENGTH, "type": "audio/mpeg"}
        ET.SubElement(item, "enclosure", enclosure)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def json_feed(feed: Feed) -> bytes:
    """Return a feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""
    return msgspec.json.encode(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "description": feed.description,
            "home_page_url": feed.home_url,
            "feed_url": feed.self_url,
            "items": [_item(entry) for entry in feed.entries],
        }
    )


def _item(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.page_url,
        "url": entry.page_url,
        "title": entry.title,
        "content_text": entry.text,
        "image": entry.image_url,
        "date_published": _moment(entry.created_ms).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "authors": [{"name": entry.author}],
        "tags": list(entry.tags),
        "attachments": [
            {
                "url": entry.audio_url,
                "mime_type": "audio/mpeg",
                "duration_in_seconds": round(entry.duration_s, 3),
            }
        ],
    }


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = "".join(filter(_is_xml, text))


def _is_xml(character: str) -> bool:
    """Return whether XML 1.0 can hold a character."""
    return character in "\t\n\r" or (character >= " " and character not in "\ufffe\uffff")


def _rfc_822(moment_ms: int) -> str:
    return format_datetime(_moment(moment_ms))


def _moment(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms // 1000, UTC)
