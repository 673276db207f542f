import { isNativeError } from 'node:util/types';

/** Stable codes of every error this package throws on purpose, with what they mean. */
export const ERROR_CODES = {
  ERR_CMIR_USAGE: 'a command, option or argument is not one this package knows',
  ERR_CMIR_CONFIG: 'a configuration key or value is not allowed',
  ERR_CMIR_DATA: 'a data set does not hold what it must',
  ERR_CMIR_CHECKPOINT: 'a run folder or checkpoint is missing, damaged or does not fit',
  ERR_CMIR_MISMATCH: 'a data set does not fit the model',
  ERR_CMIR_DISPOSED: 'an object was used after it was disposed',
  ERR_CMIR_ABORTED: 'the work was stopped by its AbortSignal',
  ERR_CMIR_DIVERGED: 'the loss became NaN or infinite',
  ERR_CMIR_LIBTORCH: 'LibTorch is missing or of another version than the addon',
  ERR_CMIR_NOT_BUILT: 'the native addon is not built',
  ERR_CMIR_SETUP: 'finding, fetching or building failed',
  ERR_CMIR_DEVICE: 'the device asked for is not there',
  ERR_CMIR_IO: 'a file could not be read or written',
  ERR_CMIR_NATIVE: 'the native engine failed',
} as const;

/** A code of CmirError. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Codes whose cause is bad usage or bad input: the program exits with 2 for these, with 1 for the others. */
const INPUT_CODES: ReadonlySet<ErrorCode> = new Set([
  'ERR_CMIR_USAGE',
  'ERR_CMIR_CONFIG',
  'ERR_CMIR_DATA',
  'ERR_CMIR_CHECKPOINT',
  'ERR_CMIR_MISMATCH',
]);

/** The one error class: a message that says what is wrong, where, and what to do, a stable code, a cause. */
export class CmirError extends Error {
  /** Which error it is: stable over versions, a key of ERROR_CODES. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CmirError';
    this.code = code;
  }

  /** True when the user's input, not the run, is at fault. */
  get isInputError(): boolean {
    return INPUT_CODES.has(this.code);
  }
}

/** Throws ERR_CMIR_ABORTED when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new CmirError('ERR_CMIR_ABORTED', 'stopped by its signal', { cause: signal.reason });
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  // Also of errors made in another realm, such as a vm context.
  return isNativeError(error) ? error.message : String(error);
}
