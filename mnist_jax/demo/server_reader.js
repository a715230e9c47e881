'use strict';

// Asks the server that the page is from, which runs mnist_jax/demo.
const reader = (() => {
  async function listModels() {
    return (await (await fetch('models')).json()).models;
  }

  async function readDrawing(drawing, options) {
    return readPhoto(await drawing.toPng(), options);
  }

  // Takes an image file; returns what `read_digits` in picture_reader.py says, with arrays of bytes.
  async function readPhoto(body, { model, saliency }) {
    const query = new URLSearchParams();
    // The first stroke may come before the list of networks.
    if (model) query.set('model', model);
    if (saliency) query.set('saliency', '1');
    const bytes = await body.arrayBuffer().catch(() => {
      throw new Error('The picture was changed or moved. Open it again.');
    });
    let response;
    try {
      response = await fetch(`read?${query}`, { method: 'POST', body: bytes, headers: { 'content-type': body.type } });
    } catch {
      throw new Error('The server does not answer. Start it again: python -m mnist_jax.demo');
    }
    const reading = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(toSentence(reading.error ?? `The server answered ${response.status}.`));
    if (!Array.isArray(reading.digits)) throw new Error('The answer broke off. Try again.');
    return { ...reading, digits: reading.digits.map(withBytes) };
  }

  function withBytes(digit) {
    return { ...digit, image: decode(digit.image), saliency: digit.saliency && decode(digit.saliency) };
  }

  function decode(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  function toSentence(text) {
    return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
  }

  return { listModels, readDrawing, readPhoto };
})();
