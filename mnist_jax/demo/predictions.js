'use strict';

// Shows the network's predictions: digits, boxes, bars and the 28x28 input.
// These are plain scripts, as browsers load no modules from a file: what one defines, the next can use.

const byId = (id) => document.getElementById(id);
const NO_DIGIT = 'no digit'; // A verdict; the others are 'sure' and 'unsure'.
const SVG = 'http://www.w3.org/2000/svg';

class PredictionView {
  constructor() {
    this.digits = [];
    this.chosen = 0;
    for (let digit = 0; digit < 10; digit++) byId('bars').append(makeBar(digit));
    byId('found').addEventListener('change', (event) => this.choose(Number(event.target.value)));
    byId('boxes').addEventListener('click', (event) => {
      if (event.target.dataset.index) this.choose(Number(event.target.dataset.index));
    });
  }

  // `reading` is what a reader returns. `near` is the point [x, y] whose digit
  // is chosen, as fractions of the picture's width, or null.
  show(reading, near) {
    this.digits = reading.digits;
    this.note = reading.note;
    this.chosen = this.#nearest(reading, near);
    showNumber(this.digits);
    this.#showFound();
    this.#showBoxes(reading.size);
    this.choose(this.chosen);
  }

  showMessage(message) {
    this.digits = [];
    showNumber([]);
    byId('found').hidden = true;
    byId('boxes').replaceChildren();
    byId('sentence').textContent = message;
    showBars(null);
    showInput(byId('input'), null);
  }

  get summary() {
    if (!this.digits.length) return byId('sentence').textContent;
    return [...this.digits.map(describe), ...(this.note ? [this.note] : [])].join('; ');
  }

  choose(index) {
    this.chosen = index;
    const digit = this.digits[index];
    if (!digit) return;
    byId('sentence').replaceChildren(...makeSentence(digit, this.digits.length > 1));
    if (this.note) byId('sentence').append(` (${this.note})`);
    showBars(digit);
    showInput(byId('input'), digit);
    byId('input').setAttribute('aria-label', `What the network saw: ${nameOf(digit)}, 28 by 28 pixels`);
    for (const input of byId('found').querySelectorAll('input')) input.checked = Number(input.value) === index;
    for (const box of byId('boxes').children) box.classList.toggle('chosen', Number(box.dataset.index) === index);
  }

  #nearest({ digits, size }, near) {
    if (!near) return Math.min(this.chosen, Math.max(0, digits.length - 1));
    const [x, y] = near.map((fraction) => fraction * size[0]);
    const distance = ({ box: [x0, y0, x1, y1] }) =>
      Math.max(x0 - x, 0, x - x1) + Math.max(y0 - y, 0, y - y1);
    const distances = digits.map(distance);
    return Math.max(0, distances.indexOf(Math.min(...distances)));
  }

  #showFound() {
    const found = byId('found');
    found.hidden = this.digits.length < 2;
    if (found.hidden) return;
    const hadFocus = found.contains(document.activeElement);
    const chips = this.digits.map((digit, index) => makeChip(digit, index));
    found.replaceChildren(found.querySelector('legend'), ...chips);
    if (hadFocus) found.querySelector(`input[value="${this.chosen}"]`)?.focus();
  }

  #showBoxes([width, height]) {
    const boxes = byId('boxes');
    boxes.setAttribute('viewBox', `0 0 ${width} ${height}`);
    boxes.replaceChildren(
      ...this.digits.map(({ box: [x0, y0, x1, y1], verdict }, index) => {
        const rect = document.createElementNS(SVG, 'rect');
        const margin = Math.min(0.012 * width, 0.08 * Math.max(x1 - x0, y1 - y0));
        const sides = { x: x0 - margin, y: y0 - margin, width: x1 - x0 + 2 * margin, height: y1 - y0 + 2 * margin };
        for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
        rect.dataset.index = index;
        rect.classList.toggle('none', verdict === NO_DIGIT);
        return rect;
      }),
    );
  }
}

