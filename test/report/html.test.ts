import { html, Html, scriptJson, slug } from '../../lib/report/page/html';
import { table } from '../../lib/report/page/table';
import { HOSTILE } from './fixture';

test('a template escapes every value that is not HTML', () => {
  const { text } = html`<p title="${HOSTILE}">${HOSTILE}${new Html('<b>bold</b>')}</p>`;
  expect(text).not.toContain('<script>');
  expect(text).not.toContain('<img');
  expect(text).toContain('<b>bold</b>');
  expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;&quot;');
});

test('lists are joined; null, undefined and false are left out; 0 is not', () => {
  expect(html`${[1, ['<', 0]]}${null}${undefined}${false}`.text).toBe('1&lt;0');
});

test('JSON in a script element cannot end it, and reads back the same', () => {
  const value = { [HOSTILE]: [HOSTILE, '<!--', '\u2028\u2029', 1.5, null] };
  const { text } = scriptJson(value);
  expect(text).not.toMatch(/[<>&\u2028\u2029]/);
  expect(JSON.parse(text)).toEqual(value);
});

test('a slug has no character that means something to HTML, URLs or file systems', () => {
  expect(slug('Methods compared')).toBe('methods-compared');
  expect(slug(HOSTILE)).toMatch(/^[a-z0-9.-]+$/);
  expect(slug('../..')).toBe('');
});

test('a table has a caption, scoped headings and escaped cells', () => {
  const { text } = table(HOSTILE, [{ title: HOSTILE }, { title: 'x', number: true }], [['<a>', 1]]);
  expect(text).not.toContain('<script>');
  expect(text).toMatch(/<th scope="row">\s*&lt;a&gt;\s*<\/th>/);
  expect(text).toMatch(/<td class="number">\s*1\s*<\/td>/);
});
