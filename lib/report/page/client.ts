/**
 * What a report does in a browser, as source text: it draws a chart when it comes into sight, in place of the still
 * picture; makes the links that download pictures and data; and lets the reader choose light or dark. Without it the
 * page shows everything but those. Texts of users get into the page as text alone.
 */
export const CLIENT = `
(() => {
'use strict';
const root = document.documentElement;
const figures = JSON.parse(document.getElementById('charts').textContent);
const tip = document.getElementById('tip');

const remembered = (theme) => {
  try {
    if (theme === undefined) return localStorage.getItem('cmir-theme');
    localStorage.setItem('cmir-theme', theme);
  } catch { /* A page without storage forgets. */ }
  return null;
};
const theme = document.getElementById('theme');
const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
const name = () => { theme.textContent = isDark() ? 'Light' : 'Dark'; };
const before = remembered();
if (before === 'light' || before === 'dark') root.dataset.theme = before;
theme.hidden = false;
theme.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  remembered(root.dataset.theme);
  name();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', name);
name();

const showTip = (handler, event, item, value) => {
  tip.replaceChildren();
  tip.hidden = value === null || value === undefined || value === '';
  if (tip.hidden) return;
  for (const [key, text] of Object.entries(Object(value))) {
    if (text === 'null' || text === 'undefined') continue;
    const line = document.createElement('div');
    for (const part of [key, text]) line.appendChild(document.createElement('span')).textContent = String(part);
    tip.appendChild(line);
  }
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + 'px';
  tip.style.top = (event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18) + 'px';
};

const draw = async (figure) => {
  const live = figure.querySelector('.live');
  const view = new vega.View(vega.parse(figures[figure.id].vega), { renderer: 'svg', container: live, hover: true });
  await view.tooltip(showTip).runAsync();
  const svg = live.querySelector('svg');
  svg.setAttribute('role', 'img');
  figure.classList.add('drawn');
};
const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    void draw(target);
  }
}, { rootMargin: '300px' });

const file = (type, content) => URL.createObjectURL(new Blob([content], { type }));
for (const figure of document.querySelectorAll('figure')) {
  const [svg, csv] = figure.querySelectorAll('.downloads a');
  svg.href = file('image/svg+xml', new XMLSerializer().serializeToString(figure.querySelector('.still svg')));
  csv.href = file('text/csv', figures[figure.id].csv);
  sight.observe(figure);
}

const opened = [];
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details:not([open])')) { details.open = true; opened.push(details); }
});
addEventListener('afterprint', () => {
  for (const details of opened.splice(0)) details.open = false;
});
})();
`;
