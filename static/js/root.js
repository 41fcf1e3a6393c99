// The path under which people reach the server, as in `/sound`; empty where it has a host to itself.

export const ROOT = document.documentElement.dataset.root ?? "";
