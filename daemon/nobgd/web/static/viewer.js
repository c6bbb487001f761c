/** One photo before and after: on any ground, divided where one likes, at 1:1, or its mask. */

import { button, el, memory, preview, t } from "./kit.js";

export const GROUNDS = ["check", "white", "black", "colour"];

/** A viewer: `root` to be shown, `photo(p)` to show one, and the verbs that keys have. */
export function viewer() {
  let current = null;
  let ground = memory.get("ground", "check");
  let mask = false;
  const after = el("img", { class: "after", draggable: "false" });
  const before = el("img", { class: "before", draggable: "false", alt: "" });
  const edge = el("i", { class: "edge", "aria-hidden": "true" });
  const sheet = el("div", { class: "sheet" }, after, before, edge);
  const stage = el("div", { class: "stage" }, sheet);
  const slider = el("input", { type: "range", min: 0, max: 100, value: 0, step: 1,
    "aria-label": t("compare"), input: divide });
  const colour = el("input", { type: "color", value: memory.get("colour", "#2f9e44"),
    "aria-label": t("ground_colour"), input: () => {
      memory.set("colour", colour.value);
      set_ground("colour");
    } });
  const swatches = GROUNDS.slice(0, 3).map((each) => el("button", { type: "button",
    class: `swatch ${each}`, title: t(`ground_${each}`), "aria-label": t(`ground_${each}`),
    click: () => set_ground(each) }));
  const one = button("zoom", zoom, { icon: "1:1", "aria-pressed": "false" }, "Z");
  const masked = button("mask", show_mask, { icon: "◐", "aria-pressed": "false" }, "M");
  const bar = el("div", { class: "bar" },
    el("label", { class: "slide" }, el("span", {}, t("after")), slider, el("span", {}, t("before"))),
    el("span", { class: "group" }, swatches, colour), el("span", { class: "group" }, masked, one));
  const root = el("div", { class: "viewer" }, stage, bar);

  function divide() {
    const at = Number(slider.value);
    before.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
    edge.style.left = `${at}%`;
    edge.hidden = at === 0 || at === 100;
  }

  /** All of the photo or all of the cut-out. */
  function flip() {
    slider.value = Number(slider.value) > 50 ? "0" : "100";
    divide();
  }

  function set_ground(next) {
    ground = next;
    memory.set("ground", ground);
    sheet.dataset.ground = ground;
    sheet.style.backgroundColor = ground === "colour" ? colour.value : "";
    swatches.forEach((each, at) => each.setAttribute("aria-pressed", String(GROUNDS[at] === ground)));
  }

  function show_mask() {
    mask = !mask;
    masked.setAttribute("aria-pressed", String(mask));
    if (mask && Number(slider.value) > 50) flip();
    draw();
  }

  /** The cut-out itself at one pixel a pixel; the photo beneath it moves along. */
  function zoom() {
    const on = stage.classList.toggle("full");
    one.setAttribute("aria-pressed", String(on));
    stage.tabIndex = on ? 0 : -1;
    draw();
    if (on) {
      after.decode().catch(() => {}).then(() => stage.scrollTo(
        (stage.scrollWidth - stage.clientWidth) / 2, (stage.scrollHeight - stage.clientHeight) / 2));
    }
  }

  function draw() {
    if (!current) return;
    const full = stage.classList.contains("full");
    const done = current.state === "done";
    root.hidden = !done; // before that there is nothing to compare, and nobody looks into it
    if (!done) return;
    show_in(after, mask ? preview(current, "mask", 1600)
      : full ? `api/v1/photos/${current.id}/result?v=${current.version}` : preview(current, "out", 1600));
    // a pixel of the photo is one of the screen's, and on no screen a small photo is blown up
    after.style.width = full && current.width ? `${current.width / devicePixelRatio}px` : "";
    show_in(before, preview(current, "in", 1600));
  }

  function show_in(picture, source) {
    if (picture.getAttribute("src") === source) return;
    sheet.classList.toggle("loading", picture === after);
    picture.src = source;
  }
  for (const kind of ["load", "error"]) {
    after.addEventListener(kind, () => sheet.classList.remove("loading"));
  }

  // dragging divides; at 1:1 it moves the sheet
  let grip = null;
  stage.addEventListener("pointerdown", (event) => {
    const full = stage.classList.contains("full");
    if (event.button || (full && event.pointerType === "touch")) return; // a finger scrolls by itself
    grip = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop };
    stage.setPointerCapture(event.pointerId);
    move(event);
  });
  const move = (event) => {
    if (!grip) return;
    if (stage.classList.contains("full")) {
      stage.scrollTo(grip.left - event.clientX + grip.x, grip.top - event.clientY + grip.y);
    } else {
      const { left, width } = sheet.getBoundingClientRect();
      slider.value = String(((event.clientX - left) / width) * 100);
      divide();
    }
  };
  stage.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { grip = null; });

  set_ground(GROUNDS.includes(ground) ? ground : "check");
  divide();
  return {
    root, stage, sheet, bar, zoom, mask: show_mask,
    photo(next) {
      if (current && next.id !== current.id) {
        stage.classList.remove("full");
        one.setAttribute("aria-pressed", "false");
        slider.value = "0";
        divide();
      }
      current = next;
      after.alt = t("cut_out_of", { name: next.name });
      draw();
    },
    flip,
    ground: () => set_ground(GROUNDS[(GROUNDS.indexOf(ground) + 1) % GROUNDS.length]),
  };
}

/** What is known of a photo, as terms and their descriptions. */
export function facts(lines) {
  return el("dl", { class: "facts" }, lines.filter(([, value]) => value || value === 0)
    .map(([key, value]) => [el("dt", {}, t(key)), el("dd", {}, value)]));
}
