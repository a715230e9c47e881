'use strict';

// Strokes on a canvas: drawn with any pointer, undone, and read as a picture.
// Points are fractions of the canvas's width, so they stay when a phone is turned.

const STROKE_WIDTH = 0.036; // Of the canvas's width.
const READ_SIZE = { width: 320, height: 240 };

class Drawing {
  // `onChange(final)` is called while a stroke grows (false) and at its end (true).
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.strokes = [];
    this.pointer = null;
    canvas.addEventListener('pointerdown', (event) => this.#start(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#end(event));
    canvas.addEventListener('pointercancel', (event) => this.#end(event));
    canvas.addEventListener('lostpointercapture', (event) => this.#end(event));
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
  }

  get isDrawing() {
    return this.pointer !== null;
  }

  get lastPoint() {
    return this.strokes.at(-1)?.at(-1);
  }

  undo() {
    this.pointer = null;
    this.strokes.pop();
    this.#changed(true);
  }

  clear() {
    this.pointer = null;
    this.strokes = [];
    this.#changed(true);
  }

  // Draws strokes point by point, as a hand would; each is a list of [x, y].
  async play(strokes) {
    const atOnce = matchMedia('(prefers-reduced-motion: reduce)').matches;
    for (const points of strokes) {
      const stroke = [];
      this.strokes.push(stroke);
      for (const point of points) {
        if (!this.strokes.includes(stroke)) return; // It was cleared meanwhile.
        stroke.push(point);
        if (atOnce) continue;
        this.#changed(false);
        await new Promise(requestAnimationFrame);
      }
    }
    this.#changed(true);
  }

  #start(event) {
    // On a Mac a click with Ctrl opens a menu, and no `pointerup` follows.
    if (event.button !== 0 || event.ctrlKey || this.isDrawing) return;
    if (devicePixelRatio !== this.ratio) this.#fit(); // Moved to another screen.
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.strokes.push([this.#pointOf(event)]);
    this.#changed(false);
  }

  #move(event) {
    if (event.pointerId !== this.pointer) return;
    const steps = event.getCoalescedEvents?.() ?? [];
    const points = (steps.length ? steps : [event]).map((step) => this.#pointOf(step));
    this.strokes.at(-1)?.push(...points);
    this.#changed(false);
  }

  #end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.#changed(true);
  }

  #pointOf(event) {
    const frame = this.canvas.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.width];
  }

  #changed(final) {
    this.paint();
    this.onChange(final);
  }

  #fit() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return; // Hidden behind a photo.
    this.ratio = devicePixelRatio;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.paint();
  }

  paint() {
    const { width, height } = this.canvas;
    const context = this.canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    drawStrokes(context, this.strokes, width, getComputedStyle(this.canvas).color);
  }

  // Returns a Promise of a PNG file, black on white also on a dark page.
  toPng() {
    return new Promise((resolve) => this.#copy().canvas.toBlob(resolve, 'image/png'));
  }

  // Returns the same picture as { width, height, data }, a byte of grey for each pixel.
  toGrey() {
    const { data } = this.#copy().getImageData(0, 0, READ_SIZE.width, READ_SIZE.height);
    return { ...READ_SIZE, data: Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]) };
  }

  #copy() {
    const canvas = Object.assign(document.createElement('canvas'), READ_SIZE);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    drawStrokes(context, this.strokes, canvas.width, '#000');
    return context;
  }
}

// Draws quadratic curves from midpoint to midpoint, with the points as controls.
function drawStrokes(context, strokes, scale, colour) {
  context.lineCap = context.lineJoin = 'round';
  context.lineWidth = STROKE_WIDTH * scale;
  context.strokeStyle = colour;
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [x * scale, y * scale]);
    context.beginPath();
    context.moveTo(...points[0]);
    for (let i = 1; i < points.length - 1; i++) {
      const [x, y] = points[i];
      context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
    }
    context.lineTo(...points.at(-1)); // Draws a dot where there is one point only.
    context.stroke();
  }
}

const arc = (x, y, rx, ry, from, to, count = 24) =>
  Array.from({ length: count }, (_, i) => {
    const angle = ((from + ((to - from) * i) / (count - 1)) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });

const line = (x0, y0, x1, y1, count = 14) =>
  Array.from({ length: count }, (_, i) => {
    const share = i / (count - 1);
    return [x0 + (x1 - x0) * share, y0 + (y1 - y0) * share];
  });

// Examples to play: a 2, a 3 and a 7.
const EXAMPLES = [
  [[...arc(0.49, 0.23, 0.12, 0.1, 200, 405, 22), ...line(0.56, 0.32, 0.37, 0.58), ...line(0.37, 0.58, 0.64, 0.58)]],
  [[...arc(0.49, 0.25, 0.11, 0.1, 210, 440, 24), ...arc(0.49, 0.48, 0.14, 0.13, 280, 520, 28)]],
  [[...line(0.36, 0.17, 0.63, 0.16), ...line(0.63, 0.16, 0.47, 0.6, 20)]],
];
