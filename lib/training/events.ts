import type { Config } from '../config';
import { bytesField, doubleField, floatField, WIRE, wholeField } from '../data/storage/protobuf';
import { secondsOf, type EpochRecord } from './history';
import { encodeRecord, firstRecord } from './tfrecord';

/**
 * TensorBoard's event files: TFRecords of protocol buffers, of which these are the few fields that scalars and a text
 * need. Numbers are those of event.proto (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util),
 * summary.proto, tensor.proto, tensor_shape.proto and types.proto (the same, core/framework).
 */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 } as const;
const METADATA = { pluginData: 1 } as const;
const PLUGIN_DATA = { pluginName: 1 } as const;
const TENSOR = { dtype: 1, shape: 2, stringValue: 8 } as const;
const SHAPE = { dimension: 2 } as const;
const DIMENSION = { size: 1 } as const;
const DT_STRING = 7;

/** The wall time comes first, in seconds since 1970. */
function event(wallTime: number, ...fields: readonly Buffer[]): Buffer {
  return encodeRecord(Buffer.concat([doubleField(EVENT.wallTime, wallTime), ...fields]));
}

/** Markdown, as torch.utils.tensorboard writes it: a vector of one string. */
function textValue(tag: string, text: string): Buffer {
  return bytesField(SUMMARY.value, [
    bytesField(VALUE.tag, `${tag}/text_summary`),
    bytesField(VALUE.tensor, [
      wholeField(TENSOR.dtype, DT_STRING),
      bytesField(TENSOR.shape, [bytesField(SHAPE.dimension, [wholeField(DIMENSION.size, 1)])]),
      bytesField(TENSOR.stringValue, text),
    ]),
    bytesField(VALUE.metadata, [
      bytesField(METADATA.pluginData, [bytesField(PLUGIN_DATA.pluginName, 'text')]),
    ]),
  ]);
}

/** What an epoch's record holds, by TensorBoard's tag; metrics that are undefined are left out. */
function scalarsOf(record: EpochRecord): [string, number][] {
  const { modalities, valid, learning_rate } = record;
  const terms = [
    ...(['loss', 'prediction', 'risk', 'consistency'] as const),
    ...(['invariance', 'decorrelation', 'reconstruction'] as const),
  ].map((term): [string, number] => [`train/${term}`, record[term]]);
  const perModality = Object.entries(modalities).flatMap(([name, values]) =>
    Object.entries(values).map(([term, value]): [string, number] => [
      `train/${term}/${name}`,
      value,
    ]),
  );
  const metrics = Object.entries(valid).flatMap(([name, value]): [string, number][] =>
    value === null ? [] : [[`valid/${name}`, value]],
  );
  return [...terms, ...perModality, ['learning_rate', learning_rate], ...metrics];
}

/**
 * The scalars of the last epoch of a history, at its number as step. Its wall time is the run's start plus the seconds
 * trained: a run that paused has no gap, and one that is rewritten has the same bytes.
 */
export function epochEvent(start: number, history: readonly EpochRecord[]): Buffer {
  const record = history.at(-1) as EpochRecord;
  const values = scalarsOf(record).map(([tag, value]) =>
    bytesField(SUMMARY.value, [bytesField(VALUE.tag, tag), floatField(VALUE.simpleValue, value)]),
  );
  return event(
    start + secondsOf(history),
    wholeField(EVENT.step, record.epoch),
    bytesField(EVENT.summary, values),
  );
}

/** A whole event file: its version, the configuration as a text, the epochs. `start` is in seconds since 1970. */
export function encodeEvents(
  start: number,
  config: Config,
  history: readonly EpochRecord[],
): Buffer {
  // Markdown shows indented lines as they are.
  const text = JSON.stringify(config, null, 2).replace(/^/gm, '    ');
  return Buffer.concat([
    event(start, bytesField(EVENT.fileVersion, 'brain.Event:2')),
    event(start, bytesField(EVENT.summary, [textValue('configuration', text)])),
    ...history.map((_, i) => epochEvent(start, history.slice(0, i + 1))),
  ]);
}

/** When the run of an event file started, in seconds since 1970; undefined where the file is not one of ours. */
export function startOf(file: Uint8Array): number | undefined {
  const first = firstRecord(file);
  const isOurs = first?.[0] === ((EVENT.wallTime << 3) | WIRE.double) && first.length >= 9;
  return isOurs ? first.readDoubleLE(1) : undefined;
}
