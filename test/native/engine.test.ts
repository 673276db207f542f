import type { Trainer } from '../../binding';
import { CmirError } from '../../lib/errors';
import { engineError, guarded } from '../../lib/native/engine';
import { errorOf } from '../training/fixture';

describe('engineError', () => {
  it('is of the code and with the prefix asked for, and keeps its cause', () => {
    const cause = new Error('no such operator');
    expect(engineError(cause)).toMatchObject({
      code: 'ERR_CMIR_NATIVE',
      message: 'the engine failed: no such operator',
      cause,
    });
    expect(engineError(cause, 'ERR_CMIR_USAGE', 'x: ')).toMatchObject({
      code: 'ERR_CMIR_USAGE',
      message: 'x: no such operator',
    });
  });

  it.each([
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 24 bytes. Error code 12",
    'CUDA out of memory. Tried to allocate 2.00 GiB',
    'CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`',
    'std::bad_alloc',
    'Array buffer allocation failed',
  ])('says that memory ran out, whatever was asked for: %s', (message) => {
    const error = engineError(new Error(message), 'ERR_CMIR_CONFIG', 'configuration: ');
    expect(error.code).toBe('ERR_CMIR_NATIVE');
    expect(error.message).toMatch(/^out of memory: make the model, .* smaller/);
    expect(error.message).toContain(message);
  });

  it('leaves a CmirError as it is', () => {
    const error = new CmirError('ERR_CMIR_ABORTED', 'stopped');
    expect(engineError(error, 'ERR_CMIR_USAGE')).toBe(error);
  });
});

test('a guarded trainer is the trainer, but for its errors', async () => {
  const cause = new Error('no such operator');
  class Fake {
    readonly #memory = 12;
    get memory(): number {
      return this.#memory;
    }
    predict(rows: Int32Array): Promise<Float32Array> {
      return Promise.resolve(Float32Array.from(rows, (row) => row + this.#memory));
    }
    getState(): Promise<never> {
      return Promise.reject(cause);
    }
    abort(): never {
      throw cause;
    }
  }
  const trainer = guarded(new Fake() as unknown as Trainer);
  expect(trainer.memory).toBe(12);
  expect(await trainer.predict(Int32Array.of(1, 2), null)).toEqual(Float32Array.of(13, 14));
  for (const act of [
    () => trainer.getState(false),
    () => {
      trainer.abort();
    },
  ]) {
    expect(await errorOf(act)).toMatchObject({ code: 'ERR_CMIR_NATIVE', cause });
  }
});