function percent(share) {
  const value = 100 * share;
  return value > 99.9 ? 'over 99.9\u00a0%' : `${value.toFixed(value < 99 ? 0 : 1)}\u00a0%`;
}

function nameOf({ digit, verdict }) {
  return verdict === NO_DIGIT ? 'not a digit' : `a ${digit}`;
}

function describe({ digit: best, runner_up: next, confidence, verdict, touching }) {
  const text = {
    sure: `${best}: ${percent(confidence)} sure`,
    unsure: `not sure: ${best} or ${next}, ${percent(confidence)}`,
    [NO_DIGIT]: `not a digit: best guess ${best}, ${percent(confidence)}`,
  }[verdict];
  return touching ? `${text}, touches its neighbour` : text;
}

function makeSentence(digit, several) {
  const { digit: best, runner_up: next, confidence, verdict, touching } = digit;
  const [start, bold, rest] = {
    sure: [several ? `The ${best}: ` : '', `${percent(confidence)} sure`, `, second choice ${next}`],
    unsure: ['', `Not sure: ${best} or ${next}`, `, ${percent(confidence)} for ${best}`],
    [NO_DIGIT]: ['', 'Not a digit', `, best guess ${best} (${percent(confidence)})`],
  }[verdict];
  const strong = document.createElement('b');
  strong.textContent = start ? bold : bold.replace(/^o/, 'O');
  return [start, strong, touching ? `${rest}, touches its neighbour` : rest];
}

function showNumber(digits) {
  const number = byId('digits');
  number.replaceChildren(
    ...digits.map(({ digit, verdict }) => {
      const span = document.createElement('span');
      span.textContent = verdict === NO_DIGIT ? '✕' : digit;
      span.classList.toggle('unsure', verdict === 'unsure');
      span.classList.toggle('none', verdict === NO_DIGIT);
      return span;
    }),
  );
  number.classList.toggle('several', digits.length > 1 && digits.length <= 8);
  number.classList.toggle('many', digits.length > 8);
}

function makeBar(digit) {
  const item = document.createElement('li');
  item.innerHTML = `<span class="rail"><span class="bar"></span></span><span>${digit}</span><span class="unseen"></span>`;
  return item;
}

function showBars(digit) {
  for (const [number, item] of [...byId('bars').children].entries()) {
    const share = digit ? digit.probabilities[number] : 0;
    const text = share > 0.999 ? percent(share) : `${(100 * share).toFixed(1)} %`;
    item.querySelector('.bar').style.setProperty('--share', share);
    item.querySelector('.unseen').textContent = digit ? `: ${text}` : '';
    item.classList.toggle('best', digit?.digit === number && digit.verdict !== NO_DIGIT);
    item.title = digit ? `${number}: ${text}` : '';
  }
}

function makeChip(digit, index) {
  const label = document.createElement('label');
  label.innerHTML =
    '<input type="radio" name="found"><span class="chip"><canvas width="28" height="28" aria-hidden="true"></canvas><span></span></span>';
  const input = label.querySelector('input');
  input.value = index;
  input.setAttribute('aria-label', describe(digit));
  label.title = describe(digit);
  const chip = label.querySelector('.chip');
  chip.classList.toggle('none', digit.verdict === NO_DIGIT);
  const shown = { sure: `${digit.digit}`, unsure: `${digit.digit}?`, [NO_DIGIT]: '✕' }[digit.verdict];
  chip.querySelector('span').textContent = digit.touching ? `${shown} ↔` : shown;
  showInput(label.querySelector('canvas'), { image: digit.image });
  return label;
}

// Draws the input white on black, influential pixels in colour; null clears it.
function showInput(canvas, digit) {
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, 28, 28);
  if (!digit) return canvas.setAttribute('aria-label', 'What the network saw: nothing yet');
  const { image, saliency } = digit;
  const pixels = context.createImageData(28, 28);
  for (let i = 0; i < 784; i++) {
    const share = saliency ? 0.95 * (saliency[i] / 255) ** 1.3 : 0;
    const colour = [255, 122, 26];
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = image[i] * (1 - share) + colour[c] * share;
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
