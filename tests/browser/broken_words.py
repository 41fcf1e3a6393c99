"""Finds words that a page breaks inside, for want of room."""

from playwright.sync_api import Page

# What people type has no shortest width: `dir` marks it.
BROKEN = """() => {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const holder = text.parentElement;
        if (!holder.checkVisibility({ visibilityProperty: true }) || holder.closest("script, pre, code, option")) continue;
        if (holder.closest(".visually-hidden")) continue;
        for (const { 0: word, index } of text.data.matchAll(/[^\\s\\u200b-]+-?/g)) {
            range.setStart(text, index);
            range.setEnd(text, index + word.length);
            const lines = new Set([...range.getClientRects()].filter(({ width }) => width > 0.5).map(({ top }) => Math.round(top)));
            if (lines.size > 1) found.push(`${holder.tagName.toLowerCase()}.${holder.className}: ${word}`);
        }
    }
    return [...new Set(found)];
}"""


def broken_words(page: Page) -> list[str]:
    """Return each word with lines between its letters, and the element that it is in."""
    found: list[str] = page.evaluate(BROKEN)
    return found
