import { COLOURS, PALETTE } from '../../lib/report/theme';

/** Relative luminance of WCAG 2.1 of a colour such as #1c2127. */
function luminance(hexadecimal: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(hexadecimal.slice(at, at + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

test('black on white has the contrast that WCAG says', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 10);
});

test.each(['light', 'dark'] as const)('%s: texts have a contrast of 4.5, marks of 3', (theme) => {
  for (const ground of [COLOURS.ground, COLOURS.raised]) {
    for (const text of [COLOURS.ink, COLOURS.muted, COLOURS.accent]) {
      expect(contrast(text[theme], ground[theme])).toBeGreaterThanOrEqual(4.5);
    }
  }
  for (const mark of [...PALETTE, COLOURS.axis]) {
    expect(contrast(mark[theme], COLOURS.ground[theme])).toBeGreaterThanOrEqual(3);
  }
});

test('colours are told apart by the style sheet: none is used twice', () => {
  const light = [...Object.values(COLOURS), ...PALETTE].map((colour) => colour.light);
  expect(new Set(light).size).toBe(light.length);
});
