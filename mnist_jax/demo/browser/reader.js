'use strict';

// Reads drawings in the browser, as mnist_jax/predict/digit_reader.py does, but for digits that touch.
const reader = (() => {
  const { threshold, no_digit_confidence: noDigitConfidence } = WEIGHTS;
  const { temperature, read } = network.load(WEIGHTS);

  async function listModels() {
    return [WEIGHTS.name];
  }

  async function readDrawing(drawing, { saliency }) {
    const grey = drawing.toGrey();
    const digits = framing.findDigits(grey).map((digit) => classify(digit, saliency));
    const verdicts = judgeAll(digits);
    return {
      size: [grey.width, grey.height],
      note: '',
      digits: digits.map((digit, i) => ({ ...digit, verdict: verdicts[i], sure: verdicts[i] === 'sure' })),
    };
  }

  function classify({ image, box }, withSaliency) {
    const { logits, saliency } = read(image);
    const probabilities = softmax(logits);
    const [digit, next] = network.order(logits);
    return {
      digit,
      confidence: probabilities[digit],
      runner_up: next,
      touching: false,
      box,
      probabilities,
      image,
      saliency: withSaliency ? saliency().map((share) => Math.round(255 * share)) : null,
    };
  }

  function softmax(logits) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
    const total = powers.reduce((sum, power) => sum + power);
    return powers.map((power) => power / total);
  }

  // Digits of a row of which most are not sure are not sure: they are likely to be a word.
  function judgeAll(digits) {
    const verdicts = digits.map(({ confidence }) => {
      if (confidence < noDigitConfidence) return 'no digit';
      return confidence >= threshold ? 'sure' : 'unsure';
    });
    return verdicts.map((verdict, i) => {
      const row = verdicts.filter((_, j) => areInOneRow(digits[i].box, digits[j].box));
      const sure = row.filter((other) => other === 'sure').length;
      return verdict === 'sure' && sure / row.length < 0.5 ? 'unsure' : verdict;
    });
  }

  function areInOneRow([, top, , bottom], [, otherTop, , otherBottom]) {
    const overlap = Math.min(bottom, otherBottom) - Math.max(top, otherTop);
    return overlap > 0.5 * Math.min(bottom - top, otherBottom - otherTop);
  }

  return { listModels, readDrawing };
})();
