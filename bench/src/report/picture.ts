import type { Bar, Panel } from '../harness/scenario.ts';
import type { Results } from './results.ts';
import { formatNumber } from './table.ts';

const width = 760;
const margin = 24;
const labelWidth = 190;
/** Behind the longest bar, for its figure. */
const valueWidth = 96;
const barHeight = 18;
const barStep = 26;
const titleHeight = 34;
const panelGap = 14;
const barsLeft = margin + labelWidth;
const barsWidth = width - barsLeft - margin - valueWidth;

// A picture in a page does not know the page's colours, so it brings its own ground, and both sets of colours.
const style = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .hint { font-weight: 400; fill: #59636e; }
  .value { font-variant-numeric: tabular-nums; }
  .ground { fill: #ffffff; stroke: #d1d9e0; }
  .bar { fill: #818b98; }
  .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .hint { fill: #9198a1; }
    .ground { fill: #0d1117; stroke: #3d444d; }
    .bar { fill: #656c76; }
    .ours { fill: #4493f8; }
  }
`;

/** The bars of a scenario as an SVG. */
export function drawPicture({ panels, about }: Pick<Results, 'panels' | 'about'>): string {
  let top = margin;
  const parts = panels.map((panel) => {
    const drawn = drawPanel(panel, top);
    top += panelHeight(panel) + panelGap;
    return drawn;
  });
  const height = top - panelGap + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(about)}</title>`,
    `<style>${style}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function panelHeight({ bars }: Panel): number {
  return titleHeight + bars.length * barStep;
}

function drawPanel(panel: Panel, top: number): string {
  const max = Math.max(...panel.bars.map(({ value }) => value), Number.MIN_VALUE);
  return [
    `<text class="title" x="${margin}" y="${top + 14}">${escape(panel.title)}` +
      `<tspan class="hint">  (${panel.better} is better)</tspan></text>`,
    ...panel.bars.map((bar, i) => drawBar(bar, panel, top + titleHeight + i * barStep, max)),
  ].join('\n');
}

function drawBar({ label, value, isOurs }: Bar, { unit, digits }: Panel, y: number, max: number): string {
  const barWidth = Math.max(1, (value / max) * barsWidth).toFixed(1);
  const textY = y + 13;
  const valueX = (barsLeft + Number(barWidth) + 8).toFixed(1);
  return [
    `<text x="${barsLeft - 10}" y="${textY}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="${isOurs ? 'ours' : 'bar'}" x="${barsLeft}" y="${y}" width="${barWidth}" height="${barHeight}" rx="2"/>`,
    `<text class="value" x="${valueX}" y="${textY}">${escape(`${formatNumber(value, digits)} ${unit}`)}</text>`,
  ].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
