import { isPromise } from 'node:util/types';

import { CmirError, messageOf, type ErrorCode } from '../errors';

type Trainer = import('../../binding').Trainer;

/** How LibTorch, CUDA, C++ and Node say that memory has run out. */
const NO_MEMORY = /can(no|')t allocate|out of memory|bad_alloc|alloc(ation|_)? ?failed/i;

/**
 * What the engine threw, as a CmirError of `code` whose message begins with `prefix`; ERR_CMIR_NATIVE where memory
 * has run out, whatever was asked for. A CmirError stays as it is.
 */
export function engineError(
  cause: unknown,
  code: ErrorCode = 'ERR_CMIR_NATIVE',
  prefix = 'the engine failed: ',
): CmirError {
  if (cause instanceof CmirError) return cause;
  const message = messageOf(cause);
  if (!NO_MEMORY.test(message)) return new CmirError(code, prefix + message, { cause });
  return new CmirError(
    'ERR_CMIR_NATIVE',
    `out of memory: make the model, the batch or the data smaller; the engine says: ${message}`,
    { cause },
  );
}

/** The trainer with every failure of its methods as a CmirError. */
export function guarded(trainer: Trainer): Trainer {
  return new Proxy(trainer, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => guardedCall(() => Reflect.apply(member, target, args));
    },
  });
}

function guardedCall(call: () => unknown): unknown {
  const fail = (cause: unknown): never => {
    throw engineError(cause);
  };
  try {
    const result = call();
    return isPromise(result) ? result.catch(fail) : result;
  } catch (cause) {
    return fail(cause);
  }
}
