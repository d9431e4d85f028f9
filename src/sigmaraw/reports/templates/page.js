"use strict";
// Sorting, filtering, enlarging and linked crops. The page reads without it: everything here is added on top.
const make = (tag, words, kind) => { const e = document.createElement(tag); if (words) e.textContent = words; if (kind) e.className = kind; return e; };

// --- contents -----------------------------------------------------------------------------------------------------
const folds = () => document.querySelectorAll("details");
document.querySelectorAll(".tools").forEach(tools => {
  tools.hidden = false;
  tools.addEventListener("click", event => {
    const wanted = event.target.dataset.do;
    if (wanted) folds().forEach(fold => { fold.open = wanted === "open"; });
  });
});
const reveal = () => {
  const place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place && place.tagName === "DETAILS") { place.open = true; place.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();
let shut = [];
addEventListener("beforeprint", () => { shut = [...folds()].filter(fold => !fold.open); shut.forEach(fold => { fold.open = true; }); });
addEventListener("afterprint", () => shut.forEach(fold => { fold.open = false; }));

// --- tables -------------------------------------------------------------------------------------------------------
const powers = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const number = text => {
  const found = /^[^\d−-]*([−-]?\d+(?:\.\d+)?)(?:×10(⁻?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+))?/.exec(text.replace(/\u202f/g, ""));
  if (!found) return null;
  const power = found[3] ? Number([...found[3]].map(digit => powers.indexOf(digit)).join("")) * (found[2] ? -1 : 1) : 0;
  return Number(found[1].replace("−", "-")) * 10 ** power;
};
const shown = cell => { const first = cell.cloneNode(true); first.querySelectorAll("small").forEach(part => part.remove()); return first.textContent.trim(); };
const sort = (table, column, down) => {
  const body = table.tBodies[0];
  const rows = [...body.rows].map(row => ({ row, text: shown(row.cells[column]), value: number(shown(row.cells[column])) }));
  const figures = rows.filter(entry => entry.value !== null).length > rows.length / 2;
  rows.sort((a, b) => figures ? (a.value ?? Infinity) - (b.value ?? Infinity) : a.text.localeCompare(b.text));
  if (down) rows.reverse();
  body.append(...rows.map(entry => entry.row));
};
const dress = table => {
  if (table.dataset.dressed) return;
  table.dataset.dressed = "yes";
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      [...table.tHead.rows[0].cells].forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, column, down);
    });
  });
  if (table.tBodies[0].rows.length < 6) return;
  const bar = make("div", "", "filter"), label = make("label", "Show rows with "), input = make("input");
  const choice = make("select"), said = make("span"), verdicts = make("label", "verdict ");
  input.type = "search";
  label.append(input);
  ["all", "PASS", "FAIL", "INCONCLUSIVE"].forEach(word => choice.append(make("option", word)));
  verdicts.append(choice);
  said.setAttribute("role", "status");
  bar.append(label, ...(table.querySelector("b.P, b.F, b.I") ? [verdicts] : []), said);
  table.closest(".scroll").before(bar);
  const rows = [...table.tBodies[0].rows].map(row => ({ row, text: row.textContent.toLowerCase() }));
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach(({ row, text }) => {
      const fits = words.every(word => text.includes(word)) && (choice.value === "all" || row.querySelector("b." + choice.value[0]));
      row.hidden = !fits;
      row.style.display = fits ? "" : "none";
      count += fits ? 1 : 0;
    });
    said.textContent = `${count} of ${rows.length} rows`;
  };
  input.addEventListener("input", filter);
  choice.addEventListener("change", filter);
};
const dressWithin = part => part.querySelectorAll("table.sortable").forEach(table => { if (!table.closest("details:not([open])")) dress(table); });
document.addEventListener("toggle", event => { if (event.target.open) dressWithin(event.target); }, true);
dressWithin(document);

// --- figures ------------------------------------------------------------------------------------------------------
const enlarge = drawing => {
  const dialog = make("dialog"), stage = make("div", "", "stage"), copy = drawing.querySelector("svg").cloneNode(true);
  let width = 100;
  const size = () => { copy.style.width = width + "%"; };
  const add = (words, act) => { const button = make("button", words); button.type = "button"; button.addEventListener("click", act); dialog.append(button, " "); };
  dialog.setAttribute("aria-label", "Figure, enlarged");
  add("Larger", () => { width = Math.min(width * 1.4, 800); size(); });
  add("Smaller", () => { width = Math.max(width / 1.4, 30); size(); });
  add("Close", () => dialog.close());
  stage.append(copy);
  dialog.append(stage);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  size();
  dialog.showModal();
};
document.querySelectorAll(".drawing").forEach(drawing => {
  const button = make("button", "Enlarge", "enlarge");
  button.type = "button";
  button.addEventListener("click", () => enlarge(drawing));
  drawing.append(button);
});

// --- crops: one place, one enlargement and one window for raw, decoded and residual -------------------------------
document.querySelectorAll(".linked").forEach(group => {
  const pictures = [...group.querySelectorAll("img")];
  let zoom = 1, x = 0, y = 0;
  const views = pictures.map(picture => {
    const view = make("div", "", "view"), cross = make("span", "", "cross");
    picture.replaceWith(view);
    view.append(picture, cross);
    return { view, picture, cross };
  });
  const place = () => views.forEach(({ picture }) => { picture.style.transform = `translate(${-x * (zoom - 1) * 100}%, ${-y * (zoom - 1) * 100}%) scale(${zoom})`; });
  views.forEach(({ view }) => {
    view.addEventListener("pointermove", event => {
      const box = view.getBoundingClientRect();
      const u = (event.clientX - box.left) / box.width, v = (event.clientY - box.top) / box.height;
      views.forEach(({ cross }) => { cross.style.left = u * 100 + "%"; cross.style.top = v * 100 + "%"; });
      if (zoom > 1) { x = u; y = v; place(); }
    });
  });
  const bar = make("div", "", "filter");
  const slider = (words, low, high, start, act) => {
    const label = make("label", words + " "), input = make("input");
    Object.assign(input, { type: "range", min: low, max: high, step: 0.05, value: start });
    input.addEventListener("input", () => act(Number(input.value)));
    label.append(input);
    bar.append(label);
  };
  let contrast = 1, brightness = 1;
  const tone = () => views.slice(0, 2).forEach(({ picture }) => { picture.style.filter = `brightness(${brightness}) contrast(${contrast})`; });
  slider("Enlarge", 1, 8, 1, value => { zoom = value; if (value === 1) { x = 0; y = 0; } else if (!x && !y) { x = 0.5; y = 0.5; } place(); });
  slider("Brightness", 0.3, 4, 1, value => { brightness = value; tone(); });
  slider("Contrast", 0.3, 6, 1, value => { contrast = value; tone(); });
  const blink = make("button", "Blink raw and decoded");
  blink.type = "button";
  blink.setAttribute("aria-pressed", "false");
  let timer = 0;
  const [raw, decoded] = pictures, own = raw.src;
  blink.addEventListener("click", () => {
    clearInterval(timer);
    const start = blink.getAttribute("aria-pressed") === "false";
    blink.setAttribute("aria-pressed", String(start));
    raw.src = own;
    if (start) timer = setInterval(() => { raw.src = raw.src === own ? decoded.src : own; }, 600);
  });
  bar.append(blink);
  group.before(bar);
});
