import { COLOURS, FONT, PALETTE, type Colour } from '../theme';

type Mode = 'light' | 'dark';

function variables(mode: Mode): string {
  const colours = Object.entries(COLOURS).map(([name, colour]) => `--${name}: ${colour[mode]};`);
  return `color-scheme: ${mode}; ${colours.join(' ')}`;
}

/** Charts are drawn in light colours: in the dark each is exchanged for its counterpart. */
function darkCharts(within: string): string {
  const themed: readonly Colour[] = [...Object.values(COLOURS), ...PALETTE];
  return themed
    .map(
      ({ light, dark }) =>
        `${within} .chart [fill="${light}"] { fill: ${dark}; } ${within} .chart [stroke="${light}"] { stroke: ${dark}; }`,
    )
    .join('\n');
}

/** The style sheet of a report. Dark where the reader's system is, or the button says so; print is always light. */
export function styleSheet(): string {
  return `
:root { ${variables('light')} }
:root[data-theme="dark"] { ${variables('dark')} }
${darkCharts(':root[data-theme="dark"]')}
@media screen and (prefers-color-scheme: dark) {
:root:not([data-theme="light"]) { ${variables('dark')} }
${darkCharts(':root:not([data-theme="light"])')}
}
@media print { :root, :root[data-theme="dark"] { ${variables('light')} } }
${LAYOUT}
${PRINT}`;
}

const LAYOUT = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 ${FONT}; }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; display: flex; gap: 1rem; align-items: flex-start; justify-content: space-between; flex-wrap: wrap; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 2.5rem 0 0; overflow-wrap: anywhere; }
h3 { font-size: 1.22rem; line-height: 1.3; margin: 2.75rem 0 .5rem; padding-top: 1.1rem; border-top: 1px solid var(--grid); }
h4 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p, dl { max-width: 75ch; margin: .5rem 0; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; }
pre { background: var(--raised); border: 1px solid var(--grid); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.note, .made { color: var(--muted); font-size: .92rem; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .95rem; }
button, .downloads a { font: inherit; font-size: .85rem; color: var(--ink); background: var(--raised); border: 1px solid var(--axis); border-radius: 6px; padding: .2rem .6rem; cursor: pointer; text-decoration: none; }
button:hover, .downloads a:hover { border-color: var(--accent); color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.lead { background: var(--raised); border-left: 4px solid var(--accent); border-radius: 0 8px 8px 0; padding: .7rem 1.2rem; margin: 1rem 0; }
.lead p { font-size: 1.06rem; max-width: none; }
.lead p.note { font-size: .92rem; }
.warning { border-left: 4px solid #c47f00; padding: .3rem 1rem; margin: 1rem 0; background: var(--raised); }
.legend { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: .5rem 1.5rem; max-width: none; }
.legend dt { font-weight: 600; }
.legend dd { margin: 0; color: var(--muted); font-size: .92rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1.4rem 1.6rem; margin: 1rem 0; }
.charts.one { grid-template-columns: minmax(0, 52rem); }
.charts.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { display: flex; gap: .6rem; align-items: baseline; justify-content: space-between; font-weight: 600; font-size: .98rem; margin-bottom: .3rem; overflow-wrap: anywhere; }
.downloads { display: flex; gap: .35rem; flex: none; font-weight: 400; }
.downloads a { font-size: .72rem; padding: .05rem .4rem; color: var(--muted); border-color: var(--grid); }
.downloads a:not([href]) { display: none; }
.chart svg { display: block; max-width: 100%; height: auto; }
.chart .live { width: 100%; }
.chart .live:empty, .drawn .still { display: none; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; min-width: 50%; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
th, td { text-align: left; padding: .32rem .7rem; border-bottom: 1px solid var(--grid); vertical-align: top; overflow-wrap: break-word; }
td:not(.number) { min-width: 5rem; max-width: 26rem; }
thead th, thead th.number { white-space: normal; vertical-align: bottom; color: var(--muted); font-weight: 600; border-bottom-color: var(--axis); }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--ground); max-width: 14rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
abbr { text-decoration: none; }
.alone { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); font-weight: 500; }
footer { margin: 3.5rem auto 2rem; padding-top: 1rem; border-top: 1px solid var(--grid); }
#tip { position: fixed; z-index: 9; pointer-events: none; background: var(--ground); color: var(--ink); border: 1px solid var(--axis); border-radius: 6px; padding: .35rem .6rem; font-size: .82rem; max-width: 20rem; box-shadow: 0 2px 8px rgb(0 0 0 / .25); }
#tip div { display: flex; gap: .8rem; justify-content: space-between; }
#tip span:first-child { color: var(--muted); }
@media (max-width: 30rem) { body { font-size: 15px; } h1 { font-size: 1.5rem; } main, header, footer { padding-left: .9rem; padding-right: .9rem; } .lead { padding: .5rem .9rem; } }
`;

const PRINT = `
@media print {
@page { margin: 14mm; }
html { font-size: 10pt; }
body { font-size: 1rem; }
main, header, footer { max-width: none; padding: 0; }
nav, button, .downloads, #tip { display: none; }
.charts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem 1rem; }
.charts.one { grid-template-columns: minmax(0, 1fr); }
.charts.small { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.chart .live { display: none; }
.drawn .still { display: block; }
figure, tr, pre, .lead, .legend div { break-inside: avoid; }
h2, h3, h4, h3 + p, summary, figcaption, caption { break-after: avoid; }
h3 { margin-top: 1.4rem; }
.scroll { overflow: visible; }
table { font-size: 7.5pt; }
th, td { padding: .2rem .35rem; }
tbody th { position: static; }
a { color: inherit; text-decoration: none; }
}
`;
