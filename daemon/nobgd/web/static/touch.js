/** Painting over a cut-out: what is to be kept and what removed.  Strokes only: the rest stays. */

import { attempt, button, call, el, preview, t, toast } from "./kit.js";

await new Promise((good) => document.head.append(
  el("link", { rel: "stylesheet", href: "static/touch.css", load: good, error: good })));
const COLOURS = { keep: "#12b886", remove: "#fa5252" };
const LEVELS = { keep: "#fff", remove: "#000" }; // and #808080, which leaves a pixel alone

/** A dialog over a photo that is done; strokes are sent when it is applied. */
export function touch(photo) {
  const strokes = []; // {mode, size, points}: the last one is undone first
  let mode = "remove";
  let stroke = null;
  const below = el("img", { class: "below", alt: "", src: preview(photo, "in", 1600) });
  const cut = el("img", { class: "cut", alt: t("cut_out_of", { name: photo.name }),
    src: preview(photo, "out", 1600) });
  const canvas = el("canvas", { class: "strokes", "aria-label": t("touch_help"), role: "img" });
  const size = el("input", { type: "range", min: 4, max: 200, value: 40, "aria-label": t("touch_size") });
  const modes = ["keep", "remove"].map((each) => el("button", { type: "button", class: each,
    click: () => choose(each) }, t(`touch_${each}`)));
  const apply = button("touch_apply", send, { class: "go", disabled: true });
  const dialog = el("dialog", { class: "painting", "aria-label": t("touch") },
    el("div", { class: "sheet" }, below, cut, canvas),
    el("div", { class: "bar" }, modes, el("label", {}, t("touch_size"), " ", size),
      button("undo", undo, {}, "U"), photo.touched && button("touch_none", forget),
      button("close", () => dialog.close()), apply));

  const fit = () => {
    canvas.width = below.naturalWidth;
    canvas.height = below.naturalHeight;
    draw();
  };
  below.addEventListener("load", fit);
  if (below.complete && below.naturalWidth) fit();

  function choose(next) {
    mode = next;
    for (const [at, each] of ["keep", "remove"].entries()) {
      modes[at].setAttribute("aria-pressed", String(each === mode));
    }
  }

  /** All strokes onto a canvas, in these colours. */
  function paint(context, colours) {
    context.lineCap = context.lineJoin = "round";
    for (const each of strokes) {
      context.strokeStyle = colours[each.mode];
      context.lineWidth = each.size;
      context.beginPath();
      context.moveTo(...each.points[0]);
      for (const point of each.points) context.lineTo(...point);
      context.stroke();
    }
  }

  function draw() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    paint(context, COLOURS);
    apply.disabled = !strokes.length;
  }

  function undo() {
    strokes.pop();
    draw();
  }

  const at = (event) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    const scale = canvas.width / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    stroke = { mode, size: Number(size.value) * scale, points: [at(event)] };
    strokes.push(stroke);
    canvas.setPointerCapture(event.pointerId);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    stroke.points.push(at(event));
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { stroke = null; });

  async function send() {
    const sheet = el("canvas", {});
    sheet.width = canvas.width;
    sheet.height = canvas.height;
    const context = sheet.getContext("2d");
    context.fillStyle = "#808080";
    context.fillRect(0, 0, sheet.width, sheet.height);
    paint(context, LEVELS);
    const body = await new Promise((done) => { sheet.toBlob(done, "image/png"); });
    await ask("PUT", body);
  }
  const forget = () => ask("DELETE");

  async function ask(method, body) {
    if (!(await attempt(() => call(method, `photos/${photo.id}/mask`, body)))) return;
    dialog.close();
    toast(t("redone"));
  }

  dialog.addEventListener("keydown", (event) => {
    const step = { "[": -8, "]": 8 }[event.key];
    if (step) size.value = String(Number(size.value) + step);
    else if (event.key === "u" || (event.key === "z" && (event.ctrlKey || event.metaKey))) undo();
    else if (event.key === "k") choose(mode === "keep" ? "remove" : "keep");
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => dialog.remove());
  choose(mode);
  document.body.append(dialog);
  dialog.showModal();
}
