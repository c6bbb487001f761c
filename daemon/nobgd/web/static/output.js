/** The form for how cut-outs are handed out: format, background, crop, size. */

import { el, memory, output, t } from "./kit.js";

const CHOICES = {
  format: ["png", "webp", "jpeg"],
  compression: ["fast", "balanced"],
  background: ["none", "white", "black", "colour"],
  crop: ["none", "subject"],
};

/** The fields; `changed` is called after each change. */
export function fields(changed) {
  const rows = {};
  const set = (name, value) => {
    output[name] = value;
    memory.set("output", output);
    fit();
    changed();
  };
  const select = (name) => el("select", { id: `o-${name}`, change: (event) => set(name, event.target.value) },
    CHOICES[name].map((value) =>
      el("option", { value, selected: output[name] === value }, t(`${name}_${value}`))));
  const input = (name, properties) => el("input", { id: `o-${name}`, value: output[name],
    change: (event) => event.target.checkValidity() && set(name, event.target.value), ...properties });
  const controls = {
    format: select("format"),
    compression: select("compression"),
    quality: input("quality", { type: "number", min: 1, max: 100, required: true }),
    background: select("background"),
    colour: input("colour", { type: "color" }),
    crop: select("crop"),
    margin: input("margin", { pattern: "\\d{1,5}%?", placeholder: "5%", size: 6 }),
    longest_side: input("longest_side", { type: "number", min: 1, max: 60000, placeholder: "px" }),
  };
  const box = el("div", { class: "fields" }, Object.entries(controls).map(([name, control]) =>
    (rows[name] = el("p", {}, el("label", { for: control.id }, t(name)), control))));
  function fit() {
    const png = output.format === "png";
    rows.compression.hidden = !png;
    rows.quality.hidden = png;
    rows.colour.hidden = output.background !== "colour";
    rows.margin.hidden = output.crop === "none";
  }
  fit();
  return box;
}
