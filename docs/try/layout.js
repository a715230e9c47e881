'use strict';

// Parts of the ink -> digits in reading order, as mnist_jax/photos/layout.py does it.
// A part is a box { x0, y0, x1, y1 } with the `labels` of the ink in it.
const layout = (() => {
  const MOST_TILT = 25;
  const LEAST_TILT = 4;
  const CRACK = 0.12;
  const HAIR_CRACK = 0.08;

  const widthOf = (part) => part.x1 - part.x0;
  const heightOf = (part) => part.y1 - part.y0;
  const sizeOf = (part) => Math.max(widthOf(part), heightOf(part));

  function estimateTilt(parts) {
    const pairs = parts.map((part) => stepRight(part, parts)).filter(Boolean);
    if (pairs.length < 3) return 0;
    const costOf = (angle) => pairs.reduce((total, pair) => total + slope(pair, angle), 0);
    let [best, least] = [-MOST_TILT, costOf(-MOST_TILT)];
    for (let angle = -MOST_TILT + 1; angle <= MOST_TILT; angle++) {
      const cost = costOf(angle);
      if (cost > least || (cost === least && Math.abs(angle) >= Math.abs(best))) continue;
      [best, least] = [angle, cost];
    }
    return Math.abs(best) < LEAST_TILT || least > 0.6 * costOf(0) ? 0 : best;
  }

  function stepRight(part, parts) {
    const tall = heightOf(part);
    let nearest = null;
    for (const other of parts) {
      const across = (other.x0 + other.x1 - part.x0 - part.x1) / 2;
      const down = (other.y0 + other.y1 - part.y0 - part.y1) / 2;
      const share = heightOf(other) / tall;
      if (share <= 0.5 || share >= 2) continue;
      if (across <= 0.2 * tall || across >= 3 * tall || Math.abs(down) >= 0.7 * across) continue;
      const way = [across / tall, down / tall];
      if (!nearest || Math.hypot(...way) < Math.hypot(...nearest)) nearest = way;
    }
    return nearest;
  }

  function slope([across, down], angle) {
    const turn = (angle * Math.PI) / 180;
    return Math.min(Math.abs(down * Math.cos(turn) - across * Math.sin(turn)), 0.5);
  }

  function joinBroken(given) {
    const parts = [...given].sort((a, b) => a.y0 - b.y0);
    for (let i = 0; i < parts.length; ) {
      const below = parts.findIndex((part, j) => j > i && isCracked(parts[i], part, parts));
      if (below < 0) {
        i++;
        continue;
      }
      parts[i] = join(parts[i], ...parts.splice(below, 1));
      i = 0;
    }
    return parts;
  }

  function isCracked(above, below, parts) {
    const whole = join(above, below);
    const [width, height] = [widthOf(whole), heightOf(whole)];
    const gap = below.y0 - above.y1;
    const beside = height > 1.4 * width ? CRACK * height : 0;
    if (overlapOf(above, below) + beside < 0.4 * Math.min(widthOf(above), widthOf(below))) return false;
    if (gap <= -0.5 * height || gap >= CRACK * height) return false;
    if (gap >= 0 && gap < HAIR_CRACK * height) return true;
    const others = parts.filter((part) => part !== above && part !== below).map(heightOf);
    return height <= 2 * width || (others.length > 0 && height <= 1.2 * Math.max(...others));
  }

  function overlapOf(a, b) {
    return Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0);
  }

  function splitIntoRows(parts) {
    const rows = [];
    for (const part of [...parts].sort((a, b) => heightOf(b) - heightOf(a))) {
      const middle = (part.y0 + part.y1) / 2;
      const row = rows.find(([tallest]) => tallest.y0 <= middle && middle < tallest.y1);
      if (row) row.push(part);
      else rows.push([part]);
    }
    return rows.sort(([a], [b]) => a.y0 + a.y1 - b.y0 - b.y1);
  }

  function joinRow(row) {
    const tall = heightOf(row[0]);
    const digits = [];
    for (const part of [...row].sort((a, b) => a.x0 - b.x0)) {
      if (digits.length && belongTogether(digits.at(-1), part, tall)) digits.push(join(digits.pop(), part));
      else digits.push(part);
    }
    return digits.filter((digit) => !isComma(digit, row[0]));
  }

  function belongTogether(left, right, tall) {
    const overlap = overlapOf(left, right);
    if (overlap >= 0.4 * Math.min(widthOf(left), widthOf(right))) return true;
    return Math.min(heightOf(left), heightOf(right)) < 0.65 * tall && -overlap < 0.15 * tall;
  }

  function isComma(part, tallest) {
    return sizeOf(part) < 0.45 * heightOf(tallest) && part.y0 > (tallest.y0 + tallest.y1) / 2;
  }

  function join(a, b) {
    return {
      labels: [...a.labels, ...b.labels],
      x0: Math.min(a.x0, b.x0),
      y0: Math.min(a.y0, b.y0),
      x1: Math.max(a.x1, b.x1),
      y1: Math.max(a.y1, b.y1),
    };
  }

  return { estimateTilt, joinBroken, splitIntoRows, joinRow, widthOf, heightOf, sizeOf };
})();
