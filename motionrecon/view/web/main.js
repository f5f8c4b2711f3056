const $ = (id) => document.getElementById(id);
const T = DATA.time.values.length, TIME = DATA.time.values, END = TIME[T - 1];
const many = DATA.takes.length > 1;
const state = {now: 0, playing: false, speed: 1, over: !many || DATA.together, last: 0, sharp: 1, slow: 0, drawn: 0};
const camera = {...HOME, fov: 0.6, target: [0, 0, 0.9], shift: [0, 0, 0]};
let colors = {}, dirty = true;

$("title").textContent = DATA.title;
$("subtitle").textContent = DATA.subtitle;
const renderer = makeRenderer($("scene")), canvas = renderer.canvas;
const {turn, zoom} = orbit(canvas, camera, redraw);

function redraw() { dirty = true; }

function rgb(name) {
  const hex = token(name).slice(1);
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
}

function recolor() {
  for (const name of ["card", "ink", "soft", "floor", "grid", "force", "measured", "body", "left", "right"]) colors[name] = rgb(`--${name}`);
  colors.takes = DATA.takes.map((_, k) => rgb(`--c${k % 6}`));
  colors.bodies = colors.takes.map((c) => c.map((x) => x + 0.3 * (1 - x)));  // full colours would hide their own shading
  redraw();
}

// The frame at a moment, and the part of the way to the next.
function frameAt(now) {
  let low = 0, high = T - 1;
  while (high - low > 1) { const m = (low + high) >> 1; if (TIME[m] <= now) low = m; else high = m; }
  if (now >= END) return [T - 1, 0];
  const part = (now - TIME[low]) / (TIME[low + 1] - TIME[low]);
  return part > 0.999 ? [low + 1, 0] : [low, Math.max(0, part)];
}

function lasts(take, t) { return t >= take.first && t < take.points.shape[0]; }

function panels() {
  if (state.over) return [{name: many ? "" : DATA.takes[0].label, takes: DATA.takes}];
  return [{name: "Input keypoints", takes: [], stick: true}, ...DATA.takes.map((take) => ({name: take.label, takes: [take]}))];
}

function layout(count, W, H) {
  let best = null;
  for (let cols = 1; cols <= count; cols++) {
    const rows = Math.ceil(count / cols), w = W / cols, h = H / rows, good = Math.min(w, 0.8 * h);
    if (!best || good > best.good + 1) best = {good, cols, rows};
  }
  return best;
}

function draw() {
  const ratio = state.sharp * Math.min(2, devicePixelRatio || 1), W = Math.round(canvas.clientWidth * ratio), H = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== W || canvas.height !== H) { canvas.width = W; canvas.height = H; }
  const [t, part] = frameAt(state.now), list = panels(), {cols, rows} = layout(list.length, W, H);
  const follow = $("follow").checked, where = point(DATA.path, follow ? t : 0, 0, follow ? part : 0);
  camera.target = where.map((x, i) => x + camera.shift[i]);
  renderer.begin(colors);
  const home = $("panels");
  while (home.children.length > list.length) home.lastChild.remove();
  while (home.children.length < list.length) home.append(Object.assign(document.createElement("div"), {className: "panel"}));
  list.forEach((panel, k) => {
    const x = Math.floor((k % cols) * W / cols), y = Math.floor(Math.floor(k / cols) * H / rows);
    const box = {x, y, width: Math.floor(W / cols), height: Math.floor(H / rows)}, shapes = [];
    panel.takes.forEach((take, i) => {
      if (lasts(take, t)) figure(shapes, take, t, part, many ? colors.bodies[DATA.takes.indexOf(take)] : colors.body, i && !DATA.together ? 0.4 : 1, many ? null : [colors.left, colors.right]);
    });
    for (const take of panel.takes) supports(shapes, take, colors.soft);
    if (panel.stick) stick(shapes, t, part, colors.soft);
    if (panel.stick || $("dots").checked) dots(shapes, t, part, colors.ink, colors.card);
    if ($("arrows").checked) for (const take of panel.takes) if (lasts(take, t)) forces(shapes, take, t, part, colors);
    renderer.panel(box, camera, shapes);
    const label = home.children[k];
    Object.assign(label.style, {left: `${x / ratio}px`, top: `${y / ratio}px`, width: `${box.width / ratio + 1}px`, height: `${box.height / ratio + 1}px`});
    const errors = panel.takes.map((take) => take.error.values[t]).filter(Number.isFinite);
    label.innerHTML = "<b></b> <span></span>";
    label.firstChild.textContent = panel.name;
    if (many && panel.takes.length === 1) label.firstChild.style.color = token(`--c${DATA.takes.indexOf(panel.takes[0]) % 6}`);
    label.lastChild.textContent = errors.length === 1 ? `${errors[0].toFixed(1)} mm off` : "";
  });
  $("scrub").value = t;
  $("scrub").setAttribute("aria-valuetext", `${state.now.toFixed(2)} seconds`);
  $("clock").textContent = `${state.now.toFixed(2)} / ${END.toFixed(2)} s`;
  $("play").textContent = state.playing ? "⏸" : "▶";
  // Where pictures are slow the cursors in the graphs may lag behind by three of them.
  state.drawn = (state.drawn + 1) % 4;
  if (!state.playing || state.sharp === 1 || !state.drawn) for (const chart of charts) if (chart.options.seek || chart.stale) { chart.draw(state.now); chart.stale = false; }
}

