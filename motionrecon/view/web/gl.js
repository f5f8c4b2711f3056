// WebGL 2: one mesh, a capsule whose ends may differ in radius, drawn many times.
const VERTEX = `#version 300 es
layout(location=0) in vec4 mesh; layout(location=1) in vec4 a; layout(location=2) in vec4 b; layout(location=3) in vec4 tint;
uniform mat4 matrix; uniform vec3 eye, light; uniform float shadow, bias; out vec3 normal, where_; out vec4 color; out float along;
void main() {
  vec3 axis = b.xyz - a.xyz; float l = length(axis); axis = l > 1e-5 ? axis / l : vec3(0, 0, 1);
  vec3 side = normalize(abs(axis.z) < 0.9 ? cross(axis, vec3(0, 0, 1)) : cross(axis, vec3(1, 0, 0)));
  normal = mat3(side, cross(axis, side), axis) * mesh.xyz;
  vec3 p = mix(a.xyz, b.xyz, mesh.w) + mix(a.w, b.w, mesh.w) * normal; along = mesh.w * l + mix(a.w, b.w, mesh.w) * mesh.z;
  if (shadow > 0.5) p = vec3(p.xy - light.xy / light.z * max(p.z, 0.0), 0.0);
  where_ = p; color = tint; gl_Position = matrix * vec4(p, 1);
  if (bias > 0.0) { vec4 near = matrix * vec4(p + bias * normalize(eye - p), 1); gl_Position.z = near.z / near.w * gl_Position.w; }
}`;
const FRAGMENT = `#version 300 es
precision highp float; in vec3 normal, where_; in vec4 color; in float along; uniform vec3 eye, light; uniform float shadow, plain, hatch; out vec4 pixel;
void main() {
  if (shadow > 0.5) { pixel = vec4(0, 0, 0, color.a); return; }
  vec3 n = normalize(normal), v = normalize(eye - where_);
  float lit = 0.66 + 0.14 * n.z + 0.36 * max(dot(n, light), 0.0), rim = pow(1.0 - max(dot(n, v), 0.0), 3.0);
  float shine = pow(max(dot(n, normalize(light + v)), 0.0), 40.0);
  float stripe = hatch * 0.16 * smoothstep(0.35, 0.45, abs(fract(along / 0.045) - 0.5));
  pixel = vec4(mix(color.rgb * (1.0 - stripe) * (lit - 0.3 * rim) + 0.1 * shine, color.rgb, plain), color.a);
}`;
const FLOOR_VERTEX = `#version 300 es
layout(location=0) in vec4 mesh; uniform mat4 matrix; uniform vec3 middle; out vec2 p;
void main() { p = middle.xy + 14.0 * mesh.xy; gl_Position = matrix * vec4(p, -0.001, 1); }`;
const FLOOR_FRAGMENT = `#version 300 es
precision highp float; in vec2 p; uniform vec3 middle, grid, ground; out vec4 pixel;
float lines(float every, float width) { vec2 q = p / every, d = abs(fract(q - 0.5) - 0.5) / max(fwidth(q), 1e-5);
  return 1.0 - clamp(min(d.x, d.y) - width + 0.5, 0.0, 1.0); }
void main() { float fade = smoothstep(11.0, 2.5, distance(p, middle.xy));
  float line = max(lines(1.0, 0.9), 0.45 * lines(0.25, 0.4) * smoothstep(6.0, 2.0, distance(p, middle.xy)));
  pixel = vec4(mix(ground, grid, line), fade); }`;

// Whether pictures are computed without a GPU, where smooth edges cost four times the pixels.
function software() {
  const gl = document.createElement("canvas").getContext("webgl2"), info = gl && gl.getExtension("WEBGL_debug_renderer_info");
  return Boolean(info) && /swiftshader|llvmpipe|software/i.test(gl.getParameter(info.UNMASKED_RENDERER_WEBGL));
}

