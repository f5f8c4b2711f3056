// An orbit camera, z up; matrices are column-major as WebGL wants them.
const HOME = {azimuth: DATA.azimuth, elevation: 0.16, distance: 1};  // distance 1 shows the body all along

function cameraMatrix(camera, aspect) {
  const [wide, high] = DATA.reach, f = 1 / Math.tan(0.5 * camera.fov), near = 0.05, far = 120;
  const distance = camera.distance * (f * Math.max(high, wide / aspect) + 0.5 * wide);
  const ce = Math.cos(camera.elevation), se = Math.sin(camera.elevation), ca = Math.cos(camera.azimuth), sa = Math.sin(camera.azimuth);
  const back = [ce * ca, ce * sa, se], right = [-sa, ca, 0], up = [-se * ca, -se * sa, ce];
  const eye = camera.target.map((x, i) => x + distance * back[i]);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const rows = [[...right, -dot(right, eye)], [...up, -dot(up, eye)], [...back, -dot(back, eye)]];
  const a = (far + near) / (near - far), b = 2 * far * near / (near - far), m = new Float32Array(16);
  for (let c = 0; c < 4; c++) {
    m[4 * c] = f / aspect * rows[0][c];
    m[4 * c + 1] = f * rows[1][c];
    m[4 * c + 2] = a * rows[2][c] + (c === 3 ? b : 0);
    m[4 * c + 3] = -rows[2][c];
  }
  return {matrix: m, eye, right, up, back, distance};
}

// Mouse, touch and keys move the camera; changed() asks for a new picture.
function orbit(canvas, camera, changed) {
  const fingers = new Map();
  let spread = 0;
  const turn = (dx, dy) => {
    camera.azimuth -= dx;
    camera.elevation = Math.min(1.5, Math.max(-0.02, camera.elevation + dy));
  };
  const pan = (dx, dy) => {
    const {right, up, distance} = cameraMatrix(camera, 1), k = distance * 1.2 / canvas.clientHeight;
    for (let i = 0; i < 3; i++) camera.shift[i] += k * (-dx * right[i] + dy * up[i]);
  };
  const zoom = (factor) => { camera.distance = Math.min(8, Math.max(0.15, camera.distance * factor)); };
  canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); fingers.set(e.pointerId, [e.clientX, e.clientY]); spread = 0; });
  const up = (e) => { fingers.delete(e.pointerId); spread = 0; };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointermove", (e) => {
    const before = fingers.get(e.pointerId);
    if (!before) return;
    const dx = e.clientX - before[0], dy = e.clientY - before[1];
    fingers.set(e.pointerId, [e.clientX, e.clientY]);
    if (fingers.size === 2) {
      const [p, q] = [...fingers.values()], now = Math.hypot(p[0] - q[0], p[1] - q[1]);
      if (spread) zoom(spread / now);
      spread = now;
      pan(dx / 2, dy / 2);
    } else if (e.buttons & 2 || e.shiftKey) pan(dx, dy);
    else turn(0.008 * dx, 0.008 * dy);
    changed();
  });
  canvas.addEventListener("contextmenu", (e) => e.preventDefault());
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(0.0012 * e.deltaY)); changed(); }, {passive: false});
  return {turn, zoom};
}
