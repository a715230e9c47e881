'use strict';

// The network of the recipes `improved` and `robust`, batch norm folded into its kernels: three times
// convolution, ReLU and pooling, then two dense layers.
const network = (() => {
  // Prepares weights as mnist_jax/demo/static_page.py writes them. `read` takes 784 bytes, and returns
  // { logits, saliency() }.
  function load({ mean, std, temperature, layers }) {
    const decoded = layers.map(({ kernel, bias, shape }) => ({
      kernel: decode(kernel),
      bias: decode(bias),
      inputs: shape.at(-2),
      outputs: shape.at(-1),
    }));
    const read = (image) => run(image, mean, std, decoded.slice(0, -2), decoded.slice(-2));
    return { temperature, read };
  }

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  function run(image, mean, std, convs, [hidden, last]) {
    let map = { size: 28, values: Float32Array.from(image, (value) => (value / 255 - mean) / std) };
    const blocks = convs.map((layer) => {
      const picked = pool(convolve(map, layer), layer.outputs);
      const block = { layer, size: map.size, ...picked };
      map = { size: map.size >> 1, values: picked.values };
      return block;
    });
    const features = relu(multiply(map.values, hidden));
    const logits = multiply(features, last);
    return { logits, saliency: () => trace(logits, features, blocks, [hidden, last]) };
  }

  // Convolves [size, size, inputs] with kernels [3, 3, inputs, outputs]; beyond the border is 0.
  function convolve({ size, values }, { kernel, bias, inputs, outputs }) {
    const result = new Float32Array(size * size * outputs);
    const sums = new Float64Array(outputs);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        sums.set(bias);
        for (let tap = 0; tap < 9; tap++) {
          const [row, column] = [y + ((tap / 3) | 0) - 1, x + (tap % 3) - 1];
          if (row < 0 || row >= size || column < 0 || column >= size) continue;
          const place = (row * size + column) * inputs;
          for (let c = 0; c < inputs; c++) {
            addScaled(sums, values[place + c], kernel, (tap * inputs + c) * outputs);
          }
        }
        result.set(sums, (y * size + x) * outputs);
      }
    }
    return { size, values: result };
  }

  function addScaled(sums, value, kernel, start) {
    if (!value) return;
    for (let f = 0; f < sums.length; f++) sums[f] += value * kernel[start + f];
  }

  // Takes the largest of each 2x2 window, the first of equal ones, and 0 for what is below; also
  // returns where each was. An odd last row or column is dropped.
  function pool({ size, values }, features) {
    const half = size >> 1;
    const best = new Float32Array(half * half * features);
    const places = new Int32Array(best.length);
    for (let i = 0; i < best.length; i++) {
      const f = i % features;
      const cell = (i - f) / features;
      const corner = (2 * Math.floor(cell / half) * size + 2 * (cell % half)) * features + f;
      places[i] = corner;
      for (const step of [1, size, size + 1]) {
        if (values[corner + step * features] > values[places[i]]) places[i] = corner + step * features;
      }
      best[i] = values[places[i]];
    }
    return { values: relu(best), places };
  }

  function relu(values) {
    return values.map((value) => Math.max(value, 0));
  }

  function multiply(values, { kernel, bias, outputs }) {
    const sums = Float64Array.from(bias);
    values.forEach((value, i) => addScaled(sums, value, kernel, i * outputs));
    return Float32Array.from(sums);
  }

  // Returns [best, second] of the logits.
  function order(logits) {
    return [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  }

  // Follows the best logit minus the second back to the pixels, as mnist_jax/models/saliency.py.
  // Returns 784 numbers from 0 to 1, the size of each pixel's influence.
  function trace(logits, features, blocks, [hidden, last]) {
    const [best, second] = order(logits);
    const onLogits = logits.map((_, i) => (i === best) - (i === second));
    const onFeatures = multiplyBack(onLogits, last).map((value, i) => (features[i] > 0 ? value : 0));
    let slopes = multiplyBack(onFeatures, hidden);
    for (const block of [...blocks].reverse()) slopes = convolveBack(slopes, block);
    const largest = slopes.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return slopes.map((value) => Math.abs(value) / (largest || 1));
  }

  function multiplyBack(slopes, { kernel, inputs, outputs }) {
    return new Float32Array(inputs).map((_, i) => dot(slopes, kernel.subarray(i * outputs, (i + 1) * outputs)));
  }

  function dot(a, b) {
    let total = 0;
    for (let i = 0; i < a.length; i++) total += a[i] * b[i];
    return total;
  }

  function convolveBack(slopes, { layer: { kernel, inputs, outputs }, size, values, places }) {
    const onPicked = new Float32Array(size * size * outputs);
    places.forEach((place, i) => {
      if (values[i] > 0) onPicked[place] = slopes[i];
    });
    const result = new Float32Array(size * size * inputs);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const own = onPicked.subarray((y * size + x) * outputs, (y * size + x + 1) * outputs);
        if (own.every((value) => !value)) continue;
        for (let tap = 0; tap < 9; tap++) {
          const [row, column] = [y + ((tap / 3) | 0) - 1, x + (tap % 3) - 1];
          if (row < 0 || row >= size || column < 0 || column >= size) continue;
          for (let c = 0; c < inputs; c++) {
            const start = (tap * inputs + c) * outputs;
            result[(row * size + column) * inputs + c] += dot(own, kernel.subarray(start, start + outputs));
          }
        }
      }
    }
    return result;
  }

  return { load, order };
})();
