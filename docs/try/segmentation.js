'use strict';

// Ink -> the pixels of each digit, in reading order, as mnist_jax/photos/segmentation.py does it.
// The paper of a drawing has no noise.
const segmentation = (() => {
  const { widthOf, heightOf, sizeOf } = layout;
  const FAINTEST = 0.05;
  const LOWEST = 0.04;
  const MAX_PARTS = 2000;
  const WIDEST = 2.5;
  const MANY = 8;
  const DOT = 0.015;
  const DOT_PIXELS = 6;
  const HAIR = 0.06;
  const HAIR_AT_BORDER = 0.1;

  // Returns digits of { ink, x0, y0, x1, y1 }; `share` is of the strongest ink.
  function findDigits(ink, share, { isRuled = false, isLevel = false } = {}) {
    const full = peak(ink);
    if (full < FAINTEST) return [];
    const found = findParts(ink, Math.max(LOWEST, share * full), 0.5 * full);
    const { labels } = found;
    let parts = removeFrame(found.parts, ink);
    if (areDots(parts, ink)) return [];
    parts = removeFragments(layout.joinBroken(parts));
    const angle = isLevel ? 0 : layout.estimateTilt(parts);
    if (angle) return findTilted(ink, share, angle, isRuled);
    const digits = layout
      .splitIntoRows(parts)
      .flatMap(layout.joinRow)
      .filter((digit) => widthOf(digit) < WIDEST * heightOf(digit));
    if (isRuled && areHairs(digits, labels)) return [];
    return digits.map((digit) => ({ ...digit, ink: cutOut(ink, labels, digit) }));
  }

  function findTilted(ink, share, angle, isRuled) {
    const turned = arrays.map(resample.rotate(ink, angle), (value) => Math.min(Math.max(value, 0), 1));
    return findDigits(turned, share, { isRuled, isLevel: true }).map((digit) => ({
      ...digit,
      ...turnBack(digit, turned, ink, angle),
    }));
  }

  function turnBack({ x0, y0, x1, y1 }, turned, { width, height }, angle) {
    const turn = (angle * Math.PI) / 180;
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const corners = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]].map(([x, y]) => {
      const [across, down] = [x - turned.width / 2, y - turned.height / 2];
      return [across * cos - down * sin + width / 2, across * sin + down * cos + height / 2];
    });
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    return {
      x0: Math.max(Math.floor(Math.min(...xs)), 0),
      y0: Math.max(Math.floor(Math.min(...ys)), 0),
      x1: Math.min(Math.ceil(Math.max(...xs)), width),
      y1: Math.min(Math.ceil(Math.max(...ys)), height),
    };
  }

  // Returns the strength of a full stroke, measured in the middle if there is ink.
  function peak(ink) {
    const [x, y] = [arrays.round(0.15 * ink.width), arrays.round(0.15 * ink.height)];
    const middle = strongest(arrays.crop(ink, { x0: x, y0: y, x1: ink.width - x, y1: ink.height - y }));
    const whole = strongest(ink);
    return middle > 0.25 * whole ? middle : whole;
  }

  function strongest({ data }) {
    const rank = Math.max(1, Math.floor(data.length / 2000));
    let full = 0;
    for (let i = 0; i < data.length; i++) full += data[i] === 1 ? 1 : 0;
    if (full >= rank) return 1; // There is no stronger ink, so nothing needs to be sorted.
    const found = data.filter((value) => value > Math.fround(0.01)).sort();
    return found.length >= rank ? found[found.length - rank] : 0;
  }

  // Labels parts above `low` that somewhere reach `high`; largest first.
  function findParts(ink, low, high) {
    const { labels, boxes } = arrays.label(arrays.above(ink, low));
    const strong = new Set();
    arrays.above(ink, high).data.forEach((value, i) => value && strong.add(labels.data[i]));
    const parts = boxes
      .map((box, i) => ({ ...box, labels: [i + 1] }))
      .filter((part) => strong.has(part.labels[0]))
      .sort((a, b) => widthOf(b) * heightOf(b) - widthOf(a) * heightOf(a));
    return { labels, parts: parts.slice(0, MAX_PARTS) };
  }

  function removeFrame(given, picture) {
    const parts = given.filter((part) => countBorders(part, picture) < 3);
    const inner = parts.filter((part) => !isAlongBorder(part, picture));
    const largest = Math.max(0, ...inner.map(sizeOf));
    return largest > 0.12 * Math.min(picture.width, picture.height) ? inner : parts;
  }

  function countBorders({ x0, y0, x1, y1 }, { width, height }) {
    return [x0 <= 1, y0 <= 1, x1 >= width - 1, y1 >= height - 1].filter(Boolean).length;
  }

  function isAlongBorder(part, { width, height }) {
    const shorter = Math.min(width, height);
    const near = Math.max(1, 0.04 * shorter);
    const [left, top] = [part.x0 <= near, part.y0 <= near];
    const [right, bottom] = [part.x1 >= width - near, part.y1 >= height - near];
    if (left && right && heightOf(part) < 0.3 * height) {
      return part.y1 < 0.4 * height || part.y0 > 0.6 * height;
    }
    const reach = 0.2 * shorter;
    const beside = part.x1 < reach || part.x0 > width - reach;
    const tall = heightOf(part) > 0.6 * height && widthOf(part) < 0.25 * heightOf(part);
    const narrow = (left || right) && widthOf(part) < 0.15 * width;
    return (beside && tall) || narrow || ((top || bottom) && heightOf(part) < 0.15 * height);
  }

  function removeFragments(parts) {
    const largest = Math.max(0, ...parts.map(sizeOf));
    return parts.filter((part) => sizeOf(part) >= Math.max(0.25 * largest, 4));
  }

  function areDots(parts, { width, height }) {
    const dot = Math.max(DOT * Math.min(width, height), DOT_PIXELS);
    return parts.length >= MANY && Math.max(...parts.map(sizeOf)) < dot;
  }

  // Returns whether these are hairlines only, which removed lines leave.
  function areHairs(digits, { width, height, data }) {
    if (!digits.length) return false;
    const thickness = digits.map((digit) => {
      const own = new Set(digit.labels);
      return data.filter((value) => own.has(value)).length / sizeOf(digit) ** 2;
    });
    if (digits.length > 1) return Math.max(...thickness) < HAIR;
    const [{ x0, y0, x1, y1 }] = digits;
    const isInside = x0 > 1 && y0 > 1 && x1 < width - 1 && y1 < height - 1;
    return !isInside && thickness[0] < HAIR_AT_BORDER;
  }

  // Returns the ink of one digit, with the soft edge of its strokes.
  function cutOut(ink, labels, part) {
    const window = {
      x0: Math.max(0, part.x0 - 2),
      y0: Math.max(0, part.y0 - 2),
      x1: Math.min(ink.width, part.x1 + 2),
      y1: Math.min(ink.height, part.y1 + 2),
    };
    const near = arrays.crop(labels, window);
    const values = arrays.crop(ink, window);
    const own = arrays.map(near, (value) => (part.labels.includes(value) ? 1 : 0), Uint8Array);
    const full = arrays.percentile(values.data.filter((_, i) => own.data[i]), 75);
    const soft = arrays.dilate(own, 1);
    return arrays.map(values, (value, i) => {
      const isOwn = own.data[i] || (soft.data[i] && !near.data[i]);
      return isOwn ? Math.min(Math.fround(value / full), 1) : 0;
    });
  }

  return { findDigits, peak };
})();
