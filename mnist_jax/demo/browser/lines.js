'use strict';

// Removes frames, underlines and grids, as mnist_jax/photos/line_removal.py does it.
const lines = (() => {
  const THROUGH = 0.6;
  const LONG = 1.7;
  const WHOLE = 0.75;
  const SLACK = 0.02;
  const DEPTH = 0.12;
  const FAINT = 0.2;
  const MAX_PARTS = 30;

  // By axis: 0 is from top to bottom, 1 is from left to right.
  const START = ['y0', 'x0'];
  const STOP = ['y1', 'x1'];
  const lengthOf = (picture, axis) => (axis ? picture.width : picture.height);
  const spanOf = (box, axis) => box[STOP[axis]] - box[START[axis]];
  const longest = (box) => Math.max(spanOf(box, 0), spanOf(box, 1));
  const shorterSide = (picture) => Math.min(picture.width, picture.height);

  // Returns the ink, 0 on lines, and whether there were any.
  function remove(ink) {
    const mask = arrays.above(ink, Math.max(0.04, 0.2 * segmentation.peak(ink)));
    const found = arrays.make(ink.width, ink.height, Uint8Array);
    let count = 0;
    for (const find of [findThrough, findFrames, findLong]) {
      count += find(arrays.without(mask, found), found);
    }
    const isOne = count === 1 && !holdsDigit(arrays.without(mask, found));
    if (!count || isOne) return { ink, isRuled: false };
    const soft = arrays.dilate(found, 2);
    const isGone = (i) => found.data[i] || (soft.data[i] && !mask.data[i]);
    const rest = arrays.map(ink, (value, i) => (isGone(i) ? 0 : value));
    const isRuled = rest.data.some((value, i) => value !== ink.data[i]);
    const isResidue = isRuled && segmentation.peak(rest) < FAINT;
    return { ink: isResidue ? arrays.make(ink.width, ink.height) : rest, isRuled };
  }

  // Adds lines through the picture, or along its border, to `found`; returns how many.
  function findThrough(mask, found) {
    if (isBorderClear(mask, 2 + arrays.round(SLACK * Math.max(mask.width, mask.height)))) return 0;
    let count = 0;
    for (const axis of [0, 1]) {
      const [side, across] = [lengthOf(mask, axis), lengthOf(mask, 1 - axis)];
      for (const { box, pixels } of findStraight(mask, axis, arrays.round(THROUGH * side))) {
        const [start, stop] = [box[START[1 - axis]], box[STOP[1 - axis]]];
        const isThrough = box[START[axis]] <= 1 && box[STOP[axis]] >= side - 1;
        const isOuter = stop < 0.2 * across || start > 0.8 * across;
        const isBeside = start <= 1 || stop >= across - 1;
        if (!isThrough && !(isOuter && isBeside)) continue;
        arrays.include(found, pixels, box);
        count++;
      }
    }
    return count;
  }

  function isBorderClear({ width, height, data }, depth) {
    const isInside = (x, y) => x >= depth && x < width - depth && y >= depth && y < height - depth;
    return data.every((value, i) => !value || isInside(i % width, Math.floor(i / width)));
  }

  // Adds the lines of boxes and grids; each counts as three.
  function findFrames(mask, found) {
    const { labels, boxes } = arrays.label(mask);
    const parts = boxes.map((box, i) => ({ box, number: i + 1 })).sort((a, b) => longest(b.box) - longest(a.box));
    let count = 0;
    for (const { box, number } of parts.slice(0, MAX_PARTS)) {
      const part = arrays.part(labels, number, box);
      if (shorterSide(part) < 12 || !isFrame(part)) continue;
      arrays.include(found, findFrameLines(part), box);
      count += 3;
    }
    return count;
  }

  function isFrame(part) {
    const area = part.data.reduce((total, value) => total + value, 0);
    if (area / part.data.length > 0.6) return false;
    const sides = [[0, false], [0, true], [1, false], [1, true]];
    return sides.filter(([axis, atEnd]) => coverage(part, axis, atEnd) > 0.9).length >= 3;
  }

  // Returns the share of a side along which there is ink near that side.
  function coverage(part, axis, atEnd) {
    const [length, across] = [lengthOf(part, axis), lengthOf(part, 1 - axis)];
    const depth = Math.max(3, arrays.round(DEPTH * length));
    const first = atEnd ? Math.max(0, length - depth) : 0;
    let covered = 0;
    for (let i = 0; i < across; i++) {
      for (let j = first; j < Math.min(length, first + depth); j++) {
        if (!part.data[axis ? i * part.width + j : j * part.width + i]) continue;
        covered++;
        break;
      }
    }
    return covered / across;
  }

  function findFrameLines(part) {
    const found = arrays.make(part.width, part.height, Uint8Array);
    for (const axis of [0, 1]) {
      const length = arrays.round(WHOLE * lengthOf(part, axis));
      for (const { box, pixels } of findStraight(part, axis, length, 2 * SLACK)) arrays.include(found, pixels, box);
    }
    const { labels, boxes } = arrays.label(arrays.without(part, found));
    boxes.forEach((box, i) => {
      if (isAlongSide(box, part)) arrays.include(found, arrays.part(labels, i + 1, box), box);
    });
    return found;
  }

  function isAlongSide(box, part) {
    return [0, 1].some((axis) => {
      const length = lengthOf(part, axis);
      const middle = (box[START[axis]] + box[STOP[axis]]) / 2 / length;
      return Math.abs(middle - 0.5) > 0.5 - DEPTH && spanOf(box, axis) / length < 2 * DEPTH;
    });
  }

  // Adds lines much longer than a digit; returns how many.
  function findLong(mask, found) {
    const typical = typicalHeight(mask);
    if (typical < 5) return 0;
    const length = arrays.round(LONG * typical);
    let count = 0;
    for (const axis of [1, 0]) {
      if (length >= lengthOf(mask, axis)) continue;
      for (const { box, pixels } of findStraight(mask, axis, length, 2 * SLACK)) {
        arrays.include(found, pixels, box);
        count++;
      }
    }
    return count;
  }

  function typicalHeight(mask) {
    const isWhole = (box) => [0, 1].every((axis) => spanOf(box, axis) > 0.95 * lengthOf(mask, axis));
    const heights = arrays.label(mask).boxes.filter((box) => !isWhole(box)).map((box) => spanOf(box, 0));
    const tallest = Math.max(0, ...heights);
    const large = heights.filter((height) => height >= tallest / 3);
    return large.length ? arrays.median(large) : 0;
  }

  // Returns nearly straight lines along an axis: their boxes, and their pixels where no stroke
  // crosses them.
  function findStraight(mask, axis, length, slack = SLACK) {
    const reach = Math.max(1, arrays.round(slack * length));
    const window = [length >> 1, length - (length >> 1) - 1];
    const wide = arrays.slide(mask, 1 - axis, reach, reach);
    const runs = arrays.slide(arrays.slide(wide, axis, ...window, { all: true }), axis, ...window);
    const { labels, boxes } = arrays.label(runs);
    const straight = [];
    boxes.forEach((box, i) => {
      const inside = arrays.crop(mask, box);
      const run = arrays.part(labels, i + 1, box);
      const line = arrays.map(inside, (value, j) => value & run.data[j], Uint8Array);
      const depths = depthsOf(line, axis);
      const thickness = depths.length ? arrays.median(depths) : 0;
      if (!thickness || thickness > Math.max(3, 0.15 * length)) return;
      const deep = findDeep(inside, Math.trunc(1.6 * thickness) + 2, 1 - axis);
      straight.push({ box, pixels: arrays.without(line, deep) });
    });
    return straight;
  }

  // Returns how deep a line is at each place along it, but where it is broken.
  function depthsOf(line, axis) {
    const depths = new Uint16Array(lengthOf(line, axis));
    line.data.forEach((value, i) => {
      depths[axis ? i % line.width : Math.floor(i / line.width)] += value;
    });
    return depths.filter((depth) => depth > 0);
  }

  // Returns the pixels in runs along an axis of at least `depth` pixels.
  function findDeep(mask, depth, axis) {
    const [more, less] = [depth >> 1, depth - (depth >> 1) - 1];
    return arrays.slide(arrays.slide(mask, axis, more, less, { all: true, inside: true }), axis, less, more);
  }

  function holdsDigit(mask) {
    return arrays.label(mask).boxes.some((box) => longest(box) > 0.2 * shorterSide(mask));
  }

  return { remove };
})();
