/** One photo: before and after, what is known of it, and its download. */

import { attempt, button, bytes, call, duration, el, handing, known, module, moment, number, preview,
  query, t, toast } from "./kit.js";
import { may, now } from "./main.js";
import { order } from "./photos.js";
import { facts, viewer } from "./viewer.js";

const decided = []; // photos that were judged in this visit: the last one is taken back first

/** The screen; its address names the photo. */
export function show(root, [id]) {
  const view = viewer();
  const at = order.findIndex((each) => each.id === id);
  const near = (step) => at < 0 ? undefined : order[at + step];
  const title = el("h1", { class: "name" });
  const aside = el("aside", {});
  const link = el("a", { class: "go", download: "", "aria-keyshortcuts": "D" }, t("download"),
    el("kbd", { "aria-hidden": "true" }, "D"));
  const mask = el("a", { class: "plain", download: "" }, t("download_mask"));
  const again = button("retry", async () => {
    const next = await attempt(() => call("POST", `photos/${id}/retry`));
    if (next) put(next);
  });
  const as = handing(() => aim());
  let shown = null;
  let anew_now = false;
  const yes = button("accept", () => decide("accept"), { class: "yes" }, "A");
  const no = button("reject", () => decide("reject"), { class: "no" }, "X");
  const way = el("select", { "aria-label": t("redo_how") }, ["model", "edges"].map((kind) =>
    el("optgroup", { label: t(kind) }, (now.status.redo?.[`${kind}s`] || now.status.redo?.[kind] || [])
      .map((each) => el("option", { value: `${kind}=${each}` },
        kind === "edges" ? t(`edges_${each}`) : each.replace(":fp32", ""))))));
  const anew = el("div", { class: "redo" }, way, button("redo", redo, {}, "R"),
    button("touch", paint, {}, "E"));
  const back = button("undo", undo, {}, "U");
  const verdict = el("div", { class: "verdict" }, yes, no, back);
  const turn = (step) => button(step < 0 ? "previous" : "next", () => go(step),
    { icon: step < 0 ? "←" : "→", disabled: !near(step) }, step < 0 ? "←" : "→");
  root.append(el("div", { class: "head" }, el("a", { href: "#/", class: "back" }, "← ", t("back")), title,
    turn(-1), turn(1)), el("div", { class: "one" }, view.root, aside));

  const aim = () => { link.href = `api/v1/photos/${id}/result?download=1${query()}`; };
  mask.href = `api/v1/photos/${id}/result?download=1&mask=1`;
  const go = (step) => {
    if (near(step)) location.replace(`#/photo/${near(step).id}`);
  };

  /** One key judges and goes on; what is judged already stays as it is. */
  function decide(verb) {
    if (verdict.hidden || (verb === "accept" && yes.hidden)) return;
    const was = shown.review;
    const next = was === null ? near(1)
      : [...order.slice(at + 1), ...order.slice(0, Math.max(at, 0))].find((e) => e.review === "open");
    const after = verb === "accept" ? "accepted" : "rejected";
    if (was !== after) {
      if (at >= 0) order[at].review = after;
      const asked = attempt(() => call("POST", `photos/${id}/${verb}`));
      decided.push({ ...shown, asked });
      asked.then((told) => {
        if (told && (was === null || !next) && screen_is_here()) put(told);
      });
    }
    if (at >= 0 && next && was !== null) location.replace(`#/photo/${next.id}`);
    else if (at >= 0 && was === "open") location.hash = "#/";
  }
  const screen_is_here = () => root.isConnected;

  /** Made anew by what is chosen; the daemon tells when it is there. */
  async function redo() {
    if (anew.hidden) return;
    const [kind, value] = way.value.split("=");
    if (await attempt(() => call("POST", `photos/${id}/redo`, { [kind]: value }))) toast(t("redone"));
  }

  /** Painted over by hand; the editor comes when it is asked for. */
  async function paint() {
    if (anew.hidden) return;
    const { touch } = await module("touch");
    touch(shown);
  }

  async function undo() {
    const last = decided.pop();
    if (!last) return;
    await last.asked; // or it might come after what takes it back
    await attempt(() => call("POST", `photos/${last.id}/reopen`));
    const there = order.find((each) => each.id === last.id);
    if (there) there.review = last.review;
    if (last.id === id) load();
    else location.replace(`#/photo/${last.id}`);
  }

  function put(photo) {
    anew_now = (anew_now || shown?.state === "done") && photo.state !== "done"; // the old one stays in view
    shown = photo;
    const { state, code, reason, took_ms: took, width, height, doubt } = photo;
    const done = state === "done";
    title.textContent = photo.name;
    document.title = `${photo.name} · nobgd`;
    if (!anew_now) view.photo(photo);
    aim();
    link.hidden = as.hidden = mask.hidden = !done;
    again.hidden = !may("review") || !["quarantined", "retrying"].includes(state);
    verdict.hidden = !done || !may("review");
    anew.hidden = verdict.hidden || !way.options.length;
    yes.hidden = photo.review === null;
    yes.setAttribute("aria-pressed", String(photo.review === "accepted"));
    no.setAttribute("aria-pressed", String(photo.review === "rejected"));
    back.hidden = !decided.length;
    aside.replaceChildren(verdict, anew, link, again, facts([
      ["state", t(state)],
      ["reason", code && (known(`code_${code}`) ? t(`code_${code}`) : code)],
      ["said", reason],
      ["pixels", width && `${number(width)} × ${number(height)}`],
      ["size", photo.bytes_in && bytes(photo.bytes_in)],
      ["took", took && duration(took / 1000)],
      ["pace", took && width && t("per_megapixel",
        { n: Math.round(took / (width * height / 1e6)) })],
      ["doubt", doubt != null && `${number(doubt * 100)} %`],
      ["review", photo.review && t(`review_${photo.review}`)],
      ["changed", photo.changed_at && moment(photo.changed_at)],
    ]), as, mask);
  }

  async function load() {
    const photo = await attempt(() => call("GET", `photos/${id}`));
    if (photo) put(photo);
  }
  for (const other of [near(1), near(2), near(3), near(-1)]) { // there when it is turned to
    if (other?.state !== "done") continue;
    for (const what of ["out", "in"]) new Image().src = preview(other, what, 1600);
  }

  function press(event) {
    const on = (what) => event.target.matches?.(what);
    const held = event.ctrlKey || event.metaKey;
    if (on("input:not([type=range]),select,textarea,pre") || (held && event.key !== "z") || event.altKey
      || document.querySelector("dialog[open]")) return;
    const act = { a: () => decide("accept"), x: () => decide("reject"), u: undo, r: redo, e: paint, z: held ? undo : view.zoom, m: view.mask, b: view.ground, d: () => !link.hidden && link.click(),
      arrowleft: !on("input,.full") && (() => go(-1)), arrowright: !on("input,.full") && (() => go(1)),
      escape: () => { location.hash = "#/"; },
      " ": !on("button,a,summary,input") && view.flip }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }
  addEventListener("keydown", press);
  if (order[at]?.state === "done") put({ ...order[at] }); // the rest follows
  load();
  return {
    change(photo) {
      if (!photo || photo.id === id) load();
    },
    leave: () => removeEventListener("keydown", press),
  };
}
