// Times by the reader's own clock and zone. The server writes them in UTC and says so, for whoever has no script.

const { lang } = document.documentElement;
// English texts name days as British ones do: 15 January 2026.
const locale = lang === "en" ? "en-GB" : lang;
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const toTheSecond = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

export const dayText = (date) => day.format(date);
export const clockText = (date) => clock.format(date);
export const exactText = (date) => `${day.format(date)}, ${toTheSecond.format(date)}`;
