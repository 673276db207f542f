import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { prepared, ROOT } from './prepared';

/** One input or output. */
export interface OnnxTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}
export type Tensors = Readonly<Record<string, OnnxTensor>>;

interface Encoded {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: string;
}

/** onnxruntime-node. */
export interface OnnxRuntime {
  /** The outputs of a model for each of `feeds`; throws where one is refused. */
  run(model: string, feeds: readonly Tensors[]): Tensors[];
}

/** The runtime of scripts/onnx-env.mjs, prepared on the first call; undefined as findPython is. */
export function findOnnxRuntime(): OnnxRuntime | undefined {
  const found = prepared('onnx-env.mjs', 'no ONNX runtime to compare with');
  if (found === undefined) return undefined;
  return {
    run(model, feeds) {
      const input = JSON.stringify([{ model, feeds: feeds.map((feed) => mapped(feed, encode)) }]);
      const { status, stdout, stderr, signal } = spawnSync(
        process.execPath,
        [join(ROOT, 'test', 'onnx', 'run.mjs'), found['onnxruntime'] ?? ''],
        { encoding: 'utf8', input, maxBuffer: 1 << 28 },
      );
      if (status !== 0)
        throw new Error(`onnxruntime ended with ${signal ?? 'an error'}: ${stderr}`);
      const [outputs = []] = JSON.parse(stdout) as (
        Record<string, Encoded> | { error: string }
      )[][];
      return outputs.map((output) => {
        if (typeof output.error === 'string') throw new Error(`onnxruntime: ${output.error}`);
        return mapped(output as Record<string, Encoded>, decode);
      });
    },
  };
}

function mapped<A, B>(values: Readonly<Record<string, A>>, of: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value)]));
}

function encode({ dims, data }: OnnxTensor): Encoded {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const type = data.BYTES_PER_ELEMENT === 4 ? 'float32' : 'int64';
  return { type, dims, data: bytes.toString('base64') };
}

function decode({ type, dims, data }: Encoded): OnnxTensor {
  const { buffer } = new Uint8Array(Buffer.from(data, 'base64'));
  return { dims, data: type === 'float32' ? new Float32Array(buffer) : new BigInt64Array(buffer) };
}
