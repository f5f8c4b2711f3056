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

function makeCharts(home, seek) {
  const x = DATA.time.values, charts = [], lines = (values) => DATA.takes.map((take, k) => ({x, y: values(take), label: many ? take.label : "", ...look(k)}));
  const add = (options) => charts.push(new Chart(home, options));
  const choose = (place, label, options, set) => {
    const list = document.createElement("select");
    list.setAttribute("aria-label", label);
    options.forEach(([value, text]) => list.append(new Option(text, value)));
    list.addEventListener("change", () => set(list.value));
    place.append(" ", list);
    return list;
  };
  add({title: "Distance to the keypoints (MPJPE)", unit: "mm", seek, series: () => lines((take) => take.error.values).map((s) => ({...s, label: s.label || "now"}))});
  let axis = 2;
  SIDES.forEach((side, i) => add({
    title: `Ground force, ${side} foot`, unit: "N", digits: 0, seek, least: 100,
    choices: i ? undefined : (place) => choose(place, "Component of the ground force", [[2, "vertical"], [0, "along x"], [1, "along y"]],
      (value) => { axis = +value; for (const chart of charts) chart.draw(); }),
    series: () => [...DATA.takes.flatMap((take, k) => take.filtered ? [{x, y: column(take.force, 3 * i + axis, 6), color: look(k).color, faint: true}] : []),
      ...lines((take) => column(take.filtered || take.force, 3 * i + axis, 6)).map((s, k) => ({...s, label: s.label || (DATA.takes[k].filtered ? "low-passed" : "simulated")})),
      ...(MEASURED ? [{x, y: column(MEASURED, 3 * i + axis, 6), color: token("--measured"), dash: [1.5, 2.5], thick: 2.6, label: "force plate"}] : [])],
  }));
  add({title: "Feet on the floor", seek, note: `A foot stands where the floor carries it with more than ${DATA.loaded} N.`,
    bands: () => [...DATA.takes.flatMap((take, k) => SIDES.map((side, i) => ({x, on: column(take.force, 3 * i + 2, 6).map((f) => f > DATA.loaded),
      label: many ? `${take.label} ${side[0].toUpperCase()}` : side, color: look(k).color}))),
    ...(MEASURED ? SIDES.map((side, i) => ({x, on: column(MEASURED, 3 * i + 2, 6).map((f) => f > DATA.loaded), open: true, label: `plate ${side[0].toUpperCase()}`, color: token("--measured")})) : [])]});
  let joint = Math.max(0, DATA.joints.indexOf("r_knee")), kind = "torque";
  const joints = DATA.joints.map((name, i) => [i, name.replaceAll("_", " ").replace(/^l /, "left ").replace(/^r /, "right ")]);
  add({title: "Joint", seek, unit: () => (kind === "torque" ? "N m" : "°"),
    choices: (place, again) => {
      choose(place, "Joint", joints, (value) => { joint = +value; again(); }).value = joint;
      choose(place, "Torque or angle", [["torque", "torque, N m"], ["angle", "angle, degrees"]], (value) => { kind = value; again(); });
    },
    series: () => lines((take) => column(take[kind], joint, DATA.joints.length)).map((s) => ({...s, label: s.label || "now"}))});
  if (DATA.takes.some((take) => take.loss)) for (const [what, label] of [["evaluations", "evaluations of the objective"], ["seconds", "seconds"]])
    add({title: `Loss against ${what}`, log: true, xLabel: `${label}, a window`, note: DATA.lossNote,
      series: () => DATA.takes.flatMap((take, k) => take.loss ? [{...look(k), step: true, x: take.loss[what].x.values, y: take.loss[what].y.values, label: take.label}] : [])});
  return charts;
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
  DATA.takes.forEach((take, k) => swatch((g) => { const s = look(k); line(g, s.color, s.dash); if (s.marker) marker(g, s.marker, 19, 8, 4.2); }, take.label));
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
      const cell = document.createElement(i ? tag : "th");
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
