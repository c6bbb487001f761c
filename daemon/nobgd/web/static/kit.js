/** What every screen needs: words, elements, calls, numbers.  Text only ever becomes a text node. */

const words = JSON.parse(document.getElementById("words").textContent);
export const lang = document.documentElement.lang;
const plural = new Intl.PluralRules(lang);

/** The words for a key, its {names} filled in; with {n} the key's own form for one. */
export function t(key, values = {}) {
  const one = "n" in values && plural.select(values.n) === "one" && words[`${key}_one`];
  const text = one || words[key] || key;
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? number(values[name]) : (values[name] ?? ""));
}

/** Whether there are words for a key: codes of a newer daemon have none. */
export const known = (key) => key in words;

/** An element: properties that are functions listen, true and false switch, others are attributes. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else if (value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return made;
}

/** A button that says what it does and the key that does it too. */
export function button(key, act, properties = {}, shortcut = "") {
  const { icon, ...rest } = properties;
  const label = t(key);
  const title = shortcut ? `${label} (${shortcut})` : label;
  return el("button", { type: "button", title, "aria-keyshortcuts": shortcut || null,
    "aria-label": icon ? label : null, click: act, ...rest },
  icon && el("span", { class: "ico", "aria-hidden": "true" }, icon),
  !icon && label, shortcut && icon !== shortcut && el("kbd", { "aria-hidden": "true" }, shortcut));
}

/** What the server refused: its code and its sentence (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || t("no_answer"));
    this.status = status;
    this.code = body.code || "";
  }
}

/** One call of the API; the answer's JSON.  Raises Problem; 401 asks for the key anew. */
export async function call(method, path, body, options = {}) {
  const raw = body instanceof Blob;
  const headers = body === undefined || raw ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(`api/v1/${path}`, { method, headers, ...options,
      body: body === undefined || raw ? body : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  const type = answer.headers.get("Content-Type") || "";
  const found = type.includes("json") ? await answer.json() : {};
  if (answer.status === 401) dispatchEvent(new Event("locked"));
  if (!answer.ok) throw new Problem(answer.status, found);
  return found;
}

/** A module, at another address until the server answers: browsers may keep what failed. */
export const module = (name, again = "") => import(`./${name}.js${again}`).catch(async () => {
  toast(t("no_answer"));
  await new Promise((good) => setTimeout(good, 2000));
  return module(name, `${again}?`);
});

/** The address of a photo's small picture: which is in, out or mask; size 320 or 1600. */
export const preview = (photo, which, size) =>
  `api/v1/photos/${photo.id}/preview/${which}/${size}?v=${photo.version}`;

export const number = (value, digits = 0) =>
  value.toLocaleString(lang, { maximumFractionDigits: digits });

/** Bytes for people. */
export function bytes(size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let step = 0;
  for (; size >= 1000 && step < 4; step += 1) size /= 1000;
  return size.toLocaleString(lang, { style: "unit", unit: units[step], unitDisplay: "short",
    maximumFractionDigits: size < 10 && step ? 1 : 0 });
}

/** Seconds for people: 0.4 s, 12 s, 3 min, 2 h. */
export function duration(seconds) {
  const [value, unit] = seconds < 90 ? [seconds, "second"]
    : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return value.toLocaleString(lang, { style: "unit", unit, unitDisplay: "short",
    maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** A moment in the reader's own time. */
export const moment = (when) => new Date(when)
  .toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });

let spoken = 0;
let waiting = 0;
/** Says it to screen readers, at most every 5 s; the last one counts. */
export function say(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    spoken = Date.now();
    document.getElementById("said").textContent = text;
  }, Math.max(0, spoken + 5000 - Date.now()));
}

/** A line at the foot of the window, gone after a while; with an action it offers that. */
export function toast(text, label, act) {
  const line = el("p", {}, text, label && el("button", { type: "button", click: () => {
    line.remove();
    act();
  } }, label));
  const box = document.getElementById("toasts");
  if (box.lastChild?.textContent === line.textContent) box.lastChild.remove(); // said already
  box.append(line);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => line.remove(), 7000);
}

/** Runs it; what the server refuses is told. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 401) toast(error.message);
    return undefined;
  }
}

/** What is remembered in this browser, where it may be. */
export const memory = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`nobgd.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`nobgd.${name}`, JSON.stringify(value));
    } catch {} // a private window
  },
};

const START = { format: "png", compression: "fast", quality: "90", background: "none",
  colour: "#ffffff", crop: "none", margin: "", longest_side: "" };
/** How cut-outs are to be handed out, as chosen in this browser. */
export const output = { ...START, ...memory.get("output", {}) };

/** The choice as parameters of an address, led by &; only what differs from the plain PNG. */
export function query() {
  const asked = new URLSearchParams();
  if (output.format !== "png") {
    asked.set("format", output.format);
    asked.set("quality", output.quality);
  } else if (output.compression !== "fast") asked.set("compression", output.compression);
  if (output.background !== "none") {
    asked.set("background", output.background === "colour" ? output.colour : output.background);
  }
  if (output.crop !== "none") {
    asked.set("crop", output.crop);
    if (output.margin) asked.set("margin", output.margin);
  }
  if (output.longest_side) asked.set("longest_side", output.longest_side);
  return asked.size ? `&${asked}` : "";
}

/** The choice for people, and behind it the form. */
export function handing(changed) {
  const said = el("span", { class: "soft" });
  const tell = () => {
    said.textContent = [t(`format_${output.format}`),
      output.background !== "none" && t(`background_${output.background}`),
      output.crop !== "none" && t(`crop_${output.crop}`),
      output.longest_side && `${output.longest_side} px`].filter(Boolean).join(" · ");
  };
  const box = el("details", { class: "output" }, el("summary", {}, t("output"), ": ", said));
  box.addEventListener("toggle", async () => {
    const { fields } = await module("output");
    if (!box.children[1]) box.append(fields(() => {
      tell();
      changed();
    }));
  }, { once: true });
  tell();
  return box;
}
