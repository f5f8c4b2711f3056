// Which graphs stand under the motion, the legend, and the table of metrics.
const SIDES = ["left", "right"];

function column(array, k, width) {
  const rows = array.values.length / width, out = new Float32Array(rows);
  for (let t = 0; t < rows; t++) out[t] = array.values[t * width + k];
  return out;
}

function look(k) { return {color: token(`--c${k % 6}`), dash: DASHES[k % 6], marker: many ? MARKERS[k % 6] : undefined}; }

// The measured ground force, where a clip brings one.
const MEASURED = DATA.takes[0].measured;

// Of one take the two feet, and left and right joints, are told apart by colour and dash; of many, the takes.
const SIDE_DASH = [[], [6, 3]];
function sideLook(i) { return {color: token(i ? "--right" : "--left"), dash: SIDE_DASH[i], label: SIDES[i]}; }

function events() {
  const gait = many ? null : DATA.takes[0].gait;
  return gait ? gait.events.map(([at, side, strike]) => ({at, color: sideLook(side).color, dash: strike ? [] : [3, 3]})) : [];
}

function choose(place, label, options, set) {
  const list = document.createElement("select");
  list.setAttribute("aria-label", label);
  options.forEach(([value, text]) => list.append(new Option(text, value)));
  list.addEventListener("change", () => set(list.value));
  place.append(" ", list);
  return list;
}

function readable(name) { return name.replaceAll("_", " ").replace(/^l /, "left ").replace(/^r /, "right "); }

function makeCharts(home, folded, seek) {
  const x = DATA.time.values, charts = [];
  const lines = (values) => DATA.takes.map((take, k) => ({x, y: values(take), label: many ? take.label : "", ...look(k)}));
  const add = (options, place = home) => charts.push(new Chart(place, options));
  forceCharts(add, charts, x, lines, seek);
  add({title: "Feet on the floor", seek, events, note: `A foot stands where the floor carries it with more than ${DATA.loaded} N.`,
    bands: () => [...DATA.takes.flatMap((take, k) => SIDES.map((side, i) => ({x, on: column(take.force, 3 * i + 2, 6).map((f) => f > DATA.loaded),
      label: many ? `${take.label} ${side[0].toUpperCase()}` : side, color: many ? look(k).color : sideLook(i).color}))),
    ...(MEASURED ? SIDES.map((side, i) => ({x, on: column(MEASURED, 3 * i + 2, 6).map((f) => f > DATA.loaded), open: true, label: `plate ${side[0].toUpperCase()}`, color: token("--measured")})) : [])]});
  jointChart(add, x, lines, seek, "angle");
  if (!many && DATA.takes[0].moment) jointChart(add, x, lines, seek, "moment");
  add({title: "Distance to the keypoints (MPJPE)", unit: "mm", seek, series: () => lines((take) => take.error.values).map((s) => ({...s, label: s.label || "now"}))});
  if (DATA.takes.some((take) => take.loss)) for (const [what, label] of [["evaluations", "evaluations of the objective"], ["seconds", "seconds"]])
    add({title: `Loss against ${what}`, log: true, xLabel: `${label}, a window`, note: DATA.lossNote,
      series: () => DATA.takes.flatMap((take, k) => take.loss ? [{...look(k), step: true, x: take.loss[what].x.values, y: take.loss[what].y.values, label: take.label}] : [])}, folded);
  return charts;
}

// In body weights: of one take both feet on one axis, the plates' over them.
function forceCharts(add, charts, x, lines, seek) {
  let axis = 2;
  const weights = (array, i) => column(array, 3 * i + axis, 6).map((f) => f / DATA.weight);
  const pick = (place) => choose(place, "Component of the ground force", [[2, "vertical"], [0, "along x"], [1, "along y"]],
    (value) => { axis = +value; for (const chart of charts) chart.draw(); });
  const plate = (i) => (MEASURED ? [{x, y: weights(MEASURED, i), color: many ? token("--measured") : sideLook(i).color, dash: [1.5, 2.5], thick: 2.6,
    label: many ? "force plate" : `plate ${SIDES[i]}`}] : []);
  const common = {unit: "body weights", digits: 2, seek, least: 0.2, choices: pick, events};
  if (many) {
    SIDES.forEach((side, i) => add({...common, title: `Ground force, ${side} foot`, choices: i ? undefined : pick,
      series: () => [...lines((take) => weights(take.filtered || take.force, i)), ...plate(i)]}));
    return;
  }
  const take = DATA.takes[0];
  add({...common, title: "Ground force",
    series: () => [0, 1].flatMap((i) => [...(take.filtered ? [{x, y: weights(take.force, i), color: sideLook(i).color, faint: true}] : []),
      {x, y: weights(take.filtered || take.force, i), ...sideLook(i)}, ...plate(i)])});
}

const QUANTITIES = {angle: ["angle, degrees", "°", 1], moment: ["moment, N m/kg", "N m/kg", 2], torque: ["servo torque, N m", "N m", 1]};

