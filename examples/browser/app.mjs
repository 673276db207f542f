/* global document */
// Predicts in the page: the model takes raw features, and NaN where a value is missing.
import * as ort from '/ort/ort.wasm.min.mjs';

ort.env.wasm.wasmPaths = '/ort/';
ort.env.wasm.numThreads = 1; // More need a page that is cross-origin isolated.

const element = (id) => document.getElementById(id);
const session = await ort.InferenceSession.create('/model.onnx');
const { label, range, examples } = await (await fetch('/examples.json')).json();
const names = Object.keys(examples[0].features);
const missing = Object.fromEntries(names.map((name) => [name, 0]));
let shown = examples[0];

/** Features in the order in which they go missing: shuffled, but always alike. */
const orders = Object.fromEntries(
  names.map((name) => {
    const keys = examples[0].features[name].map((_, i) => [Math.sin(1e4 * (i + 1)) % 0.01, i]);
    return [name, keys.sort(([a], [b]) => a - b).map(([, i]) => i)];
  }),
);

/** The example's features with the share that the slider asks for gone. */
function featuresOf(name) {
  const values = Float32Array.from(shown.features[name], (value) => value ?? NaN);
  const count = Math.round((missing[name] / 100) * values.length);
  for (const i of orders[name].slice(0, count)) values[i] = NaN;
  return values;
}

/** Bars from a middle line, grey where a value is missing. */
function bars(values) {
  const largest = Math.max(...values.map(Math.abs).filter(Number.isFinite), 1e-6);
  const rects = Array.from(values, (value, i) => {
    const height = Number.isNaN(value) ? 2 : Math.max(0.6, (Math.abs(value) / largest) * 31);
    const y = Number.isNaN(value) ? 31 : value > 0 ? 32 - height : 32;
    const kind = Number.isNaN(value) ? ' class="missing"' : '';
    return `<rect${kind} x="${i + 0.12}" y="${y}" width="0.76" height="${height}"/>`;
  });
  return `<svg viewBox="0 0 ${values.length} 64" preserveAspectRatio="none" aria-hidden="true">${rects.join('')}</svg>`;
}

async function predict() {
  const example = shown;
  const feeds = {};
  for (const name of names) {
    const values = featuresOf(name);
    feeds[name] = new ort.Tensor('float32', values, [1, values.length]);
    element(`bars-${name}`).innerHTML = bars(values);
    element(`share-${name}`).textContent = `${missing[name]} % missing`;
  }
  const { prediction } = await session.run(feeds);
  if (example === shown) show(prediction.data[0]);
}

function show(value) {
  const at = (x) =>
    `${Math.min(100, Math.max(0, (100 * (x - range[0])) / (range[1] - range[0])))}%`;
  const output = element('prediction');
  output.textContent = value.toFixed(2).replace('-', '−');
  output.dataset.value = value;
  output.dataset.example = shown.id;
  element('truth').textContent = shown.truth.toFixed(2).replace('-', '−');
  document.querySelector('.scale .mark').style.left = at(value);
  document.querySelector('.scale .truth').style.left = at(shown.truth);
  for (const button of element('examples').children)
    button.ariaPressed = String(button.textContent === shown.id);
}

/** Runs take turns: a session is asked one thing at a time. */
let turn = Promise.resolve();
const refresh = () => (turn = turn.then(predict));

for (const example of examples) {
  const button = document.createElement('button');
  button.textContent = example.id;
  button.addEventListener('click', () => {
    shown = example;
    refresh();
  });
  element('examples').append(button);
}
for (const name of names) {
  const section = document.createElement('section');
  section.className = 'modality';
  section.innerHTML = `<header><b></b><span id="share-${name}"></span></header>
    <div id="bars-${name}"></div><input type="range" min="0" max="100" step="5" value="0">`;
  section.querySelector('b').textContent = name;
  const slider = section.querySelector('input');
  slider.ariaLabel = `share of ${name} that is missing`;
  slider.addEventListener('input', () => {
    missing[name] = Number(slider.value);
    refresh();
  });
  element('modalities').append(section);
}
element('label').textContent = label;
[element('low').textContent, element('high').textContent] = range.map((end) =>
  end.toFixed(1).replace('-', '−'),
);
await refresh();
element('about').textContent =
  'Choose an example, then take features away: the model puts the mean of its training data in their place.';
