"""Finds words that a page breaks inside, for want of room."""

from playwright.sync_api import Page

# What people type has no shortest width, so its long words may break: `dir` and `bdi` mark it.
BROKEN = """() => {
    const found = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    const isAside = "script, pre, code, option, .visually-hidden";
    while (texts.nextNode()) {
        const { currentNode: text } = texts;
        const holder = text.parentElement;
        if (!holder.checkVisibility({ visibilityProperty: true }) || holder.closest(isAside)) continue;
        for (const { 0: word, index } of text.data.matchAll(/[^\\s\\u200b-]+-?/g)) {
            range.setStart(text, index);
            range.setEnd(text, index + word.length);
            const parts = [...range.getClientRects()].filter(({ width }) => width > 0.5);
            const lines = new Set(parts.map(({ top }) => Math.round(top)));
            const mayBreak = word.length > 14 && holder.closest("[dir=auto], bdi");
            if (lines.size > 1 && !mayBreak) found.add(`${holder.outerHTML.slice(0, 60)}: ${word}`);
        }
    }
    return [...found];
}"""


def broken_words(page: Page) -> list[str]:
    """Return each word with lines between its letters, and the element that it is in."""
    found: list[str] = page.evaluate(BROKEN)
    return found
