// Arrays come as base64 of little-endian float32, or of int16 with a step and an offset, where -32768 is NaN.
function unpack(packed) {
  const text = atob(packed.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  if (packed.type === "float32") return new Float32Array(bytes.buffer);
  if (packed.type === "uint8") return bytes;
  if (packed.type === "uint16") return new Uint16Array(bytes.buffer);
  const whole = new Int16Array(bytes.buffer), out = new Float32Array(whole.length);
  for (let i = 0; i < whole.length; i++) out[i] = whole[i] === -32768 ? NaN : whole[i] * packed.step + packed.offset;
  return out;
}

// Every packed array below a node, decoded in place: {shape, values}.
function decode(node) {
  if (Array.isArray(node)) return node.map(decode);
  if (node === null || typeof node !== "object") return node;
  if (typeof node.data === "string" && node.shape) return {shape: node.shape, values: unpack(node)};
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, decode(value)]));
}

// Points (T, P, 3) are stored about a moving origin (T, 3): metres keep their tenths of millimetres on long walks.
function placed(points, origin) {
  const [T, P] = points.shape, v = points.values;
  for (let t = 0; t < T; t++)
    for (let i = 0; i < 3 * P; i++) v[t * 3 * P + i] += origin.values[3 * t + (i % 3)];
  return points;
}

const DATA = decode(JSON.parse(document.getElementById("data").textContent));
for (const take of DATA.takes) {
  placed(take.points, take.origin);
  placed(take.keypoints, take.origin);
  if (take.place) placed(take.place, take.origin);
}
DATA.takes.forEach((take, k) => { take.skin = DATA.skinOf[k] === null ? null : DATA.skins[DATA.skinOf[k]]; });
placed(DATA.targets, DATA.takes[DATA.longest].origin);

// Point i of frame t, moved on towards the next frame by `part` (0 to 1); null where it is missing.
function point(array, t, i, part = 0) {
  const [T, P] = array.shape, v = array.values, k = 3 * (Math.min(t, T - 1) * P + i), n = 3 * (Math.min(t + 1, T - 1) * P + i);
  const p = [v[k], v[k + 1], v[k + 2]];
  if (Number.isNaN(p[0])) return null;
  if (!part || Number.isNaN(v[n])) return p;
  return p.map((x, a) => x + part * (v[n + a] - x));
}
