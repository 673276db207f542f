import { CmirError, messageOf, type ErrorCode } from '../errors';

/** Something that keeps cmir from working, and what mends it. */
export interface Problem {
  /** What is wrong. */
  readonly what: string;
  /** What to do about it. */
  readonly fix: string;
}

export function problemError(code: ErrorCode, problem: Problem, cause?: unknown): CmirError {
  return new CmirError(code, `${problem.what}; ${problem.fix}`, { cause });
}

/** The inverse of `problemError`, for anything thrown. */
export function problemOf(error: unknown): Problem {
  const [what = '', ...fix] = messageOf(error).split('; ');
  return { what, fix: fix.join('; ') || 'run: npx cmir setup' };
}