class GlRenderer {
  constructor(canvas) {
    const gl = this.gl = canvas.getContext("webgl2", {antialias: !software(), alpha: false, stencil: true, preserveDrawingBuffer: true});
    if (!gl) throw new Error("no WebGL 2");
    this.canvas = canvas;
    this.bodies = this.program(VERTEX, FRAGMENT);
    this.floor = this.program(FLOOR_VERTEX, FLOOR_FRAGMENT);
    this.skins = new SkinPainter(this);
    const mesh = [], index = [], [around, rings] = software() ? [12, 3] : [20, 6];
    for (let ring = 0; ring <= 2 * rings + 1; ring++) {
      const end = ring > rings ? 1 : 0, angle = (ring - end) / (2 * rings) * Math.PI - Math.PI / 2;
      for (let k = 0; k <= around; k++) {
        const turn = 2 * Math.PI * k / around, c = Math.cos(angle);
        mesh.push(c * Math.cos(turn), c * Math.sin(turn), Math.sin(angle), end);
        const i = ring * (around + 1) + k;
        if (ring && k) index.push(i, i - 1, i - around - 2, i, i - around - 2, i - around - 1);
      }
    }
    this.count = index.length;
    this.shape = gl.createVertexArray();
    gl.bindVertexArray(this.shape);
    this.attribute(0, new Float32Array(mesh), 4, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint16Array(index), gl.STATIC_DRAW);
    this.instances = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.instances);
    for (let i = 0; i < 3; i++) {
      gl.enableVertexAttribArray(i + 1);
      gl.vertexAttribPointer(i + 1, 4, gl.FLOAT, false, 48, 16 * i);
      gl.vertexAttribDivisor(i + 1, 1);
    }
    this.square = gl.createVertexArray();
    gl.bindVertexArray(this.square);
    this.attribute(0, new Float32Array([-1, -1, 0, 0, 1, -1, 0, 0, -1, 1, 0, 0, 1, 1, 0, 0]), 4, 0, 0);
  }

  attribute(place, values, size) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
  }

  program(vertex, fragment) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const at = {};
    for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
      const {name} = gl.getActiveUniform(program, i);
      at[name] = gl.getUniformLocation(program, name);
    }
    return {program, at};
  }

  begin(colors) {
    const gl = this.gl;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...colors.card, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.colors = colors;
  }

  // box: x, y, width, height in device pixels from the top left
  panel(box, camera, list) {
    const gl = this.gl, y = this.canvas.height - box.y - box.height, view = cameraMatrix(camera, box.width / box.height);
    gl.viewport(box.x, y, box.width, box.height);
    gl.scissor(box.x, y, box.width, box.height);
    gl.enable(gl.SCISSOR_TEST);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE);
    gl.depthMask(true);
    gl.clear(gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    const f = this.floor;
    gl.useProgram(f.program);
    gl.bindVertexArray(this.square);
    gl.uniformMatrix4fv(f.at.matrix, false, view.matrix);
    gl.uniform3fv(f.at.middle, camera.target);
    gl.uniform3fv(f.at.grid, this.colors.grid);
    gl.uniform3fv(f.at.ground, this.colors.floor);
    gl.depthMask(false);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    const b = this.bodies, skins = list.filter((s) => s.kind === "skin");
    const capsules = () => { gl.useProgram(b.program); gl.bindVertexArray(this.shape); };
    capsules();
    gl.uniformMatrix4fv(b.at.matrix, false, view.matrix);
    gl.uniform3fv(b.at.eye, view.eye);
    gl.uniform3fv(b.at.light, LIGHT);
    const solid = list.filter((s) => s.kind === "body" && s.alpha === 1), ghost = list.filter((s) => s.kind === "body" && s.alpha < 1);
    gl.enable(gl.STENCIL_TEST);  // a floor pixel is darkened once, however many limbs are over it
    gl.stencilFunc(gl.EQUAL, 0, 255);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    this.draw([...solid, ...ghost].map((s) => ({...s, alpha: 0.22})), {shadow: 1});
    this.skins.begin(view);
    for (const s of skins) this.skins.draw(s, true);
    gl.disable(gl.STENCIL_TEST);
    gl.depthMask(true);
    gl.enable(gl.CULL_FACE);  // a closed surface: what looks away is behind what looks here
    for (const s of skins) if (s.alpha === 1) this.skins.draw(s, false);
    gl.disable(gl.CULL_FACE);
    for (const s of skins) if (s.alpha < 1) this.through(() => this.skins.draw(s, false));
    capsules();
    this.draw(solid.filter((s) => !s.hatch), {});
    this.draw(solid.filter((s) => s.hatch), {hatch: 1});
    for (const owner of new Set(ghost.map((s) => s.color))) {  // depth first: no limb shows through another of the same body
      const one = ghost.filter((s) => s.color === owner);
      this.through(() => this.draw(one, {}));
    }
    this.draw(list.filter((s) => s.kind === "arrow"), {bias: 0.2, plain: 0.6});
    this.draw(list.filter((s) => s.kind === "halo"), {bias: 0.22, plain: 1});
    this.draw(list.filter((s) => s.kind === "dot"), {bias: 0.235, plain: 1});
  }

  // What one can see through, its depth first.
  through(draw) {
    const gl = this.gl;
    gl.colorMask(false, false, false, false);
    draw();
    gl.colorMask(true, true, true, true);
    gl.depthFunc(gl.LEQUAL);
    draw();
    gl.depthFunc(gl.LESS);
  }

  draw(list, {shadow = 0, bias = 0, plain = 0, hatch = 0}) {
    if (!list.length) return;
    const gl = this.gl, at = this.bodies.at, values = new Float32Array(12 * list.length);
    list.forEach((s, i) => values.set([...s.a, s.ra, ...s.b, s.rb, ...s.color, s.alpha], 12 * i));
    gl.uniform1f(at.shadow, shadow);
    gl.uniform1f(at.bias, bias);
    gl.uniform1f(at.plain, plain);
    gl.uniform1f(at.hatch, hatch);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.instances);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.drawElementsInstanced(gl.TRIANGLES, this.count, gl.UNSIGNED_SHORT, 0, list.length);
  }
}
