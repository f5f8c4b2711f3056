// Line graphs on canvas. A series: {x, y, color, dash, marker, label}; a band: {x, on, row, color, label}.
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 2], [12, 4]];
const MARKERS = ["circle", "square", "triangle", "diamond", "cross", "plus"];

function marker(c, kind, x, y, r = 3.6) {
  c.beginPath();
  if (kind === "circle") c.arc(x, y, r, 0, 7);
  else if (kind === "square") c.rect(x - r, y - r, 2 * r, 2 * r);
  else if (kind === "triangle") { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.2 * r, y + r); c.lineTo(x - 1.2 * r, y + r); }
  else if (kind === "diamond") { c.moveTo(x, y - 1.4 * r); c.lineTo(x + 1.4 * r, y); c.lineTo(x, y + 1.4 * r); c.lineTo(x - 1.4 * r, y); }
  else if (kind === "cross") { c.moveTo(x - r, y - r); c.lineTo(x + r, y + r); c.moveTo(x + r, y - r); c.lineTo(x - r, y + r); c.stroke(); return; }
  else { c.moveTo(x - r, y); c.lineTo(x + r, y); c.moveTo(x, y - r); c.lineTo(x, y + r); c.stroke(); return; }
  c.closePath();
  c.fill();
}

function ticks(low, high, count) {
  const raw = (high - low) / count, ten = 10 ** Math.floor(Math.log10(raw)), step = ten * [1, 2, 5, 10].find((k) => k * ten >= raw);
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step) out.push(Math.abs(v) < 1e-9 * step ? 0 : v);
  return out;
}

// 1 and 3 times the powers of ten; the powers alone where those are many.
function decades(low, high) {
  const out = [], first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  for (let k = first; k <= last; k++) out.push(10 ** k, ...(last - first > 4 ? [] : [3 * 10 ** k]));
  return out.filter((v) => v >= low && v <= high);
}

function short(v) {
  return Math.abs(v) >= 1e4 || (v && Math.abs(v) < 1e-2) ? v.toExponential(0).replace("e+", "e") : String(+v.toPrecision(4));
}

class Chart {
  // options: title, unit, note, log, time (a cursor at the moment and clicks seek), series(): list, bands(): list, xLabel
  constructor(home, options) {
    this.options = options;
    this.box = document.createElement("div");
    this.box.className = "graph";
    this.box.innerHTML = "<header><h2></h2><span class=now></span></header><canvas role=img></canvas><p></p>";
    this.box.querySelector("h2").textContent = options.title;
    this.box.querySelector("p").textContent = options.note || "";
    this.canvas = this.box.querySelector("canvas");
    this.canvas.setAttribute("aria-label", options.title);
    if (options.choices) options.choices(this.box.querySelector("h2"), () => this.draw());
    home.append(this.box);
    if (options.seek) {
      const go = (e) => { if (e.buttons & 1) options.seek(this.toValue(e.offsetX)); };
      this.canvas.addEventListener("pointerdown", go);
      this.canvas.addEventListener("pointermove", go);
    }
  }

  toValue(pixel) {
    const {left, width, low, high} = this.span;
    return low + Math.min(1, Math.max(0, (pixel - left) / width)) * (high - low);
  }

