'use strict';

// Drawings that fill the paper are framed as closely cropped pictures are, as
// mnist_jax/photos/crop.py does it. The paper is white and the ink black here, which needs no measuring.
const crop = (() => {
  const MARGIN = 0.2;
  const LINE = 0.85;
  const NEAR = 0.08;
  const HAIRLINE = 0.06;
  const PAPER = 0.2;

  // Returns the ink with paper around it, and how much; null where the drawing is no such crop.
  function measure(ink) {
    if (!isClose(ink)) return null;
    const margin = arrays.round(PAPER * Math.max(ink.width, ink.height));
    return { ink: arrays.pad(removeHairlines(ink), margin), margin };
  }

  function isClose(ink) {
    if (largestMargin(ink) >= MARGIN) return false;
    const { labels, boxes } = arrays.label(arrays.above(ink, 0.25));
    const sizes = boxes.map(({ x0, y0, x1, y1 }) => Math.max(x1 - x0, y1 - y0));
    const main = sizes.indexOf(Math.max(...sizes));
    if (boxes.some((box, i) => i !== main && isLine(box, ink))) return false;
    return countLines(arrays.map(labels, (value) => (value === main + 1 ? 1 : 0), Uint8Array)) <= 1;
  }

  // Returns the widest margin, in times the size of a digit.
  function largestMargin(ink) {
    const box = arrays.bounds(arrays.above(ink, 0.5));
    if (!box) return Infinity;
    const height = box.y1 - box.y0;
    const size = Math.min(Math.max(height, box.x1 - box.x0), 1.5 * height);
    return Math.max(box.x0, box.y0, ink.width - box.x1, ink.height - box.y1) / size;
  }

  function isLine({ x0, y0, x1, y1 }, { width, height }) {
    const isAlong = (start, stop, side, length, across) => {
      const near = 0.03 * side;
      const isAtBorder = start <= near || stop >= side - near;
      return stop - start > 0.9 * side || (isAtBorder && length > 0.3 * across);
    };
    return isAlong(y0, y1, height, x1 - x0, width) || isAlong(x0, x1, width, y1 - y0, height);
  }

  // Returns along how many sides of the picture a part runs.
  function countLines(part) {
    const { width, height } = part;
    const [x, y] = [width, height].map((side) => Math.max(2, arrays.round(NEAR * side)));
    const strips = [
      { x0: 0, y0: 0, x1: width, y1: y },
      { x0: 0, y0: height - y, x1: width, y1: height },
      { x0: 0, y0: 0, x1: x, y1: height },
      { x0: width - x, y0: 0, x1: width, y1: height },
    ];
    return strips.filter((box, i) => shareAlong(arrays.crop(part, box), i < 2) > LINE).length;
  }

  // Returns the share of the columns, or of the rows, with ink in a strip.
  function shareAlong(strip, isRow) {
    const length = isRow ? strip.width : strip.height;
    const covered = new Set();
    strip.data.forEach((value, i) => {
      if (value) covered.add(isRow ? i % strip.width : Math.floor(i / strip.width));
    });
    return covered.size / length;
  }

  // Removes the thin rest of a frame from each border.
  function removeHairlines(ink) {
    let turned = ink;
    for (let i = 0; i < 4; i++) turned = turn(removeTopLine(turned));
    return turned;
  }

  function removeTopLine(ink) {
    const { width, height } = ink;
    const depth = arrays.round(HAIRLINE * height);
    let last = -1;
    for (let y = 0; y < 2 * depth; y++) {
      const row = ink.data.subarray(y * width, (y + 1) * width);
      if (row.filter((value) => value > 0.25).length / width > 0.6) last = y;
    }
    if (last < 0 || last >= depth) return ink;
    return arrays.map(ink, (value, i) => (i < (last + 2) * width ? 0 : value));
  }

  // Turns a picture by 90 degrees against the clock.
  function turn({ width, height, data }) {
    const turned = arrays.make(height, width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) turned.data[(width - 1 - x) * height + y] = data[y * width + x];
    }
    return turned;
  }

  return { measure };
})();
