/** The frame: the session, the screen that the address names, and what is heard of the daemon. */

import { attempt, button, call, el, module, number, Problem, t, toast } from "./kit.js";
import * as photos from "./photos.js";

const SCREENS = {
  "": async () => photos,
  photo: () => module("photo"),
  history: () => module("history"),
  settings: () => module("settings"),
};
const QUIET_MS = 20000; // without a word from the daemon for so long, it is asked
const ASK_MS = 2000;

const main = document.getElementById("main");
const welcome = document.getElementById("welcome");
let screen = null; // what is shown: {change(event), leave()}
let shown = 0; // counts screens, as they are loaded one after the other
let heard = 0; // when the daemon last said something
let stream = null;

/** What the daemon said of itself last; scopes are what this browser may. */
export const now = { status: { running: false, inboxes: [] }, scopes: [] };
export const may = (scope) => now.scopes.includes(scope);

async function enter() {
  const key = /^#key=(.+)$/.exec(location.hash);
  if (key) {
    history.replaceState(null, "", `${location.pathname}${location.search}#/`);
    await attempt(() => call("POST", "session", { key: decodeURIComponent(key[1]) }));
  }
  const session = await attempt(() => call("GET", "session"));
  if (!session) return void setTimeout(enter, ASK_MS);
  now.scopes = session.scopes;
  if (!may("look")) return lock();
  document.getElementById("nav").hidden = false;
  document.getElementById("keys").hidden = false;
  await refresh();
  await go();
  listen();
}

/** Without a session: the plain form stays, and a key opens the rest. */
function lock() {
  if (stream) stream.close();
  stream = null;
  if (screen?.leave) screen.leave();
  screen = null;
  document.getElementById("nav").hidden = true;
  if (document.getElementById("key")) return;
  const key = el("input", { id: "key", type: "password", autocomplete: "current-password",
    required: true });
  const form = el("form", { class: "lock", submit: async (event) => {
    event.preventDefault();
    try {
      await call("POST", "session", { key: key.value });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      key.setAttribute("aria-invalid", "true");
      return void toast(error.message);
    }
    enter();
  } }, el("h2", {}, t("locked")), el("p", {}, t("locked_text")),
  el("p", {}, el("label", { for: "key" }, t("key"), " "), key, " ",
    el("button", { class: "go" }, t("open"))));
  main.replaceChildren(welcome, form);
  for (const hint of welcome.querySelectorAll(".hint")) hint.remove();
}

async function go() {
  const [, name = "", ...rest] = location.hash.split("/");
  const load = SCREENS[name] || SCREENS[""];
  const mine = (shown += 1);
  const found = await load();
  if (mine !== shown) return;
  if (screen?.leave) screen.leave();
  const root = el("section", { class: `screen ${name || "photos"}` });
  main.replaceChildren(root);
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash === `#/${name}` || (name === "photo" && link.hash === "#/");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = name && name !== "photo" ? `${t(name)} · nobgd` : "nobgd";
  screen = found.show(root, rest.map(decodeURIComponent)) || {};
  scrollTo(0, 0);
}

/** The daemon's state anew, in the header and for the screen. */
async function refresh() {
  try {
    now.status = await call("GET", "status");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    now.status = { running: false, inboxes: [], unheard: !error.status };
  }
  const { running, waiting = 0, lanes = [], inboxes = [], megapixels_per_minute: pace } = now.status;
  now.status.lanes = lanes.filter((each) => each.source.includes("/")); // others make small pictures
  const paused = inboxes.length > 0 && inboxes.every((each) => each.paused);
  const chip = document.getElementById("state");
  const busy = waiting + now.status.lanes.length;
  chip.hidden = false;
  chip.className = !running ? "off" : paused ? "held" : busy ? "busy" : "idle";
  chip.textContent = now.status.unheard ? t("unheard") : !running ? t("not_running") : paused ? t("paused")
    : busy ? t("busy", { n: busy }) + (pace ? ` · ${number(pace)} MP/min` : "") : t("idle");
}

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource("api/v1/events");
  for (const kind of ["photo", "status"]) {
    stream.addEventListener(kind, (event) => {
      heard = Date.now();
      changed(kind === "photo" ? JSON.parse(event.data) : null);
    });
  }
}

let due = 0;
/** Something changed: the screen learns of the photo at once, of all else in a moment. */
function changed(photo) {
  if (photo && screen?.change) screen.change(photo);
  due ||= setTimeout(async () => {
    due = 0;
    await refresh();
    if (screen?.change) screen.change(null);
  }, now.status.working ? 1000 : 250);
}

setInterval(() => {
  const open = stream?.readyState === EventSource.OPEN;
  const quiet = Date.now() - heard > QUIET_MS;
  if (!document.hidden && now.scopes.length && (quiet || !open || now.status.working)) changed(null);
}, ASK_MS);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close(); // a browser has six connections to a host, and hidden tabs want none
    stream = null;
  } else if (now.scopes.length) {
    listen();
    changed(null);
  }
});
addEventListener("locked", () => {
  now.scopes = [];
  lock();
});
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#key=")) enter();
  else if (may("look")) go();
});

/** All keys, in a dialog: `?` opens it anywhere. */
function keys() {
  const line = (name, ...pressed) => [
    el("dt", {}, pressed.map((key) => [el("kbd", {}, key), " "])), el("dd", {}, t(name))];
  const dialog = el("dialog", { "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, t("keys")),
    el("dl", {}, line("move", "←", "→"), line("accept", "A"), line("reject", "X"),
      line("undo", "U"), line("redo", "R"), line("touch", "E"), line("before_after", "Space"), line("zoom", "Z"),
      line("background", "B"), line("mask", "M"), line("download", "D"), line("back", "Esc"),
      line("keys", "?")),
    button("close", () => dialog.close(), { class: "go" }));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
document.getElementById("keys").addEventListener("click", keys);
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=range],[type=checkbox]),select,textarea");
  if (event.key === "?" && !typing && now.scopes.length && !document.querySelector("dialog[open]")) keys();
});
document.getElementById("other").addEventListener("click", (event) => {
  const { lang } = event.currentTarget;
  event.preventDefault();
  document.cookie = `nobgd_lang=${lang}; SameSite=Strict; Max-Age=31536000`;
  location.reload();
});

enter();
