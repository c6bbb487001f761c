/** Photos on their way to the daemon: three at a time, tried again until they are there. */

import { bytes, button, el, number, Problem, t, toast } from "./kit.js";

const AT_ONCE = 3;
const LONGEST_WAIT_S = 30;
const LOCAL = 120; // pictures shown from this machine, so that a row has one before the server does
const NO_PHOTO = /^(\.|Thumbs\.db$|desktop\.ini$)/i;
const NO_TYPE = /^(text|audio|video)\/|pdf|zip|javascript|json/;

/** Pictures of photos that were sent from here, by id: addresses of local files. */
export const pictures = new Map();
const queue = [];
const going = new Set();
const sent = new Set(); // ids, until they are settled
const refused = []; // names, and why
let total = 0;
let arrived = 0;
let done = 0;
let box = null;
let tell = () => {};

/** Adds files, and folders with all that is in them; what is plainly no photo is passed over and said. */
export async function add(found) {
  const files = (await Promise.all(found.map(walk))).flat();
  const good = files.filter((file) => !NO_PHOTO.test(file.name) && !NO_TYPE.test(file.type));
  if (good.length < files.length) toast(t("passed_over", { n: files.length - good.length }));
  if (!going.size && !queue.length) total = arrived = done = 0;
  queue.push(...good);
  total += good.length;
  for (let free = AT_ONCE - going.size; free > 0; free -= 1) next();
  draw();
}

/** The files of an entry of a drop (File and Directory Entries API). */
async function walk(entry) {
  if (entry instanceof File) return [entry];
  try {
    if (entry.isFile) return [await new Promise((good, bad) => entry.file(good, bad))];
    const found = [];
    for (const reader = entry.createReader(); ;) {
      const part = await new Promise((good, bad) => reader.readEntries(good, bad));
      if (!part.length) return found;
      for (const each of part) found.push(...await walk(each));
    }
  } catch (error) {
    refuse(entry.name, error.message);
    return [];
  }
}

/** Where the progress is shown from now on, and who hears of each photo that has arrived. */
export function attach(place, heard) {
  box = place;
  tell = heard;
  draw();
}

/** How many of those sent from here are done by now; null: the photo is none of them. */
export function settled(id) {
  if (!sent.delete(id)) return null;
  done += 1;
  const address = pictures.get(id);
  if (address) setTimeout(() => { // the server's picture takes its place first
    pictures.delete(id);
    URL.revokeObjectURL(address);
  }, 20000);
  return { n: done, total };
}

async function next() {
  const file = queue.shift();
  if (!file) return;
  const job = { file, loaded: 0 };
  going.add(job);
  draw();
  for (let wait_s = 1; ; wait_s = Math.min(wait_s * 2, LONGEST_WAIT_S)) {
    const { status, body, after } = await put(job);
    if (status === 200 || status === 201) {
      arrived += 1;
      if (body.state !== "done") sent.add(body.id);
      else done += 1;
      if (pictures.size < LOCAL && /^image\/(png|jpeg|webp|gif|avif)$/.test(file.type)) {
        pictures.set(body.id, URL.createObjectURL(file));
      }
      tell(body);
      break;
    }
    if (status === 401) dispatchEvent(new Event("locked"));
    else if (!await readable(file)) {
      refuse(file.name, t("unreadable"));
      break;
    } else if (status && status !== 429 && status < 500) {
      refuse(file.name, new Problem(status, body).message);
      break;
    }
    job.why = body.detail || t("no_answer");
    job.loaded = 0;
    draw();
    await new Promise((good) => setTimeout(good, 1000 * (after || wait_s)));
  }
  going.delete(job);
  draw();
  next();
}

/** A file that was changed or removed since it was chosen cannot be sent, ever. */
const readable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

function refuse(name, why) {
  refused.push([name, why]);
  total -= 1;
  draw();
}

/** One try; XMLHttpRequest, as fetch does not tell how much is sent. */
function put(job) {
  return new Promise((good) => {
    const line = new XMLHttpRequest();
    line.open("PUT", `api/v1/photos?name=${encodeURIComponent(job.file.name)}`);
    line.responseType = "json";
    line.upload.addEventListener("progress", (event) => {
      job.loaded = event.loaded;
      draw();
    });
    line.addEventListener("loadend", () => good({ status: line.status, body: line.response || {},
      after: Number(line.getResponseHeader("Retry-After")) }));
    line.send(job.file);
  });
}

let drawn = 0;
function draw() {
  drawn ||= requestAnimationFrame(() => {
    drawn = 0;
    if (!box) return;
    const jobs = [...going];
    const busy = jobs.length + queue.length > 0;
    box.hidden = !busy && !refused.length;
    if (!box.firstChild) {
      box.append(el("progress", { "aria-label": t("sending") }), el("span", {}), el("p", {}),
        el("div", { class: "refused", role: "alert" }));
    }
    const [bar, said, why, list] = box.children;
    bar.hidden = said.hidden = !busy;
    bar.max = total;
    bar.value = arrived + jobs.reduce((sum, job) => sum + job.loaded / (job.file.size || 1), 0);
    const left = [...queue, ...jobs.map((job) => job.file)].reduce((sum, file) => sum + file.size, 0);
    said.textContent = t("sent_of", { done: number(arrived), total, left: bytes(left) });
    why.textContent = jobs.find((job) => job.why)?.why || "";
    why.hidden = !why.textContent;
    if (list.childElementCount === 0 ? refused.length : list.dataset.n !== String(refused.length)) {
      list.dataset.n = refused.length;
      list.replaceChildren(...refused.length ? [el("b", {}, t("refused", { n: refused.length })),
        el("ul", {}, refused.map(([name, reason]) => el("li", {}, el("b", {}, name), " ", reason))),
        button("dismiss", () => {
          refused.length = 0;
          list.replaceChildren();
          draw();
        })] : []);
    }
  });
}

addEventListener("beforeunload", (event) => {
  if (going.size) event.preventDefault();
});
