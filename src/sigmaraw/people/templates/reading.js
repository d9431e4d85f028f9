"use strict";
const study = JSON.parse(document.getElementById("study").textContent);
const at = (id) => document.getElementById(id);
const SIDES = ["left", "right"];
const PX_PER_WIDTH = 500; // dragging this far doubles the width, or moves the level by it
let reader = "", order = [], place = 0, answers = {}, pictures = {}, shown = 0, range = null, since = 0, half = null, kept = true;

// The order is the reader's: the same name gives the same order, so that reading can go on another day.
function randomOf(text) {
  let state = 2166136261;
  for (const mark of text) state = Math.imul(state ^ mark.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(count, random) {
  const found = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [found[index], found[other]] = [found[other], found[index]];
  }
  return found;
}

async function pixelsOf(picture) {
  if (!picture.pixels) {
    const packed = Uint8Array.from(atob(picture.data), (mark) => mark.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new DataView(await new Response(stream).arrayBuffer());
    picture.pixels = Uint16Array.from({ length: picture.height * picture.width }, (_, index) => bytes.getUint16(2 * index, true));
  }
  return picture.pixels;
}

// Both images with one window.
async function draw() {
  const trial = current();
  if (!trial) return;
  for (const side of SIDES) {
    const picture = study.pictures[trial[side]], pixels = await pixelsOf(picture);
    if (current() !== trial) return;
    const canvas = at(side), context = canvas.getContext("2d");
    if (canvas.width !== picture.width || canvas.height !== picture.height) [canvas.width, canvas.height] = [picture.width, picture.height];
    const image = context.createImageData(picture.width, picture.height);
    const scale = 255 / (range.high - range.low);
    for (let index = 0; index < pixels.length; index++) {
      const value = (pixels[index] - trial.shift - range.low) * scale;
      image.data[4 * index] = image.data[4 * index + 1] = image.data[4 * index + 2] = value; // clamped and rounded
      image.data[4 * index + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
  at("window").textContent = `${range.name}: ${Math.round(range.low)} to ${Math.round(range.high)}`;
  document.body.dataset.trial = trial.id; // says that this trial can be seen
}

function current() { return place < order.length ? study.trials[order[place]] : null; }

function setWindow(index) {
  const windows = current().windows;
  shown = index % windows.length;
  range = { ...windows[shown] };
}

function show() {
  half = null;
  const trial = current();
  at("trial").hidden = !trial;
  at("end").hidden = Boolean(trial);
  at("saving").hidden = false;
  if (!trial) { save(); return; }
  at("place").textContent = `${place + 1} of ${order.length}`;
  setWindow(shown);
  since = performance.now();
  buttons();
  draw();
}

function button(text, action, chosen) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.classList.toggle("chosen", Boolean(chosen));
  made.addEventListener("click", () => { made.blur(); action(); });
  return made;
}

function buttons() {
  const footer = at("answers");
  footer.replaceChildren();
  if (study.kind === "pairs") {
    footer.append(button("← left", () => choose("left")), button("↓ no difference", () => choose("tie")), button("right →", () => choose("right")));
    return;
  }
  for (const side of SIDES) {
    const scale = document.createElement("div");
    scale.className = "scale";
    scale.classList.toggle("waiting", (side === "left") !== (half === null));
    for (let value = 1; value <= 10; value++) {
      scale.append(button(String(value), () => { if ((side === "left") === (half === null)) rate(value); }, side === "left" && half === value));
    }
    footer.append(scale);
  }
}

function choose(answer) { keep({ answer, rating_left: "", rating_right: "" }); }

function rate(value) {
  if (half === null) { half = value; buttons(); return; }
  keep({ answer: "", rating_left: half, rating_right: value });
}

function keep(found) {
  const trial = current();
  if (document.body.dataset.trial !== trial.id) return; // not drawn yet: nobody has seen it
  const seconds = ((performance.now() - since) / 1000).toFixed(2);
  answers[trial.id] = { ...found, window: range.name, low: range.low, high: range.high, seconds, time: new Date().toISOString(), order: place + 1 };
  kept = false;
  place += 1;
  remember();
  show();
}

function back() {
  if (half !== null) { half = null; buttons(); return; }
  if (place > 0) { place -= 1; show(); }
}

// What the browser remembers lets a reader go on after closing the page; where it may not remember, the file is all there is.
function store() { return `sigmaraw-readers-${study.key}-${reader}`; }
function remember() { try { localStorage.setItem(store(), JSON.stringify(answers)); } catch { /* a private window */ } }
function remembered() { try { return JSON.parse(localStorage.getItem(store())) ?? {}; } catch { return {}; } }

const COLUMNS = ["answer", "rating_left", "rating_right", "window", "low", "high", "seconds", "time"];
function csv() {
  const quoted = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const rows = [["key", "kind", "reader", "order", "trial", ...COLUMNS].join(",")];
  for (const trial of order.map((index) => study.trials[index])) {
    const found = answers[trial.id];
    if (found) rows.push([study.key, study.kind, reader, found.order, trial.id, ...COLUMNS.map((name) => found[name])].map(quoted).join(","));
  }
  return rows.join("\r\n") + "\r\n";
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = `answers-${reader.replace(/[^\p{L}\p{N}]+/gu, "-")}.csv`;
  link.click();
  kept = true;
  at("saved").textContent = `${Object.keys(answers).length} of ${order.length} answers saved as ${link.download}`;
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  reader = at("reader").value.trim();
  if (!reader) return;
  if (typeof DecompressionStream === "undefined") { at("fault").textContent = "This browser is too old: please use one of 2023 or later."; return; }
  order = shuffled(study.trials.length, randomOf(study.key + reader));
  answers = remembered();
  while (place < order.length && answers[current().id]) place += 1;
  at("start").hidden = true;
  show();
});
at("save").addEventListener("click", (event) => { event.target.blur(); save(); });

document.addEventListener("keydown", (event) => {
  if (at("trial").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const pairs = { ArrowLeft: () => choose("left"), ArrowRight: () => choose("right"), ArrowDown: () => choose("tie") };
  const acts = {
    Backspace: back,
    w: () => { setWindow(shown + 1); draw(); },
    r: () => { setWindow(shown); draw(); },
    f: () => at("images").classList.toggle("actual"),
    ...(study.kind === "pairs" ? pairs : {}),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (study.kind === "ratings" && /^[0-9]$/.test(key)) { event.preventDefault(); rate(Number(key) || 10); }
  else if (acts[key]) { event.preventDefault(); acts[key](); }
});

at("images").addEventListener("pointermove", (event) => {
  if (event.buttons !== 1 || !range) return;
  const level = (range.low + range.high) / 2, width = range.high - range.low;
  const wider = Math.max(1, width * 2 ** (event.movementX / PX_PER_WIDTH)), moved = level + (event.movementY / PX_PER_WIDTH) * width;
  range = { name: range.name.replace(/( set)?$/, " set"), low: moved - wider / 2, high: moved + wider / 2 };
  draw();
});

window.addEventListener("beforeunload", (event) => { if (reader && !kept) event.preventDefault(); });