  draw(now = this.now) {
    this.now = now;
    const o = this.options, canvas = this.canvas, ratio = devicePixelRatio || 1, W = canvas.clientWidth;
    if (!W) return;
    if (o.bands) canvas.style.height = `${Math.max(170, 26 + 15 * o.bands().length)}px`;
    const H = canvas.clientHeight;
    canvas.width = Math.round(W * ratio);
    canvas.height = Math.round(H * ratio);
    const c = canvas.getContext("2d"), ink = token("--soft"), series = o.series ? o.series() : [], bands = o.bands ? o.bands() : [];
    c.scale(ratio, ratio);
    c.font = "11.5px system-ui, sans-serif";
    const f = o.log ? Math.log10 : (v) => v, good = (v) => Number.isFinite(v) && (!o.log || v > 0);
    let low = Infinity, high = -Infinity, first = Infinity, last = -Infinity;
    for (const s of [...series, ...bands]) {
      first = Math.min(first, s.x[0]);
      last = Math.max(last, s.x[s.x.length - 1]);
      for (const v of s.y || []) if (good(v)) { low = Math.min(low, f(v)); high = Math.max(high, f(v)); }
    }
    if (!(low < Infinity)) { low = 0; high = 1; }
    if (!o.log) { low = Math.min(low, 0); high = Math.max(high, o.least || 0); }
    if (high - low < 1e-9) high = low + 1;
    high += 0.04 * (high - low);
    if (low < 0 || o.log) low -= 0.04 * (high - low);
    if (last <= first) last = first + 1;
    const rows = bands.map((b) => b.label), left = bands.length ? Math.max(...rows.map((r) => c.measureText(r).width)) + 12 : 46;
    const top = 8, bottom = H - (o.xLabel ? 32 : 20), right = W - 10, width = right - left;
    const X = (v) => left + (v - first) / (last - first) * width, Y = (v) => bottom - (f(v) - low) / (high - low) * (bottom - top);
    this.span = {left, width, low: first, high: last};
    c.strokeStyle = token("--line");
    c.fillStyle = ink;
    c.lineWidth = 1;
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const v of ticks(first, last, Math.max(2, Math.floor(width / 80)))) {
      c.beginPath(); c.moveTo(X(v), top); c.lineTo(X(v), bottom); c.stroke();
      c.fillText(short(v), X(v), bottom + 4);
    }
    if (o.xLabel) c.fillText(o.xLabel, left + width / 2, bottom + 18);
    c.textAlign = "right";
    c.textBaseline = "middle";
    if (!bands.length) {
      const values = o.log ? decades(10 ** low, 10 ** high) : ticks(low, high, 4);
      for (const v of values) {
        c.beginPath(); c.moveTo(left, Y(v)); c.lineTo(right, Y(v)); c.stroke();
        c.fillText(short(v), left - 6, Y(v));
      }
    }
    c.save();
    c.beginPath(); c.rect(left, top - 6, width + 8, bottom - top + 7); c.clip();
    series.forEach((s, k) => {
      c.strokeStyle = c.fillStyle = s.color;
      c.globalAlpha = s.faint ? 0.3 : 1;
      c.lineWidth = s.faint ? 1 : s.thick || 2;
      c.setLineDash(s.dash || []);
      c.beginPath();
      let drawn = false;
      for (let i = 0; i < s.y.length; i++) {
        if (!good(s.y[i])) { drawn = false; continue; }
        if (drawn && s.step) c.lineTo(X(s.x[i]), Y(s.y[i - 1]));
        drawn ? c.lineTo(X(s.x[i]), Y(s.y[i])) : c.moveTo(X(s.x[i]), Y(s.y[i]));
        drawn = true;
      }
      c.stroke();
      c.setLineDash([]);
      if (s.marker && !s.faint) {  // markers apart from each other in every series: colours are not needed to tell them
        const every = Math.max(1, Math.floor(s.y.length / 6)), from = Math.floor(every * (k + 1) / (series.length + 1));
        for (let i = from; i < s.y.length; i += every) if (good(s.y[i])) marker(c, s.marker, X(s.x[i]), Y(s.y[i]));
      }
    });
    c.globalAlpha = 1;
    for (const e of o.events ? o.events() : []) {  // a foot strike is a line, a toe-off a broken one
      c.strokeStyle = e.color;
      c.lineWidth = 1;
      c.setLineDash(e.dash);
      c.beginPath(); c.moveTo(X(e.at), top); c.lineTo(X(e.at), bottom); c.stroke();
      c.setLineDash([]);
    }
    const high_ = (bottom - top) / Math.max(1, rows.length);
    bands.forEach((b, k) => {
      const y = top + k * high_;
      c.fillStyle = b.color;
      c.globalAlpha = b.open ? 0.5 : 1;
      for (let i = 0, n; i < b.on.length; i = n + 1) {
        for (n = i; n < b.on.length && b.on[n]; ) n++;
        if (n > i) c.fillRect(X(b.x[i]), y + 0.18 * high_, X(b.x[Math.min(n, b.x.length - 1)]) - X(b.x[i]), 0.64 * high_);
      }
      c.globalAlpha = 1;
    });
    c.restore();
    c.fillStyle = token("--ink");
    bands.forEach((b, k) => c.fillText(b.label, left - 6, top + (k + 0.5) * high_));
    if (o.seek && now !== undefined) {
      c.strokeStyle = token("--ink");
      c.lineWidth = 1.5;
      c.beginPath(); c.moveTo(X(now), top - 4); c.lineTo(X(now), bottom); c.stroke();
      const at = (s) => { let i = 0; while (i + 1 < s.x.length && s.x[i + 1] <= now + 1e-6) i++; return s.y[i]; };
      this.box.querySelector(".now").textContent = series.filter((s) => s.label).map((s) => `${s.label} ${good(at(s)) ? at(s).toFixed(o.digits ?? 1).replace(/^-(0(\.0+)?)$/, "$1") : "–"}`).join(" · ")
        + (series.length ? ` ${o.unit instanceof Function ? o.unit() : o.unit}` : "");
    }
  }
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
