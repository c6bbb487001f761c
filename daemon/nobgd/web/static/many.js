/** What is done to many photos at a time; loaded when somebody could. */

import { attempt, call, el, query, t, toast } from "./kit.js";
import { may } from "./main.js";

const PAGE = 100;
const MOST = 1000; // in one request, and in one archive

/** Photos as an archive: a form, so that the browser saves what streams in. */
export function zip(ids) {
  const rendering = [...new URLSearchParams(query())];
  const form = el("form", { method: "post", action: "api/v1/zip", hidden: true },
    [...[...ids].map((id) => ["ids", id]), ...rendering]
      .map(([name, value]) => el("input", { type: "hidden", name, value })));
  document.body.append(form);
  form.submit();
  form.remove();
}

/** The ids of photos in a state, on whichever page: all, or the first of them. */
async function matching(state) {
  const ids = new Set(); // one that changes meanwhile may come twice
  for (let after = ""; after !== null && ids.size < MOST;) {
    const place = after && `&after=${encodeURIComponent(after)}`;
    const page = await call("GET", `photos?state=${state}&limit=${PAGE}${place}`);
    for (const photo of page.photos) ids.add(photo.id);
    after = page.next;
  }
  return [...ids].slice(0, MOST);
}

/** All of a state again; how many.  `count` bounds it: some may fail once more before it ends. */
async function again(state, count) {
  let done = 0;
  for (let asked = 0; asked <= count; asked += MOST) {
    const answer = await call("POST", "actions", { do: "retry", state });
    done += answer.done.length;
    if (!answer.more) break;
  }
  return done;
}

/** What the list offers for all that match its filter, put before an element of its bar. */
export function offers(place, load, take) {
  let state = "";
  let count = 0;
  let finding = false;
  const box = el("input", { type: "checkbox", id: "whole", change: matched });
  const said = el("span");
  const label = el("label", { for: "whole", class: "check" }, box, said);
  const retry = el("button", { type: "button", click: retried });
  place.before(label, retry);

  /** Chooses all, on whichever page; none when it is taken back. */
  async function matched() {
    const of = state;
    finding = true;
    const ids = box.checked ? await attempt(() => matching(of)) : [];
    finding = false;
    if (of !== state) return; // another filter has been set meanwhile
    box.checked &&= ids !== undefined;
    take(box.checked ? ids : [], box.checked);
  }

  async function retried() {
    retry.disabled = true;
    const n = await attempt(() => again(state, count));
    if (n !== undefined) toast(t("retried", { n }));
    retry.disabled = false;
    load();
  }

  return { show(of, n, shown, whole) {
    if (of !== state || !finding) box.checked = whole;
    [state, count] = [of, n];
    label.hidden = !box.checked && !(/^(done|doubtful)$/.test(of) && n > shown);
    said.textContent = t(n > MOST ? "first_match" : "all_match", { n, most: MOST });
    retry.hidden = of !== "quarantined" || !n || !may("review");
    retry.textContent = t("retry_all", { n });
  } };
}
