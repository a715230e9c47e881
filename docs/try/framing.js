'use strict';

// A drawing, black on white -> its digits, as mnist_jax/photos/pipeline.py finds them. What differs:
// a drawing is never taken for a photo, also where it reaches the edge or fills a large area.
const framing = (() => {
  const FAINT = 0.15; // Of the strongest ink, in a crop.
  const SHARE = 0.3; // The same elsewhere.

  // Takes grey pixels { width, height, data }; returns digits of { image, box: [x0, y0, x1, y1] }.
  function findDigits(grey) {
    const { found, margin } = find(grey);
    return found.map(({ ink, x0, y0, x1, y1 }) => ({
      image: normalize.frame(ink),
      box: [
        Math.max(0, x0 - margin),
        Math.max(0, y0 - margin),
        Math.min(grey.width, x1 - margin),
        Math.min(grey.height, y1 - margin),
      ],
    }));
  }

  function find(grey) {
    // Two ways to turn grey into ink, which differ in the last bit.
    const cropped = crop.measure(arrays.map(grey, (value) => 1 - Math.fround(value / 255), Float32Array));
    if (cropped) return { found: segmentation.findDigits(cropped.ink, FAINT), margin: cropped.margin };
    const { ink, isRuled } = lines.remove(arrays.map(grey, (value) => (255 - value) / 255, Float32Array));
    return { found: segmentation.findDigits(ink, SHARE, { isRuled }), margin: 0 };
  }

  return { findDigits };
})();
