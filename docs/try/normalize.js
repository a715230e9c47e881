'use strict';

// The ink of one digit -> 28x28 pixels as MNIST has them, as mnist_jax/photos/normalize.py does it.
const normalize = (() => {
  const { fround } = Math;
  const THIN = 1.8; // Pixels of the 20x20 box.
  const THICK = 5;
  const SIDE = 100;
  const BOX = 20;
  const FRAME = 28;

  // Returns 784 bytes, bright on black.
  function frame(given) {
    const framed = placeInFrame(adjustStrokeWidth(cropToInk(given)));
    const bright = Float32Array.from(framed.filter((value) => value > 64));
    const gain = fround(255 / arrays.percentile(bright, 80));
    return framed.map((value) => arrays.round(Math.min(fround(value * gain), 255)));
  }

  function cropToInk(ink) {
    return arrays.crop(ink, arrays.bounds(ink));
  }

  function resizeTo(ink, side) {
    const scale = side / Math.max(ink.width, ink.height);
    const size = [ink.width, ink.height].map((length) => Math.max(1, arrays.round(scale * length)));
    return resample.resize(ink, ...size);
  }

  // Thickens or thins strokes whose width is rare in MNIST.
  function adjustStrokeWidth(ink) {
    const large = resizeTo(ink, SIDE);
    const width = measureStrokeWidth(large);
    if (width >= THIN && width <= THICK) return ink;
    const wanted = width < THIN ? THIN + 0.4 : THICK - 0.5;
    return changeWidth(
      arrays.map(large, (value) => Math.min(Math.max(value, 0), 1)),
      ((wanted - width) * SIDE) / BOX,
    );
  }

  function measureStrokeWidth(large) {
    const mask = arrays.pad(arrays.above(large, 0.5), 1);
    const ridge = skeletonize(mask);
    const places = [...ridge.keys()].filter((i) => ridge[i]);
    if (!places.length) return 0;
    const gaps = distancesDown(mask);
    const total = places.reduce((sum, place) => sum + distanceTo(gaps, mask, place), 0);
    return (((2 * total) / places.length) * BOX) / SIDE;
  }

  // Returns how far each pixel is from the next empty one of its column.
  function distancesDown({ width, height, data }) {
    const gaps = new Int32Array(data.length);
    for (let i = width; i < data.length; i++) gaps[i] = data[i] ? gaps[i - width] + 1 : 0;
    for (let i = width * (height - 1) - 1; i >= 0; i--) gaps[i] = Math.min(gaps[i], gaps[i + width] + 1);
    return gaps;
  }

  // Returns how far a pixel is from the next empty one.
  function distanceTo(gaps, { width }, place) {
    const column = place % width;
    let least = Infinity;
    for (let x = 0; x < width; x++) {
      least = Math.min(least, (x - column) ** 2 + gaps[place - column + x] ** 2);
    }
    return Math.sqrt(least);
  }

  // Whether a pixel goes in the first and in the second pass, by its neighbours clockwise from the
  // top left, each a bit (Zhang and Suen 1984). scikit-image's thinning also takes pixels that only
  // make a corner, and only one side of a line of two pixels: the neighbours for which it differs
  // are listed, as found by comparing both on many masks.
  const ONLY_THESE = [
    [3, 6, 10, 11, 12, 14, 40, 130, 131, 134, 160, 161, 194, 198],
    [24, 26, 40, 56, 96, 104, 108, 130, 160, 176, 192, 224],
  ];
  const DIFFERENT = new Set([...ONLY_THESE.flat(), 48, 129]);
  const REMOVED = Array.from({ length: 256 }, (_, bits) => {
    if (DIFFERENT.has(bits)) return ONLY_THESE.map((listed) => listed.includes(bits));
    const ring = Array.from({ length: 8 }, (_, i) => (bits >> i) & 1);
    const count = ring.reduce((total, value) => total + value, 0);
    const starts = ring.filter((value, i) => !value && ring[(i + 1) % 8]).length;
    const [, top, , right, , bottom, , left] = ring;
    const isEdge = count >= 2 && count <= 6 && starts === 1;
    return [
      isEdge && !(top && right && bottom) && !(right && bottom && left),
      isEdge && !(top && right && left) && !(top && bottom && left),
    ];
  });

  // Thins a mask with an empty border to lines of one pixel.
  function skeletonize({ width, data }) {
    const ring = [-width - 1, -width, 1 - width, 1, width + 1, width, width - 1, -1];
    const kept = data.slice();
    const isRemoved = (place, pass) => {
      let bits = 0;
      for (let i = 0; i < 8; i++) bits |= kept[place + ring[i]] << i;
      return REMOVED[bits][pass];
    };
    let places = [...data.keys()].filter((i) => data[i]);
    for (let count = -1; count !== places.length; ) {
      count = places.length;
      for (const pass of [0, 1]) {
        for (const place of places.filter((place) => isRemoved(place, pass))) kept[place] = 0;
        places = places.filter((place) => kept[place]);
      }
    }
    return kept;
  }

  // Widens strokes by so many pixels; narrows them where negative.
  function changeWidth(large, by) {
    const radius = Math.max(1, arrays.round(Math.abs(by) / 2));
    const source = by < 0 ? large : arrays.pad(large, radius);
    const [pick, first] = by < 0 ? [Math.min, 1] : [Math.max, 0];
    const padded = arrays.pad(source, radius); // Beyond the border there is no ink.
    const result = arrays.make(source.width, source.height);
    result.data.fill(first);
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        if (dx * dx + dy * dy > radius * radius + 0.5) continue;
        for (let y = 0, i = 0; y < result.height; y++) {
          const start = (y + radius + dy) * padded.width + radius + dx;
          for (let x = 0; x < result.width; x++, i++) {
            result.data[i] = pick(result.data[i], padded.data[start + x]);
          }
        }
      }
    }
    return result;
  }

  // Puts a digit into the frame: 20 pixels long, its centre of mass at the centre.
  function placeInFrame(given) {
    const ink = scaleToBox(cropToInk(given));
    const { width, height, data } = ink;
    const down = arrays.make(height, 1).data.map((_, y) => arrays.sum(data.subarray(y * width, (y + 1) * width)));
    const across = arrays.make(width, 1).data;
    for (let i = 0; i < data.length; i++) across[i % width] += data[i];
    const total = arrays.sum(data);
    const [left, top] = [across, down].map((sums) => {
      const centre = sums.reduce((mass, value, i) => mass + value * i, 0) / total;
      return Math.min(Math.max(arrays.round(FRAME / 2 - centre), 0), FRAME - sums.length);
    });
    const framed = new Uint8Array(FRAME * FRAME);
    data.forEach((value, i) => {
      framed[(top + Math.floor(i / width)) * FRAME + left + (i % width)] = arrays.round(value);
    });
    return framed;
  }

  function scaleToBox(ink) {
    const resized = resizeTo(ink, BOX);
    const gain = fround(255 / resized.data.reduce((most, value) => Math.max(most, value)));
    return arrays.map(resized, (value) => Math.max(value, 0) * gain);
  }

  return { frame };
})();
