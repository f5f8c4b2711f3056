// The body as one mesh: matrices (column by column) that bring its vertices from the pose in which it was made to a frame's.
function rotation(w, x, y, z) {
  return [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y), 2 * (x * y - w * z), 1 - 2 * (x * x + z * z),
    2 * (y * z + w * x), 2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
}

// Bones B of take at frame t, `part` of the way to the next: Float32Array (16 B).
function bones(take, t, part) {
  const {place, turn, skin} = take, [T, B] = place.shape, out = new Float32Array(16 * B);
  const n = Math.min(t + 1, T - 1), p = place.values, q = turn.values, p0 = skin.place.values, q0 = skin.turn.values;
  for (let b = 0; b < B; b++) {
    const i = 4 * (t * B + b), j = 4 * (n * B + b), r = [0, 1, 2, 3].map((k) => q[i + k] + part * (q[j + k] - q[i + k]));
    const size = Math.hypot(...r), [w, x, y, z] = r.map((v) => v / size), [a, c, d, e] = [q0[4 * b], -q0[4 * b + 1], -q0[4 * b + 2], -q0[4 * b + 3]];
    const m = rotation(w * a - x * c - y * d - z * e, w * c + x * a + y * e - z * d, w * d - x * e + y * a + z * c, w * e + x * d - y * c + z * a);
    const at = (k) => p[3 * (t * B + b) + k] + part * (p[3 * (n * B + b) + k] - p[3 * (t * B + b) + k]);
    for (let k = 0; k < 3; k++) {
      for (let c2 = 0; c2 < 3; c2++) out[16 * b + 4 * c2 + k] = m[3 * c2 + k];
      out[16 * b + 12 + k] = at(k) - m[k] * p0[3 * b] - m[3 + k] * p0[3 * b + 1] - m[6 + k] * p0[3 * b + 2];
    }
    out[16 * b + 15] = 1;
  }
  return out;
}

// Normals of a mesh's vertices, from its triangles.
function normalsOf(points, faces) {
  const out = new Float32Array(points.length);
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]], u = [0, 1, 2].map((k) => points[b + k] - points[a + k]);
    const v = [0, 1, 2].map((k) => points[c + k] - points[a + k]), n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const i of [a, b, c]) for (let k = 0; k < 3; k++) out[i + k] += n[k];
  }
  return out;
}

const SKIN_VERTEX = `#version 300 es
layout(location=0) in vec3 point; layout(location=1) in vec3 outward; layout(location=2) in vec4 joint; layout(location=3) in vec4 weight;
layout(location=4) in vec2 limb; uniform mat4 bone[24], matrix; uniform vec3 light; uniform float shadow;
out vec3 normal, where_; out float left, along;
void main() {
  ivec4 j = ivec4(joint + 0.5);
  mat4 m = weight.x * bone[j.x] + weight.y * bone[j.y] + weight.z * bone[j.z] + weight.w * bone[j.w];
  vec3 p = (m * vec4(point, 1)).xyz; normal = mat3(m) * outward; left = 2.0 * limb.x - 1.0; along = limb.y;
  if (shadow > 0.5) p = vec3(p.xy - light.xy / light.z * max(p.z, 0.0), 0.0);
  where_ = p; gl_Position = matrix * vec4(p, 1);
}`;
const SKIN_FRAGMENT = `#version 300 es
precision highp float; in vec3 normal, where_; in float left, along; uniform vec3 eye, light, colors[3]; uniform float shadow, alpha, sided; out vec4 pixel;
void main() {
  if (shadow > 0.5) { pixel = vec4(0, 0, 0, 0.22); return; }
  vec3 n = normalize(normal), v = normalize(eye - where_);
  float l = sided * smoothstep(0.4, 0.6, left), r = sided * smoothstep(0.4, 0.6, -left);
  vec3 color = mix(mix(colors[0], colors[1], l), colors[2], r);
  float lit = 0.66 + 0.14 * n.z + 0.36 * max(dot(n, light), 0.0), rim = pow(1.0 - max(dot(n, v), 0.0), 3.0);
  float shine = pow(max(dot(n, normalize(light + v)), 0.0), 40.0);
  float stripe = r * 0.16 * smoothstep(0.35, 0.45, abs(fract(along / 0.045) - 0.5));
  pixel = vec4(color * (1.0 - stripe) * (lit - 0.3 * rim) + 0.06 * shine, alpha);
}`;

// Draws skins {take, t, part, color, sides, alpha} in a GlRenderer's context.
class SkinPainter {
  constructor(renderer) {
    this.renderer = renderer;
    this.gl = renderer.gl;
    this.program = renderer.program(SKIN_VERTEX, SKIN_FRAGMENT);
    this.meshes = new Map();
  }

  mesh(skin) {
    if (this.meshes.has(skin)) return this.meshes.get(skin);
    const gl = this.gl, array = gl.createVertexArray(), V = skin.points.shape[0];
    gl.bindVertexArray(array);
    const put = (place, values, size, kind = gl.FLOAT, even = false) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, kind, even, 0, 0);
    };
    put(0, skin.points.values, 3);
    put(1, normalsOf(skin.points.values, skin.faces.values), 3);
    put(2, skin.joints.values, 4, gl.UNSIGNED_BYTE);
    const even = new Float32Array(4 * V);
    for (let i = 0; i < V; i++) {
      const w = skin.weights.values.subarray(4 * i, 4 * i + 4), sum = w[0] + w[1] + w[2] + w[3];
      for (let k = 0; k < 4; k++) even[4 * i + k] = w[k] / sum;
    }
    put(3, even, 4);
    const limb = new Float32Array(2 * V);
    for (let i = 0; i < V; i++) { limb[2 * i] = skin.left.values[i] / 255; limb[2 * i + 1] = skin.along.values[i]; }
    put(4, limb, 2);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, skin.faces.values, gl.STATIC_DRAW);
    const made = {array, count: skin.faces.values.length};
    this.meshes.set(skin, made);
    return made;
  }

  begin(view) {
    const {gl, program: {program, at}} = this;
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.matrix, false, view.matrix);
    gl.uniform3fv(at.eye, view.eye);
    gl.uniform3fv(at.light, LIGHT);
  }

  draw(item, shadow) {
    const {gl, program: {at}} = this, mesh = this.mesh(item.take.skin);
    item.bones = item.bones || bones(item.take, item.t, item.part);
    gl.bindVertexArray(mesh.array);
    gl.uniformMatrix4fv(at["bone[0]"], false, item.bones);
    gl.uniform3fv(at["colors[0]"], [...item.color, ...(item.sides ? [...item.sides[0], ...item.sides[1]] : [...item.color, ...item.color])]);
    gl.uniform1f(at.sided, item.sides ? 1 : 0);
    gl.uniform1f(at.alpha, item.alpha);
    gl.uniform1f(at.shadow, shadow ? 1 : 0);
    gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0);
  }
}
