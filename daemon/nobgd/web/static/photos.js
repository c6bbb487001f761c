/** Dropping photos, and the list of all that there are: a hundred a page. */

import { attempt, button, call, duration, el, handing, known, module, number, preview, query, say, t,
  toast } from "./kit.js";
import { may, now } from "./main.js";

const PAGE = 100;
const FRESH_MS = 5000;
const STATES = ["", "waiting", "done", "doubtful", "quarantined"];

/** What a drop or a paste brings, files and folders; it must be taken at once, in its event. */
const taken = (transfer) => [...transfer.items].filter((item) => item.kind === "file")
  .map((item) => item.webkitGetAsEntry?.() || item.getAsFile()).filter(Boolean);

let loading = null; // the module of uploads, once there is something to send
let uploads = null; // and when it is there
async function load_uploads() {
  uploads = await (loading ||= module("uploads"));
  if (list) uploads.attach(list.sending, list.arrived);
}
async function send(found) {
  if (!found.length) return;
  await load_uploads();
  if (!/^(#\/?)?$/.test(location.hash)) location.hash = "#/";
  uploads.add(found);
}

function window_drop() {
  let entered = null; // what is beneath the pointer: of an element that goes nothing is said to leave
  const over = (target) => document.body.classList.toggle("over", (entered = target) !== null);
  const ours = (event) => may("submit") && event.dataTransfer?.types.includes("Files");
  const takes = (event) => ours(event) && event.preventDefault();
  addEventListener("dragenter", (event) => {
    if (!ours(event)) return;
    event.preventDefault(); // or a drop is lost on what has just come beneath the pointer
    over(event.target);
    load_uploads();
  });
  addEventListener("dragleave", (event) => event.target === entered && over(null));
  addEventListener("dragover", takes);
  addEventListener("drop", (event) => {
    over(null);
    if (!ours(event)) return;
    event.preventDefault();
    send(taken(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    if (!may("submit") || event.target.matches?.("input,textarea")) return;
    const files = [...event.clipboardData.files];
    if (files.length) event.preventDefault();
    const stamp = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
    send(files.map((file, at) => file.name && file.name !== "image.png" ? file
      : new File([file], `${t("pasted")} ${stamp}${at ? ` ${at}` : ""}.png`, { type: file.type })));
  });
}
window_drop();

/** What is said of a photo in one line. */
export function told(photo) {
  const { state, stage, code, took_ms: took } = photo;
  if (state === "quarantined" || state === "retrying") {
    return `${t(state)}: ${known(`code_${code}`) ? t(`code_${code}`) : photo.reason || code || ""}`;
  }
  if (state === "working") return stage && known(`stage_${stage}`) ? t(`stage_${stage}`) : t(state);
  if (photo.review) return t(`review_${photo.review}`);
  if (state === "done" && took) return t("done_in", { time: duration(took / 1000) });
  return t(known(state) ? state : "gone");
}

/** A photo's place in the list; `update` shows what became of it. */
function card(first, chosen) {
  let photo = first;
  const picture = el("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  const name = el("a", { class: "name" });
  const why = el("span", { class: "why" });
  const get = el("a", { class: "get", download: "", title: t("download") },
    el("span", { "aria-hidden": "true" }, "↓"));
  const tick = el("input", { type: "checkbox", change: () => chosen(photo.id, tick.checked) });
  const item = el("li", { class: "card" },
    el("a", { class: "thumb", tabindex: "-1", "aria-hidden": "true" }, picture), tick,
    el("div", { class: "what" }, el("div", {}, name, why), get));
  picture.addEventListener("error", () => { picture.hidden = true; });
  return { item, tick, update(next) {
    photo = next;
    const done = photo.state === "done";
    item.dataset.state = photo.state;
    item.dataset.review = photo.review || "";
    // only what is done is asked for: a lane that makes small pictures makes no large ones
    const source = done ? preview(photo, "out", 320) : uploads?.pictures.get(photo.id);
    if (source && picture.dataset.for !== source) {
      picture.dataset.for = picture.src = source;
      picture.hidden = false;
    }
    picture.hidden ||= !picture.dataset.for;
    name.textContent = name.title = photo.name;
    item.firstChild.href = name.href = `#/photo/${photo.id}`;
    why.textContent = told(photo);
    why.title = photo.reason || "";
    get.hidden = tick.hidden = !done;
    get.href = `api/v1/photos/${photo.id}/result?download=1${query()}`;
    get.setAttribute("aria-label", `${t("download")}: ${photo.name}`);
    tick.setAttribute("aria-label", `${t("choose_it")}: ${photo.name}`);
  } };
}

/** The list that was shown last, for going from one photo to the next. */
export let order = [];

let list = null; // the screen's, while it is shown
/** The screen. */
export function show(root) {
  const cards = new Map();
  let chosen = new Set();
  let whole = false; // all that match are chosen, shown or not
  let many = null;
  let count = {};
  let state = "";
  let trail = [null]; // cursors of the pages before this one
  let next = null;
  let asked = 0;

  const files = el("input", { id: "file", type: "file", multiple: true, class: "unseen",
    accept: "image/*,.dng,.cr2,.cr3,.nef,.arw,.raf,.orf,.rw2,.heic", change: picked });
  const camera = el("input", { id: "camera", type: "file", capture: "environment",
    accept: "image/*", class: "unseen touch", change: picked });
  const folder = el("input", { id: "folder", type: "file", webkitdirectory: true, class: "unseen wide",
    change: picked });
  const zone = el("div", { class: "zone" },
    el("div", {}, el("h2", { class: "wide" }, t("drop_title")),
      el("h2", { class: "touch" }, t("touch_title")), el("p", {}, t("drop_text"))),
    el("p", { class: "pick" }, files, el("label", { for: "file", class: "go" }, t("choose")),
      folder, el("label", { for: "folder", class: "plain wide" }, t("choose_folder")),
      camera, el("label", { for: "camera", class: "plain touch" }, t("take_photo"))));
  const live = el("ul", { class: "live", "aria-label": t("lanes") });
  const sending = el("div", { class: "sending", hidden: true });
  const filters = new Map(STATES.map((each) => [each, el("button", { type: "button", click: () => {
    state = each;
    trail = [null];
    take([], false);
    counts();
    load();
  } }, t(each ? `tab_${each}` : "all"), el("b"))])); // made once: who has come to one by Tab stays
  const tabs = el("div", { class: "tabs", role: "group", "aria-label": t("filter") },
    ...filters.values());
  const grid = el("ul", { class: "cards", "aria-label": t("photos") });
  const empty = el("p", { class: "hint" });
  const selected = el("span", { "aria-live": "polite" });
  const all = el("input", { type: "checkbox", id: "all", change: () => {
    for (const each of cards.values()) if (!each.tick.hidden) choose(each.id, all.checked);
  } });
  const zip = button("download_zip", async () => (await module("many")).zip(chosen), { disabled: true });
  const newer = button("newer", () => { trail.pop(); load(); });
  const older = button("older", () => { trail.push(next); load(); });
  const tools = el("div", { class: "tools", hidden: true }, tabs, el("span", { class: "grow" }),
    selected, el("label", { for: "all", class: "check" }, all, t("all_here")), zip);
  const as = handing(() => cards.forEach((each) => each.update(each.photo)));
  root.append(el("h1", { class: "unseen" }, t("photos")), zone, live, sending, tools, as, grid,
    empty, el("div", { class: "pages" }, newer, older));
  zone.hidden = !may("submit");

  function picked(event) {
    send([...event.target.files]);
    event.target.value = "";
  }

  function choose(id, on) {
    if (on) chosen.add(id);
    else chosen.delete(id);
    if (whole && !on) { // with it goes what is not shown: nobody could take that back
      take([...chosen].filter((each) => cards.has(each)), false);
      offer();
    }
    mark();
  }

  function mark() {
    for (const each of cards.values()) each.tick.checked = chosen.has(each.id);
    zip.disabled = !chosen.size;
    const said = chosen.size ? t("chosen", { n: chosen.size }) : "";
    if (selected.textContent !== said) selected.textContent = said; // what is set again is read out again
  }

  /** What is offered for all that match, once there is a filter. */
  async function offer() {
    if (state) many ||= module("many").then(({ offers }) => offers(zip, load, take));
    (await many)?.show(state, count[state], cards.size, whole);
  }

  function take(ids, all) {
    chosen = new Set(ids);
    whole = all;
    mark();
  }

  const cursor = (after) => after ? `&after=${encodeURIComponent(after)}` : "";
  async function load() {
    const mine = (asked += 1);
    const after = trail.at(-1);
    const page = await attempt(() =>
      call("GET", `photos?limit=${PAGE}${state ? `&state=${state}` : ""}${cursor(after)}`));
    if (!page || mine !== asked) return;
    next = page.next;
    newer.hidden = trail.length < 2;
    older.hidden = !next;
    draw(page.photos);
  }

  function drop(id, each) {
    each.item.remove();
    cards.delete(id);
    if (!whole) chosen.delete(id);
  }

  function draw(found) {
    const kept = new Set(found.map((photo) => photo.id));
    for (const [id, each] of cards) {
      if (!kept.has(id) && Date.now() - (each.fresh || 0) > FRESH_MS) drop(id, each);
    }
    let before = grid.firstChild;
    for (const photo of found) {
      const each = put(photo);
      if (each.item === before) before = before.nextSibling;
      else grid.insertBefore(each.item, before);
    }
    zone.classList.toggle("slim", found.length > 0 || state !== "");
    tools.hidden = as.hidden = !found.length && state === "";
    empty.hidden = found.length > 0;
    empty.textContent = t(state ? "none_match" : "none_yet");
    all.checked = false;
    mark();
    offer();
  }

  function put(photo) {
    let each = cards.get(photo.id);
    if (!each) cards.set(photo.id, each = { ...card(photo, choose), id: photo.id });
    each.photo = photo;
    each.update(photo);
    return each;
  }

  function counts() {
    const { inboxes = [], lanes = [], waiting = 0 } = now.status;
    const sum = (key) => inboxes.reduce((total, each) => total + (each[key] || 0), 0);
    count = { "": null, waiting, done: sum("done"), doubtful: sum("doubtful"),
      quarantined: sum("quarantined") };
    for (const [each, tab] of filters) {
      const many = count[each] ? number(count[each]) : "";
      tab.setAttribute("aria-pressed", String(each === state));
      if (tab.lastChild.textContent !== many) tab.lastChild.textContent = many;
    }
    live.replaceChildren(...lanes.map((lane) => el("li", {}, el("span", { class: "name" },
      lane.source.split("/").pop()), el("span", {}, known(`stage_${lane.stage}`)
      ? t(`stage_${lane.stage}`) : lane.stage), el("time", {}, duration(lane.seconds)))));
    live.hidden = !lanes.length;
    offer();
  }

  /** One that has just arrived is first in the list, before the list is asked for anew. */
  function arrived(photo) {
    if (cards.has(photo.id) || trail.length > 1 || (state && state !== photo.state)) return;
    const each = put(photo);
    each.fresh = Date.now(); // the list may not have it yet
    grid.prepend(each.item);
    zone.classList.add("slim");
    tools.hidden = as.hidden = false;
    empty.hidden = true;
    while (cards.size > PAGE) {
      const last = [...cards.values()].find((each) => each.item === grid.lastChild);
      drop(last.id, last);
    }
  }

  counts();
  load();
  list = { sending, arrived };
  uploads?.attach(sending, arrived);
  return {
    change(photo) {
      if (!photo) {
        counts();
        load();
      } else if (cards.has(photo.id)) put(photo);
      else if (!/gone|skipped/.test(photo.state)) arrived(photo);
      const now_done = photo?.state === "done" && uploads?.settled(photo.id);
      if (now_done) say(t("of_done", now_done));
    },
    leave() {
      list = null;
      const shown = new Map([...cards.values()].map((each) => [each.item, each.photo]));
      order = [...grid.children].map((item) => shown.get(item));
    },
  };
}
