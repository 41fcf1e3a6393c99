// What scripts say, in the words of the page: its template has them, one attribute for each.

const texts = document.getElementById("script-words")?.dataset ?? {};

export function word(name, values = {}) {
  return Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, () => value), texts[name] ?? "");
}
