// What the network reads, as the page shows it.

const byId = (id) => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';

export class Answers {
  constructor() {
    this.digits = [];
    this.chosen = 0;
    for (let digit = 0; digit < 10; digit++) byId('bars').append(makeBar(digit));
    byId('found').addEventListener('change', (event) => this.choose(Number(event.target.value)));
    byId('boxes').addEventListener('click', (event) => {
      if (event.target.dataset.place) this.choose(Number(event.target.dataset.place));
    });
  }

  // `answer` is the server's; `near` is a point in parts of the width, or null.
  show(answer, near) {
    this.digits = answer.digits;
    this.chosen = this.#nearest(answer, near);
    showNumber(this.digits);
    this.#showFound();
    this.#showBoxes(answer.size);
    this.choose(this.chosen);
  }

  say(sentence) {
    this.digits = [];
    showNumber([]);
    byId('found').hidden = true;
    byId('boxes').replaceChildren();
    byId('sentence').textContent = sentence;
    showBars(null);
    showInput(byId('input'), null);
  }

  get summary() {
    if (!this.digits.length) return byId('sentence').textContent;
    return this.digits.map(describe).join('; ');
  }

  choose(place) {
    this.chosen = place;
    const digit = this.digits[place];
    if (!digit) return;
    byId('sentence').replaceChildren(...sentence(digit, this.digits.length > 1));
    showBars(digit);
    showInput(byId('input'), digit);
    byId('input').setAttribute('aria-label', `What the network saw: a ${digit.digit}, 28 by 28 pixels`);
    for (const input of byId('found').querySelectorAll('input')) input.checked = Number(input.value) === place;
    for (const box of byId('boxes').children) box.classList.toggle('chosen', Number(box.dataset.place) === place);
  }

  #nearest(answer, near) {
    const last = Math.max(0, answer.digits.length - 1);
    if (!near) return Math.min(this.chosen, last);
    const [x, y] = near.map((part) => part * answer.size[0]);
    const distance = ({ box: [x0, y0, x1, y1] }) =>
      Math.max(x0 - x, 0, x - x1) + Math.max(y0 - y, 0, y - y1);
    const distances = answer.digits.map(distance);
    return Math.max(0, distances.indexOf(Math.min(...distances)));
  }

  #showFound() {
    const found = byId('found');
    found.hidden = this.digits.length < 2;
    if (found.hidden) return;
    const hadFocus = found.contains(document.activeElement);
    const chips = this.digits.map((digit, place) => makeChip(digit, place));
    found.replaceChildren(found.querySelector('legend'), ...chips);
    if (hadFocus) found.querySelector(`input[value="${this.chosen}"]`)?.focus();
  }

  #showBoxes([width, height]) {
    const boxes = byId('boxes');
    boxes.setAttribute('viewBox', `0 0 ${width} ${height}`);
    boxes.replaceChildren(
      ...this.digits.map(({ box: [x0, y0, x1, y1] }, place) => {
        const rect = document.createElementNS(SVG, 'rect');
        const margin = Math.min(0.012 * width, 0.08 * Math.max(x1 - x0, y1 - y0));
        const places = { x: x0 - margin, y: y0 - margin, width: x1 - x0 + 2 * margin, height: y1 - y0 + 2 * margin };
        for (const [name, value] of Object.entries(places)) rect.setAttribute(name, value);
        rect.dataset.place = place;
        return rect;
      }),
    );
  }
}

function percent(share) {
  const value = 100 * share;
  return value > 99.9 ? 'over 99.9 %' : `${value.toFixed(value < 99 ? 0 : 1)} %`;
}

function describe(digit) {
  const { digit: best, runner_up: next, confidence, sure } = digit;
  return sure ? `${best}: ${percent(confidence)} sure` : `not sure: ${best} or ${next}, ${percent(confidence)}`;
}

function sentence(digit, several) {
  const strong = document.createElement('b');
  const { digit: best, runner_up: next, confidence, sure } = digit;
  strong.textContent = sure ? `${percent(confidence)} sure` : `Not sure: ${best} or ${next}`;
  const rest = sure ? `, next ${next}` : `, ${percent(confidence)} for ${best}`;
  if (several && sure) return [`The ${best}: `, strong, rest];
  strong.textContent = strong.textContent.replace(/^o/, 'O');
  return [strong, rest];
}

function showNumber(digits) {
  const number = byId('digits');
  number.replaceChildren(
    ...digits.map(({ digit, sure }) => {
      const span = document.createElement('span');
      span.textContent = digit;
      span.classList.toggle('unsure', !sure);
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
  for (const [place, item] of [...byId('bars').children].entries()) {
    const share = digit ? digit.probabilities[place] : 0;
    item.querySelector('.bar').style.setProperty('--share', share);
    item.querySelector('.unseen').textContent = digit ? `: ${(100 * share).toFixed(1)} %` : '';
    item.classList.toggle('best', digit?.digit === place);
    item.title = digit ? `${place}: ${(100 * share).toFixed(1)} %` : '';
  }
}

function makeChip(digit, place) {
  const label = document.createElement('label');
  label.innerHTML =
    '<input type="radio" name="found"><span class="chip"><canvas width="28" height="28" aria-hidden="true"></canvas><span></span></span>';
  const input = label.querySelector('input');
  input.value = place;
  input.setAttribute('aria-label', describe(digit));
  label.querySelector('.chip > span').textContent = digit.sure ? digit.digit : `${digit.digit}?`;
  showInput(label.querySelector('canvas'), { image: digit.image });
  return label;
}

function decode(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// White on black, with the pixels that swayed the answer in colour.
function showInput(canvas, digit) {
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, 28, 28);
  if (!digit) return canvas.setAttribute('aria-label', 'What the network saw: nothing yet');
  const image = decode(digit.image);
  const sway = digit.saliency ? decode(digit.saliency) : new Uint8Array(784);
  const pixels = context.createImageData(28, 28);
  for (let i = 0; i < 784; i++) {
    const share = 0.95 * (sway[i] / 255) ** 1.3;
    const colour = [255, 122, 26];
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = image[i] * (1 - share) + colour[c] * share;
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
