/** What the daemon was told, to read: it is changed in its file. */

import { attempt, button, call, el, t } from "./kit.js";
import { may, now } from "./main.js";

/** The screen. */
export function show(root) {
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": t("config") });
  const boxes = el("ul", { class: "boxes" });
  root.append(el("h1", {}, t("settings")), el("h2", {}, t("inboxes")), boxes,
    el("h2", {}, t("config")), el("p", { class: "soft" }, t("config_text")), text);
  attempt(() => call("GET", "config")).then((config) => {
    if (config) text.textContent = JSON.stringify(config, null, 2);
  });
  function change() {
    boxes.replaceChildren(...now.status.inboxes.map((each) => el("li", {},
      el("div", {}, el("b", {}, each.inbox), el("span", {}, "→ ", each.outbox),
        each.hindered && el("span", { class: "bad" }, each.hindered)),
      may("steer") && each.key && button(each.paused ? "resume" : "pause", () => attempt(() =>
        call("POST", each.paused ? "resume" : "pause", { inbox: each.key }))))));
  }
  change();
  return { change };
}
