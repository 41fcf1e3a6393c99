// A change arrives even when its page is left at once. Browsers take at most 64 KiB of such requests at a time.

const MOST_CHARACTERS = 16 * 1024;

document.addEventListener("htmx:config:request", ({ detail }) => {
  const { request } = detail.ctx;
  if (request.method === "GET" || request.form?.enctype === "multipart/form-data") return;
  request.keepalive = new URLSearchParams(request.body).toString().length <= MOST_CHARACTERS;
});
