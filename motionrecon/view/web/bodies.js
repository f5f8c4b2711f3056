// What is to be seen in one panel at one moment, as rounded cones {a, ra, b, rb, color, kind}: a capsule has equal radii, a
// ball equal ends. Both renderers take this list.
const METRES_PER_WEIGHT = 0.55;

// The body: its mesh where it has one and the renderer draws meshes, else its capsules. sides: colours of the left and the right limbs, whose hatching tells them apart without colour; none where takes have their own.
function figure(list, take, t, part, color, alpha, sides) {
  if (take.skin && renderer.skins) { list.push({kind: "skin", take, t, part, color, alpha, sides}); return; }
  for (let g = 0; g < take.shapes.length; g++) {
    const [i, j] = take.shapes[g], a = point(take.points, t, i, part), r = take.radii[g];
    const side = sides ? take.sides[g] : 0;
    list.push({a, b: i === j ? a : point(take.points, t, j, part), ra: r, rb: r, color: side ? sides[side - 1] : color, alpha, kind: "body", hatch: side === 2});
  }
}

function stick(list, t, part, ink) {
  for (const [i, j] of DATA.edges) {
    const a = point(DATA.targets, t, i, part), b = point(DATA.targets, t, j, part);
    if (a && b) list.push({a, b, ra: 0.012, rb: 0.012, color: ink, alpha: 1, kind: "body"});
  }
}

function supports(list, take, ink) {
  for (const corners of take.supports) {
    const lines = corners.map((a, i) => [a, corners[(i + 1) % 4]]);
    for (const [a, b] of [...lines, [corners[0], corners[2]]]) list.push({a, b, ra: 0.008, rb: 0.008, color: ink, alpha: 1, kind: "body"});
  }
}

function dots(list, t, part, inner, outer) {
  const size = DATA.targets.shape[1];
  for (let i = 0; i < size; i++) {
    const a = point(DATA.targets, t, i, part);
    if (!a) continue;
    list.push({a, b: a, ra: 0.017, rb: 0.017, color: outer, alpha: 1, kind: "halo"});
    list.push({a, b: a, ra: 0.011, rb: 0.011, color: inner, alpha: 1, kind: "dot"});
  }
}

function arrow(list, foot, force, color, thick = 1) {
  const newton = Math.hypot(...force), length = newton / DATA.weight * METRES_PER_WEIGHT;
  if (!(length > 0.02)) return;
  const unit = force.map((x) => x / newton), at = (s) => foot.map((x, i) => x + s * unit[i]);
  const head = Math.min(0.12, 0.4 * length), w = 0.016 * thick * Math.min(1, 0.3 + 3 * length);
  list.push({a: foot, b: at(length - head), ra: w, rb: w, color, alpha: 1, kind: "arrow"});
  list.push({a: at(length - head), b: at(length), ra: 2.6 * w, rb: 0.001, color, alpha: 1, kind: "arrow"});
}

function forces(list, take, t, part, colors) {
  for (let side = 0; side < 2; side++) {
    const centre = point(take.centre, t, side), force = point(take.force, t, side, part);
    if (centre && force) arrow(list, centre, force, colors.force);
    const measured = take.measured && point(take.measured, t, side, part);
    if (measured && centre) arrow(list, centre, measured, colors.measured, 0.6);
  }
  for (let s = 0; s < (take.elsewhere ? take.elsewhere.force.shape[1] : 0); s++) {
    const centre = point(take.elsewhere.centre, t, s);
    if (centre) arrow(list, centre, point(take.elsewhere.force, t, s), colors.force);
  }
}
