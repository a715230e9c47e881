// Sends drawings and photos to the server, and shows what it reads in them.

import { Drawing, EXAMPLES } from '/drawing.js';
import { PredictionView } from '/predictions.js';

const MAX_BYTES = 10_000_000;
const byId = (id) => document.getElementById(id);
const view = new PredictionView();
const drawing = new Drawing(byId('canvas'), onDrawn);
const EMPTY = 'Nothing to read yet.';
let photo = null; // The file that is open, or null while the user draws.

// There is one request at a time; changes meanwhile are sent after its response.
let busy = false;
let stale = false;
let version = 0; // Of what is on the paper; responses to older ones are dropped.
let timer = 0;

function onDrawn(final) {
  refreshTools();
  clearTimeout(timer);
  if (!drawing.strokes.length) return showEmpty();
  timer = setTimeout(read, final ? 0 : 40);
}

function showEmpty() {
  version++;
  stale = false;
  view.showMessage(EMPTY);
  announce();
}

async function read() {
  if (busy) {
    stale = true;
    return;
  }
  busy = true;
  const sentVersion = version;
  try {
    const reading = await requestReading(photo ?? (await drawing.toPng()));
    if (sentVersion === version) show(reading);
  } catch (error) {
    if (sentVersion === version) view.showMessage(error.message);
  }
  busy = false;
  announce();
  if (stale && (photo || drawing.strokes.length)) {
    stale = false;
    read();
  }
}

async function requestReading(body) {
  const query = new URLSearchParams();
  // The first stroke may come before the list of networks.
  if (byId('model').value) query.set('model', byId('model').value);
  if (byId('saliency').checked) query.set('saliency', '1');
  let response;
  try {
    response = await fetch(`/read?${query}`, { method: 'POST', body, headers: { 'content-type': body.type } });
  } catch {
    throw new Error('The server does not answer. Start it again: python -m mnist_jax.demo');
  }
  const reading = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(toSentence(reading.error ?? `The server answered ${response.status}.`));
  return reading;
}

function toSentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

function show(reading) {
  if (!reading.digits.length) {
    return view.showMessage(
      photo ? 'No digit found. Come closer, or try better light.' : 'No digit found yet. Draw larger or darker.',
    );
  }
  view.show(reading, photo ? null : drawing.lastPoint);
}

// Tells screen readers the result when it has settled, not with every stroke.
let announcing = 0;
function announce() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const text = drawing.isDrawing ? '' : view.summary;
    if (byId('status').textContent !== text) byId('status').textContent = text;
  }, 500);
}

function openPhoto(file) {
  if (!file) return;
  if (!file.type.startsWith('image/')) return refuse('That is not a picture. Open a PNG or JPEG file.');
  if (file.size > MAX_BYTES) return refuse('That picture is larger than 10 MB. Open a smaller one.');
  closePhoto();
  drawing.clear();
  photo = file;
  byId('photo').src = URL.createObjectURL(file);
  byId('photo').alt = `The photo ${file.name || 'that was pasted'}`;
  view.chosen = 0;
  refreshTools();
  view.showMessage('Reading …');
  version++;
  read();
}

function refuse(message) {
  clearAll();
  view.showMessage(message);
  announce();
}

function closePhoto() {
  if (photo) URL.revokeObjectURL(byId('photo').src);
  photo = null;
  byId('photo').removeAttribute('src');
  byId('file').value = '';
}

function clearAll() {
  closePhoto();
  drawing.clear();
}

function refreshTools() {
  const empty = !photo && !drawing.strokes.length;
  byId('undo').disabled = !drawing.strokes.length;
  byId('clear').disabled = empty;
  byId('hint').classList.toggle('away', !empty);
  byId('photo').hidden = !photo;
  byId('canvas').hidden = Boolean(photo);
  byId('boxes').classList.toggle('pick', Boolean(photo));
}

let nextExample = Math.floor(Math.random() * EXAMPLES.length);
function playExample() {
  clearAll();
  drawing.play(EXAMPLES[nextExample++ % EXAMPLES.length]);
}

function onKey(event) {
  if (event.target.matches('select') || event.altKey) return;
  const withControl = event.ctrlKey || event.metaKey;
  if (withControl && !event.shiftKey && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    if (!byId('undo').disabled) drawing.undo();
  } else if (!withControl && ['Escape', 'Delete'].includes(event.key)) {
    clearAll();
  }
}

async function start() {
  byId('undo').addEventListener('click', () => drawing.undo());
  byId('clear').addEventListener('click', clearAll);
  byId('example').addEventListener('click', playExample);
  byId('open').addEventListener('click', () => byId('file').click());
  // The server may read what this browser cannot show, such as TIFF.
  byId('photo').addEventListener('error', () => (byId('photo').hidden = true));
  byId('file').addEventListener('change', (event) => openPhoto(event.target.files[0]));
  for (const id of ['saliency', 'model']) {
    byId(id).addEventListener('change', () => (photo || drawing.strokes.length) && read());
  }
  document.addEventListener('keydown', onKey);
  document.addEventListener('paste', (event) => openPhoto(event.clipboardData.files[0]));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    byId('paper').classList.add('drop');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) byId('paper').classList.remove('drop');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    byId('paper').classList.remove('drop');
    openPhoto(event.dataTransfer.files[0]);
  });
  const { models } = await (await fetch('/models')).json();
  byId('model').append(...models.map((name) => new Option(name, name)));
}

start();
