/** The report's figures for a period, as the command's tables have them, with bars. */

import { attempt, call, el, known, moment, number, t } from "./kit.js";

await new Promise((good) => document.head.append(
  el("link", { rel: "stylesheet", href: "static/history.css", load: good, error: good })));
const PERIODS = ["24h", "7d", "30d"];
const FIRST = ["photos", "megapixels", "photos_per_minute", "megapixels_per_minute", "quarantined"];
const BARS = ["ms_per_megapixel_mean", "photos"]; // drawn behind the figure

const name_of = (key) => known(`r_${key}`) ? t(`r_${key}`) : key.replaceAll("_", " ");
const cell = (value) => typeof value === "number" ? number(value, value < 10 ? 2 : 0)
  : value == null || value === "" ? "–"
    : /^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : String(value);

/** A list of objects as rows and columns; the columns of BARS have bars. */
function table(key, rows) {
  const heads = Object.keys(rows[0]);
  const most = Object.fromEntries(BARS.map((head) =>
    [head, Math.max(...rows.map((row) => Number(row[head]) || 0))]));
  const numeric = (head) => rows.some((row) => typeof row[head] === "number") ? "n" : null;
  const td = (row, head) => {
    const made = el("td", { class: numeric(head) }, cell(row[head]));
    if (BARS.find((each) => most[each]) !== head || rows.length < 2) return made;
    made.classList.add("bars");
    made.style.setProperty("--part", `${(100 * (row[head] || 0)) / most[head]}%`);
    return made;
  };
  return part(key, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { class: numeric(head) }, name_of(head))))),
    el("tbody", {}, rows.map((row) => el("tr", {}, heads.map((head) => td(row, head)))))));
}

const part = (key, body) => el("section", { class: "sheet-of" }, el("h2", {}, name_of(key)),
  el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": name_of(key) }, body));

/** An object: its most telling figures large, the others as terms. */
function totals(key, found) {
  const line = ([term, value]) => [el("dt", {}, name_of(term)), el("dd", {}, cell(value))];
  const large = FIRST.filter((term) => term in found).map((term) => [term, found[term]]);
  const rest = Object.entries(found).filter(([term]) => !FIRST.includes(term));
  return [large.length && el("dl", { class: "large" }, large.map((each) => el("div", {}, line(each)))),
    rest.length && part(key, el("dl", { class: "terms" }, rest.map(line)))];
}

/** The report's charts, as pictures: text of the server's becomes no element of the page. */
function charts(found) {
  const made = Object.entries(found).map(([key, svg]) => {
    const source = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    const drawn = el("img", { src: source, alt: name_of(`chart_${key}`) });
    drawn.addEventListener("load", () => URL.revokeObjectURL(source));
    return el("section", { class: "sheet-of" }, el("h2", {}, name_of(`chart_${key}`)), drawn);
  });
  return made.length && el("div", { class: "charts" }, made);
}

/** The screen. */
export function show(root) {
  const body = el("div", { class: "report" });
  const period = el("select", { id: "period", change: load },
    PERIODS.map((each) => el("option", { value: each }, t(`period_${each}`))));
  root.append(el("div", { class: "head" }, el("h1", {}, t("history")),
    el("label", { for: "period", class: "unseen" }, t("period")), period), body);

  async function load() {
    const report = await attempt(() => call("GET", `report?period=${period.value}&charts=1`));
    if (!report) return;
    const { charts: drawn = {}, ...figures } = report;
    const full = Object.entries(figures).map(([key, found]) =>
      Array.isArray(found) ? found.length && typeof found[0] === "object" && table(key, found)
        : found && typeof found === "object" && Object.keys(found).length && totals(key, found));
    const shown = full.flat(2).filter(Boolean);
    const graphs = charts(drawn);
    if (graphs) shown.splice(1, 0, graphs); // below the large figures
    body.replaceChildren(...(shown.length ? shown : [el("p", { class: "hint" }, t("no_report"))]));
  }
  load();
  return {};
}
