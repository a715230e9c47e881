'use strict';

// Pillow's bicubic filter on float32 pictures, with the same results to the last bit.
const resample = (() => {
  const { fround } = Math;

  function cubic(distance) {
    const x = Math.abs(distance);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  }

  // Returns for each pixel of the result where its source begins, and the weights.
  function weigh(from, to) {
    const scale = from / to;
    const stretch = Math.max(scale, 1);
    return Array.from({ length: to }, (_, i) => {
      const centre = (i + 0.5) * scale;
      const start = Math.max(0, Math.trunc(centre - 2 * stretch + 0.5));
      const stop = Math.min(from, Math.trunc(centre + 2 * stretch + 0.5));
      const weights = [];
      let total = 0;
      for (let j = start; j < stop; j++) {
        weights.push(cubic((j - centre + 0.5) * (1 / stretch)));
        total += weights.at(-1);
      }
      return { start, weights: weights.map((weight) => weight / total) };
    });
  }

  function resize(image, width, height) {
    // Since version 13 Pillow begins with the height where that shrinks much more.
    const less = image.height - height;
    if (less > 0 && less > 2 * (image.width - width)) return resizeRows(resizeColumns(image, height), width);
    return resizeColumns(resizeRows(image, width), height);
  }

  function resizeRows(image, width) {
    if (width === image.width) return image;
    const result = arrays.make(width, image.height);
    weigh(image.width, width).forEach(({ start, weights }, x) => {
      for (let y = 0; y < image.height; y++) {
        let total = 0;
        for (let k = 0; k < weights.length; k++) total += image.data[y * image.width + start + k] * weights[k];
        result.data[y * width + x] = total;
      }
    });
    return result;
  }

  function resizeColumns(image, height) {
    if (height === image.height) return image;
    const { width } = image;
    const result = arrays.make(width, height);
    weigh(image.height, height).forEach(({ start, weights }, y) => {
      for (let x = 0; x < width; x++) {
        let total = 0;
        for (let k = 0; k < weights.length; k++) total += image.data[(start + k) * width + x] * weights[k];
        result.data[y * width + x] = total;
      }
    });
    return result;
  }

  // Turns a picture by so many degrees against the clock, on a canvas that holds all of it.
  function rotate(image, degrees) {
    const turn = (-degrees * Math.PI) / 180;
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)].map((value) => Number(value.toFixed(15)));
    const { width: w, height: h } = image;
    const apply = (x, y, dx, dy) => [cos * x + sin * y + dx, -sin * x + cos * y + dy];
    let [dx, dy] = apply(-w / 2, -h / 2, 0, 0);
    [dx, dy] = [dx + w / 2, dy + h / 2];
    const corners = [[0, 0], [w, 0], [w, h], [0, h]].map(([x, y]) => apply(x, y, dx, dy));
    const span = (values) => Math.ceil(Math.max(...values)) - Math.floor(Math.min(...values));
    const result = arrays.make(span(corners.map(([x]) => x)), span(corners.map(([, y]) => y)));
    [dx, dy] = apply(-(result.width - w) / 2, -(result.height - h) / 2, dx, dy);
    for (let y = 0; y < result.height; y++) {
      for (let x = 0; x < result.width; x++) {
        result.data[y * result.width + x] = sample(image, ...apply(x + 0.5, y + 0.5, dx, dy));
      }
    }
    return result;
  }

  function sample({ width, height, data }, x, y) {
    if (x < 0 || x >= width || y < 0 || y >= height) return 0;
    const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
    const [across, down] = [x - 0.5 - left, y - 0.5 - top];
    const column = (step) => Math.min(Math.max(left + step, 0), width - 1);
    const [a, b, c, d] = [column(-1), column(0), column(1), column(2)];
    const row = (step) => {
      const start = Math.min(Math.max(top + step, 0), height - 1) * width;
      return between(data[start + a], data[start + b], data[start + c], data[start + d], across);
    };
    return fround(between(row(-1), row(0), row(1), row(2), down));
  }

  function between(a, b, c, d, share) {
    const third = 2 * (a - b) + c - d;
    return b + share * (-a + c + share * (third + share * (-a + b - c + d)));
  }

  return { resize, rotate };
})();
