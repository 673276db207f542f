import { hasColours, pad, styled, widthOf } from '../../lib/cli/colour';
import { cmir } from '../helpers/program';

const terminal = { isTTY: true };
const pipe = {};

test.each<[string, { isTTY?: boolean }, NodeJS.ProcessEnv, boolean]>([
  ['a terminal', terminal, { TERM: 'xterm' }, true],
  ['a terminal without a name', terminal, {}, true],
  ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
  ['NO_COLOR', terminal, { NO_COLOR: '1' }, false],
  ['an empty NO_COLOR, which says nothing', terminal, { NO_COLOR: '' }, true],
  ['a pipe', pipe, { TERM: 'xterm' }, false],
  ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, true],
  ['a pipe with an empty FORCE_COLOR', pipe, { FORCE_COLOR: '' }, true],
  ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
  ['both', pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
])('%s', (_, stream, env, expected) => {
  expect(hasColours(stream, env)).toBe(expected);
});

test('widths leave styles out', () => {
  const red = '\u001b[31mab\u001b[39m';
  expect(widthOf(red)).toBe(2);
  expect(pad(red, 4, 'left')).toBe(`  ${red}`);
  expect(pad(red, 4, 'right')).toBe(`${red}  `);
  expect(pad(red, 1, 'left')).toBe(red);
  expect(styled('', ['red'], terminal)).toBe('');
});

const env = ({ FORCE_COLOR: _, NO_COLOR: __, ...rest }: NodeJS.ProcessEnv, more = {}) => ({
  ...rest,
  ...more,
});

test('the program: none in pipes, all with FORCE_COLOR, none with NO_COLOR', async () => {
  const help = await cmir(['--help'], { env: env(process.env) });
  const failure = await cmir(['trian'], { env: env(process.env) });
  expect(help.stdout + failure.stderr).not.toContain('\u001b');
  const forced = { env: env(process.env, { FORCE_COLOR: '1' }) };
  expect((await cmir(['--help'], forced)).stdout).toContain('\u001b[1mData and models:\u001b[22m');
  expect((await cmir(['trian'], forced)).stderr).toContain('\u001b[1m\u001b[31mcmir:\u001b[39m');
  const document = await cmir(['doctor', '--json'], forced);
  expect(document.stdout).not.toContain('\u001b');
});
