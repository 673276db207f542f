import { CmirError, ERROR_CODES, messageOf, type ErrorCode } from '../lib/errors';

test('an error has its code, its message and its cause', () => {
  const cause = new Error('inner');
  const error = new CmirError('ERR_CMIR_IO', 'cannot write x', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'CmirError', code: 'ERR_CMIR_IO', cause });
  expect(error.message).toBe('cannot write x');
});

test('bad input is told from a failed run', () => {
  const isInput = (code: ErrorCode) => new CmirError(code, '').isInputError;
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  expect(codes.filter(isInput)).toEqual([
    'ERR_CMIR_USAGE',
    'ERR_CMIR_CONFIG',
    'ERR_CMIR_DATA',
    'ERR_CMIR_CHECKPOINT',
    'ERR_CMIR_MISMATCH',
  ]);
});

test('messageOf takes anything that can be thrown', () => {
  expect(messageOf(new TypeError('a'))).toBe('a');
  expect(messageOf('b')).toBe('b');
  expect(messageOf(undefined)).toBe('undefined');
});