function loop(clock) {
  if (state.playing) {
    state.now += state.speed * Math.min(0.1, (clock - state.last) / 1000);
    if (state.now >= END) state.now = 0;
    dirty = true;
    // Where pictures come slower than 25 a second, coarser ones: a browser without a GPU pays for every pixel.
    state.slow = clock - state.last > 40 ? state.slow + 1 : Math.max(0, state.slow - 1);
    if (state.slow > 5 && state.sharp > 0.4) { state.sharp *= 0.75; state.slow = 0; }
  }
  state.last = clock;
  if (dirty) { dirty = false; draw(); }
  requestAnimationFrame(loop);
}

function seek(now) { state.now = Math.min(END, Math.max(0, now)); redraw(); }
function step(frames) { state.playing = false; seek(TIME[Math.min(T - 1, Math.max(0, frameAt(state.now + 1e-6)[0] + frames))]); }
function play(on = !state.playing) { if (on && state.now >= END - 1e-6) state.now = 0; state.playing = on; redraw(); }

const charts = makeCharts($("graphs"), $("losses"), seek);
$("more").hidden = !$("losses").children.length;
$("more").addEventListener("toggle", () => { for (const chart of charts) chart.stale = true; redraw(); });
function refresh() { recolor(); legend($("legend")); for (const chart of charts) chart.stale = true; }

$("scrub").max = T - 1;
$("scrub").addEventListener("input", (e) => { state.playing = false; seek(TIME[+e.target.value]); });
$("play").addEventListener("click", () => play());
$("speed").addEventListener("change", (e) => { state.speed = +e.target.value; });
$("view").value = state.over ? "over" : "side";
$("view").addEventListener("change", (e) => { state.over = e.target.value === "over"; redraw(); });
for (const id of ["dots", "arrows", "follow"]) $(id).addEventListener("change", redraw);
$("reset").addEventListener("click", () => { $("preset").value = "start"; Object.assign(camera, HOME, {shift: [0, 0, 0]}); redraw(); });
// The person's front, its sides and from above, whichever way it faces.
const PRESETS = {front: [0, 0.08], left: [Math.PI / 2, 0.08], right: [-Math.PI / 2, 0.08], top: [-Math.PI / 2, 1.5]};
$("preset").addEventListener("change", (e) => {
  const [turned, elevation] = PRESETS[e.target.value] || [DATA.azimuth - DATA.heading, HOME.elevation];
  Object.assign(camera, HOME, {azimuth: DATA.heading + turned, elevation, shift: [0, 0, 0]});
  redraw();
});
$("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));

function theme(name) { document.documentElement.dataset.theme = name; refresh(); }
const prefers = matchMedia("(prefers-color-scheme: dark)");
prefers.addEventListener("change", (e) => theme(e.matches ? "dark" : "light"));

const KEYS = {
  " ": () => play(), arrowleft: (e) => step(e.shiftKey ? -10 : -1), arrowright: (e) => step(e.shiftKey ? 10 : 1), home: () => seek(0),
  end: () => seek(END), a: () => turn(0.08, 0), d: () => turn(-0.08, 0), w: () => turn(0, 0.06), s: () => turn(0, -0.06), q: () => zoom(1.08),
  e: () => zoom(0.92), r: () => $("reset").click(), f: () => $("follow").click(), t: () => $("theme").click(),
  v: () => { $("view").value = state.over ? "side" : "over"; $("view").dispatchEvent(new Event("change")); },
  "+": () => faster(1), "=": () => faster(1), "-": () => faster(-1),
};
function faster(by) {
  const list = $("speed");
  list.selectedIndex = Math.min(list.options.length - 1, Math.max(0, list.selectedIndex + by));
  state.speed = +list.value;
}
addEventListener("keydown", (e) => {
  const act = KEYS[e.key.toLowerCase()], tag = e.target.tagName;
  if (!act || e.ctrlKey || e.metaKey || e.altKey || tag === "SELECT" || (tag === "INPUT" && e.target.type === "checkbox" && e.key === " ")) return;
  if ((tag === "BUTTON" || tag === "A") && e.key === " ") return;  // the button's own
  e.preventDefault();
  act(e);
  redraw();
});
new ResizeObserver(() => { for (const chart of charts) chart.stale = true; redraw(); }).observe(document.body);

theme(prefers.matches ? "dark" : "light");
table($("metrics"));
gaitTable($("gait"));
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
requestAnimationFrame(loop);