function jointChart(add, x, lines, seek, kind) {
  const kinds = Object.entries(QUANTITIES).filter(([kind]) => DATA.takes.every((take) => take[kind])).map(([kind, [text]]) => [kind, text]);
  const names = many ? DATA.joints : [...new Set(DATA.joints.map((name) => name.replace(/^[lr]_/, "")))];
  let joint = names.includes("r_knee") ? "r_knee" : names.includes("knee") ? "knee" : names[0];
  const one = (take, name) => column(take[kind], DATA.joints.indexOf(name), DATA.joints.length);
  add({title: "Joint", seek, events, unit: () => QUANTITIES[kind][1],
    choices: (place, again) => {
      choose(place, "Joint", names.map((name) => [name, readable(name)]), (value) => { joint = value; again(); }).value = joint;
      choose(place, "Angle, moment or torque", kinds, (value) => { kind = value; again(); }).value = kind;
    },
    series: () => {
      if (many || DATA.joints.includes(joint)) return lines((take) => one(take, joint)).map((s) => ({...s, label: s.label || "now"}));
      return [0, 1].map((i) => ({x, y: one(DATA.takes[0], `${SIDES[i][0]}_${joint}`), ...sideLook(i)}));
    }});
}

function gaitTable(home) {
  const gait = many ? null : DATA.takes[0].gait;
  home.hidden = !gait;
  if (!gait) return;
  const table = home.querySelector("table"), row = (cells, tag) => {
    const tr = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = Object.assign(document.createElement(i ? tag : text ? "th" : "td"), {textContent: text});
      if (i && cells.length === 2) cell.colSpan = 2;
      tr.append(cell);
    });
    table.append(tr);
  };
  row(["", "left", "right"], "th");
  for (const cells of gait.rows) row(cells, "td");
}

function legend(home) {
  const swatch = (draw, text) => {
    const item = document.createElement("li"), c = document.createElement("canvas");
    c.width = 76; c.height = 32; c.style.width = "38px"; c.style.height = "16px";
    const g = c.getContext("2d");
    g.scale(2, 2);
    draw(g);
    item.append(c, text);
    home.append(item);
  };
  const line = (g, color, dash, thick = 2.4) => { g.strokeStyle = g.fillStyle = color; g.lineWidth = thick; g.setLineDash(dash); g.beginPath(); g.moveTo(1, 8); g.lineTo(37, 8); g.stroke(); g.setLineDash([]); };
  home.textContent = "";
  if (!many) SIDES.forEach((side, i) => swatch((g) => line(g, sideLook(i).color, SIDE_DASH[i]), i ? "right, hatched" : "left"));
  if (!many && DATA.takes[0].gait) {
    swatch((g) => { g.strokeStyle = token("--soft"); g.beginPath(); g.moveTo(19, 1); g.lineTo(19, 15); g.stroke(); }, "foot strike");
    swatch((g) => { g.strokeStyle = token("--soft"); g.setLineDash([3, 3]); g.beginPath(); g.moveTo(19, 1); g.lineTo(19, 15); g.stroke(); }, "toe-off");
  }
  if (many) DATA.takes.forEach((take, k) => swatch((g) => { const s = look(k); line(g, s.color, s.dash); if (s.marker) marker(g, s.marker, 19, 8, 4.2); }, take.label));
  swatch((g) => { g.fillStyle = token("--ink"); g.beginPath(); g.arc(19, 8, 4.5, 0, 7); g.fill(); }, "input keypoints");
  const tip = (g, color, w) => { line(g, color, [], w); g.beginPath(); g.moveTo(38, 8); g.lineTo(28, 8 - 1.6 * w); g.lineTo(28, 8 + 1.6 * w); g.fill(); };
  swatch((g) => tip(g, token("--force"), 3.2), "force of the floor, simulated");
  if (MEASURED) {
    swatch((g) => tip(g, token("--measured"), 2), "measured, drawn at the simulated centre of pressure");
    swatch((g) => line(g, token("--measured"), [1.5, 2.5], 2.6), "force plate");
  }
}

function table(home) {
  const row = (cells, tag, best) => {
    const tr = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(i ? tag : text ? "th" : "td");
      cell.textContent = text;
      if (i && best.includes(i - 1)) cell.className = "best";
      tr.append(cell);
    });
    home.append(tr);
  };
  row(["", ...DATA.takes.map((take) => take.label)], "th", []);
  for (const {label, values, digits, lower} of DATA.metrics) {
    const known = values.filter((v) => v !== null), least = Math.min(...known);
    const best = many && lower && known.length > 1 && known.some((v) => v !== least) ? values.flatMap((v, i) => (v === least ? [i] : [])) : [];
    row([label, ...values.map((v) => (v === null ? "–" : typeof v === "number" ? v.toFixed(digits) : v))], "td", best);
  }
}
