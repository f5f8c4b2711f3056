// Where WebGL is missing: the same list as shaded strokes on a 2D canvas, the farthest first.
const LIGHT = [0.36, -0.24, 0.9].map((x, _, v) => x / Math.hypot(...v));

class FlatRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  begin(colors) {
    this.colors = colors;
    this.context.fillStyle = css(colors.card);
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  panel(box, camera, list) {
    const c = this.context, m = cameraMatrix(camera, box.width / box.height), near = 0.1;
    const seen = (p) => {
      const k = (r) => m.matrix[r] * p[0] + m.matrix[4 + r] * p[1] + m.matrix[8 + r] * p[2] + m.matrix[12 + r], w = k(3);
      return w < near ? null : {x: box.x + (0.5 + 0.5 * k(0) / w) * box.width, y: box.y + (0.5 - 0.5 * k(1) / w) * box.height,
        size: 0.5 * box.height / Math.tan(0.5 * camera.fov) / w, depth: w};
    };
    c.save();
    c.beginPath();
    c.rect(box.x, box.y, box.width, box.height);
    c.clip();
    c.lineCap = "round";
    c.strokeStyle = css(this.colors.grid);
    c.lineWidth = devicePixelRatio;
    const [cx, cy] = camera.target.map(Math.round);
    for (let i = -6; i <= 6; i++)
      for (let j = -6; j < 6; j++)
        for (const [p, q] of [[[cx + i, cy + j, 0], [cx + i, cy + j + 1, 0]], [[cx + j, cy + i, 0], [cx + j + 1, cy + i, 0]]]) {
          const a = seen(p), b = seen(q);
          if (!a || !b) continue;
          c.globalAlpha = Math.max(0, 1 - Math.hypot(i, j) / 7);
          c.beginPath(); c.moveTo(a.x, a.y); c.lineTo(b.x, b.y); c.stroke();
        }
    const flat = (p) => [p[0] - LIGHT[0] / LIGHT[2] * p[2], p[1] - LIGHT[1] / LIGHT[2] * p[2], 0];
    const shadows = list.filter((s) => s.kind === "body").map((s) => ({...s, a: flat(s.a), b: flat(s.b)}));
    for (const s of shadows) this.stroke(seen(s.a), seen(s.b), s, "#000", 0.05);
    const rank = {body: 0, arrow: 0.2, halo: 0.16, dot: 0.2};
    list.map((s) => ({s, a: seen(s.a), b: seen(s.b)})).filter(({a, b}) => a && b)
      .sort((p, q) => q.a.depth + q.b.depth - 2 * rank[q.s.kind] - p.a.depth - p.b.depth + 2 * rank[p.s.kind])
      .forEach(({s, a, b}) => {
        const plain = s.kind !== "body";
        if (!plain) this.stroke(a, b, s, css(s.color.map((x) => 0.55 * x)), s.alpha);
        this.stroke(a, b, s, css(s.color), s.alpha, plain ? 1 : 0.86);
        if (!plain) this.stroke({...a, y: a.y - 0.3 * s.ra * a.size}, {...b, y: b.y - 0.3 * s.rb * b.size}, s,
          css(s.color.map((x) => x + 0.25 * (1 - x))), s.alpha, 0.45);
      });
    c.restore();
  }

  stroke(a, b, s, color, alpha, share = 1) {
    if (!a || !b) return;
    const c = this.context;
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = color;
    c.beginPath();
    if (s.ra === s.rb) {
      c.lineWidth = Math.max(1, share * s.ra * (a.size + b.size));
      c.moveTo(a.x, a.y);
      c.lineTo(b.x + 0.01, b.y);
      c.stroke();
      return;
    }
    const long = Math.hypot(b.x - a.x, b.y - a.y) || 1, w = share * s.ra * a.size / long;  // a cone is a triangle
    c.moveTo(a.x - w * (b.y - a.y), a.y + w * (b.x - a.x));
    c.lineTo(a.x + w * (b.y - a.y), a.y - w * (b.x - a.x));
    c.lineTo(b.x, b.y);
    c.fill();
  }
}

function css(color) {
  return `rgb(${color.map((x) => Math.round(255 * Math.min(1, x))).join(" ")})`;
}

// WebGL where there is one; #flat in the address asks for the other.
function makeRenderer(canvas) {
  if (location.hash !== "#flat")
    try { return new GlRenderer(canvas); } catch (e) { console.info("drawn without WebGL:", e.message); }
  const fresh = canvas.cloneNode();  // a canvas keeps its first kind of context
  canvas.replaceWith(fresh);
  return new FlatRenderer(fresh);
}
