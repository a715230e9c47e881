'use strict';

// The parts of NumPy and SciPy that the framing needs, with the same results to the last bit.
// An image is { width, height, data }. The data of ink are a Float32Array, those of a mask a
// Uint8Array of 0 and 1. A box is { x0, y0, x1, y1 }, half open.
const arrays = (() => {
  const { fround } = Math;

  function make(width, height, Type = Float32Array) {
    return { width, height, data: new Type(width * height) };
  }

  function map(image, change, Type = Float32Array) {
    const result = make(image.width, image.height, Type);
    for (let i = 0; i < result.data.length; i++) result.data[i] = change(image.data[i], i);
    return result;
  }

  // Returns the mask of what is above `least`, which NumPy takes as a float32.
  function above(ink, least) {
    const limit = fround(least);
    const mask = make(ink.width, ink.height, Uint8Array);
    for (let i = 0; i < mask.data.length; i++) mask.data[i] = ink.data[i] > limit ? 1 : 0;
    return mask;
  }

  function without(mask, other) {
    const rest = make(mask.width, mask.height, Uint8Array);
    for (let i = 0; i < rest.data.length; i++) rest.data[i] = other.data[i] ? 0 : mask.data[i];
    return rest;
  }

  function include(mask, other, { x0, y0 } = { x0: 0, y0: 0 }) {
    for (let y = 0; y < other.height; y++) {
      for (let x = 0; x < other.width; x++) {
        if (other.data[y * other.width + x]) mask.data[(y0 + y) * mask.width + x0 + x] = 1;
      }
    }
  }

  // Rounds as Python does: halves to even numbers.
  function round(value) {
    const below = Math.floor(value);
    if (value - below !== 0.5) return Math.round(value);
    return below % 2 ? below + 1 : below;
  }

  function crop({ width, data }, { x0, y0, x1, y1 }) {
    const part = make(x1 - x0, y1 - y0, data.constructor);
    for (let y = y0; y < y1; y++) {
      part.data.set(data.subarray(y * width + x0, y * width + x1), (y - y0) * part.width);
    }
    return part;
  }

  function pad({ width, height, data }, margin) {
    const padded = make(width + 2 * margin, height + 2 * margin, data.constructor);
    for (let y = 0; y < height; y++) {
      const start = (y + margin) * padded.width + margin;
      padded.data.set(data.subarray(y * width, (y + 1) * width), start);
    }
    return padded;
  }

  // Returns the box of all that is above 0, or null.
  function bounds({ width, height, data }) {
    const box = { x0: width, y0: height, x1: 0, y1: 0 };
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (data[i] > 0) extend(box, x, y);
      }
    }
    return box.x1 ? box : null;
  }

  function extend(box, x, y) {
    if (x < box.x0) box.x0 = x;
    if (x >= box.x1) box.x1 = x + 1;
    if (y < box.y0) box.y0 = y;
    if (y >= box.y1) box.y1 = y + 1;
  }

  // Numbers the connected parts of a mask from 1, diagonal neighbours included.
  function label({ width, height, data }) {
    const labels = make(width, height, Int32Array);
    const boxes = [];
    const stack = [];
    for (let start = 0; start < data.length; start++) {
      if (!data[start] || labels.data[start]) continue;
      const box = { x0: width, y0: height, x1: 0, y1: 0 };
      boxes.push(box);
      labels.data[start] = boxes.length;
      stack.push(start);
      while (stack.length) {
        const place = stack.pop();
        const x = place % width;
        const y = (place - x) / width;
        extend(box, x, y);
        for (let near = Math.max(0, y - 1); near <= Math.min(height - 1, y + 1); near++) {
          for (let i = near * width + Math.max(0, x - 1); i <= near * width + Math.min(width - 1, x + 1); i++) {
            if (!data[i] || labels.data[i]) continue;
            labels.data[i] = boxes.length;
            stack.push(i);
          }
        }
      }
    }
    return { labels, boxes };
  }

  // Returns the mask of one label, in its box.
  function part(labels, number, box) {
    return map(crop(labels, box), (value) => (value === number ? 1 : 0), Uint8Array);
  }

  // Slides a window from `before` to `after` each pixel along an axis, 0 for columns of pixels. Marks
  // where some of the mask is in it; with `all`, where all of it is, and with `inside` only where
  // the window lies inside the picture.
  function slide(mask, axis, before, after, { all = false, inside = false } = {}) {
    const { width, height, data } = mask;
    const found = make(width, height, Uint8Array);
    const [count, step, across, stride] = axis ? [width, 1, height, width] : [height, width, width, 1];
    const sums = new Int32Array(count + 1);
    for (let line = 0; line < across; line++) {
      const first = line * stride;
      for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + data[first + i * step];
      if (!sums[count]) continue;
      for (let i = 0; i < count; i++) {
        const start = Math.max(0, i - before);
        const stop = Math.min(count, i + after + 1);
        const sum = sums[stop] - sums[start];
        const is = all ? sum === stop - start && !(inside && stop - start <= before + after) : sum > 0;
        found.data[first + i * step] = is ? 1 : 0;
      }
    }
    return found;
  }

  function dilate(mask, reach) {
    return slide(slide(mask, 0, reach, reach), 1, reach, reach);
  }

  function percentile(values, percent) {
    const sorted = Float32Array.from(values).sort();
    const place = (sorted.length - 1) * (percent / 100);
    const below = Math.floor(place);
    const [low, high] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
    const share = place - below;
    const difference = fround(high - low);
    if (share >= 0.5) return fround(high - fround(difference * fround(1 - share)));
    return fround(low + fround(difference * fround(share)));
  }

  function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  // Adds float32 numbers in NumPy's order, which decides where the centre of a symmetric digit is.
  function sum(values) {
    const count = values.length;
    if (count > 128) {
      const half = (count >> 1) - ((count >> 1) % 8);
      return fround(sum(values.subarray(0, half)) + sum(values.subarray(half)));
    }
    const whole = count < 8 ? 0 : count - (count % 8);
    let total = 0;
    if (whole) {
      const lanes = values.slice(0, 8);
      for (let i = 8; i < whole; i++) lanes[i % 8] += values[i];
      for (const gap of [1, 2, 4]) {
        for (let i = 0; i < 8; i += 2 * gap) lanes[i] += lanes[i + gap];
      }
      [total] = lanes;
    }
    for (let i = whole; i < count; i++) total = fround(total + values[i]);
    return total;
  }

  return {
    make, map, above, without, include, round, crop, pad, bounds, label, part, slide, dilate, percentile,
    median, sum,
  };
})();
