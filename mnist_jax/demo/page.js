'use strict';

// Gives drawings and photos to the reader, and shows what it reads in them. The page loads one of two
// readers: server_reader.js asks the server, and browser/reader.js reads drawings itself.

const MAX_BYTES = 10_000_000;
const view = new PredictionView();
const drawing = new Drawing(byId('canvas'), onDrawn);
const EMPTY = 'Nothing to read yet.';
let photo = null; // The file that is open, or null while the user draws.

// One picture is read at a time; changes meanwhile are read after it.
let busy = false;
let stale = false;
let version = 0; // Of what is on the paper; readings of older ones are dropped.
let timer = 0; // Of the next reading; 0 while none is planned.
let near = null; // The point drawn last, whose digit is chosen; null keeps the choice.

function onDrawn(final) {
  refreshTools();
  near = drawing.lastPoint ?? null;
  if (final || !drawing.strokes.length) stopTimer();
  if (!drawing.strokes.length) return showEmpty();
  // Planned once, not anew with each point: a long stroke is read while it grows.
  timer ||= setTimeout(readNow, final ? 0 : 120);
}

function readNow() {
  timer = 0;
  read();
}

function stopTimer() {
  clearTimeout(timer);
  timer = 0;
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
  const readVersion = version;
  try {
    const options = { model: byId('model').value, saliency: byId('saliency').checked };
    const reading = await (photo ? reader.readPhoto(photo, options) : reader.readDrawing(drawing, options));
    if (readVersion === version) show(reading);
  } catch (error) {
    if (readVersion === version) view.showMessage(explain(error));
  }
  busy = false;
  announce();
  if (stale && (photo || drawing.strokes.length)) {
    stale = false;
    read();
  }
}

function explain(error) {
  // `reader` is not defined where a script of the page did not load.
  return error instanceof ReferenceError ? 'The network did not load. Open this page again.' : error.message;
}

function show(reading) {
  if (reading.digits.length) return view.show(reading, photo ? null : near);
  const { note } = reading;
  if (note && note !== 'no digit found') return view.showMessage(`${note[0].toUpperCase()}${note.slice(1)}.`);
  view.showMessage(photo ? 'No digit found. Come closer, or try better light.' : 'No digit found yet. Draw it larger.');
}

function onOption(event) {
  near = null;
  version++; // What another network says is not shown any more.
  if (photo && event.target.id === 'model') view.showMessage('Reading …');
  if (photo || drawing.strokes.length) read();
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
  if (!file.type.startsWith('image/')) return refuse('That is not a picture that can be read here. Open a PNG or JPEG file.');
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

// Says so, and leaves the drawing or the photo where it is.
function refuse(message) {
  stopTimer();
  version++;
  stale = false;
  byId('file').value = '';
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
  for (const id of ['saliency', 'model']) {
    byId(id).addEventListener('change', onOption);
  }
  byId('found').addEventListener('change', () => (near = null));
  document.addEventListener('keydown', onKey);
  // Otherwise the browser would open a dropped file instead of this page.
  for (const type of ['dragover', 'drop']) document.addEventListener(type, (event) => event.preventDefault());
  if (/Mac|iPhone|iPad/.test(navigator.platform)) {
    for (const key of document.querySelectorAll('#keys kbd')) if (key.textContent === 'Ctrl') key.textContent = '⌘';
  }
  if (reader.readPhoto) takePhotos();
  const names = await reader.listModels().catch(() => []);
  if (!names.length) byId('model').parentElement.hidden = true;
  byId('model').append(...names.map((name) => new Option(name, name)));
}

function takePhotos() {
  byId('open').addEventListener('click', () => byId('file').click());
  // The server may read what this browser cannot show, such as TIFF.
  byId('photo').addEventListener('error', () => (byId('photo').hidden = true));
  byId('file').addEventListener('change', (event) => openPhoto(event.target.files[0]));
  document.addEventListener('paste', (event) => openPhoto(event.clipboardData.files[0]));
  document.addEventListener('dragover', () => byId('paper').classList.add('drop'));
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) byId('paper').classList.remove('drop');
  });
  document.addEventListener('drop', (event) => {
    byId('paper').classList.remove('drop');
    openPhoto(event.dataTransfer.files[0]);
  });
}

start();
