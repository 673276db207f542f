import type { Command } from 'commander';

interface CommandModule {
  readonly register: (program: Command) => void;
}

/** A command as the help of the program lists it; its module is loaded when it is run or asked for its own help. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** All commands, in the order in which a user comes to them. */
export const CATALOGUE: Readonly<Record<string, readonly Entry[]>> = {
  'Data and models:': [
    {
      name: 'data',
      summary: 'inspect, convert, split or synthesize a data set',
      load: () => import('./commands/data/index.js'),
    },
    {
      name: 'train',
      summary: 'train, evaluate on test, write a run folder',
      load: () => import('./commands/train.js'),
    },
    {
      name: 'evaluate',
      summary: 'metrics of a run’s best model, with noise too',
      load: () => import('./commands/evaluate.js'),
    },
    {
      name: 'predict',
      summary: 'predictions of a run’s best model as CSV',
      load: () => import('./commands/predict.js'),
    },
    {
      name: 'export',
      summary: 'the model of a run as ONNX, or for plain PyTorch',
      load: () => import('./commands/export.js'),
    },
  ],
  'Run experiments:': [
    {
      name: 'compare',
      summary: 'methods and ablations side by side, over seeds, with tests',
      load: () => import('./commands/compare.js'),
    },
    {
      name: 'search',
      summary: 'random search of settings, then seeds of the best',
      load: () => import('./commands/search.js'),
    },
    {
      name: 'robustness',
      summary: 'finished runs under noise and with modalities missing',
      load: () => import('./commands/robustness.js'),
    },
    {
      name: 'sensitivity',
      summary: 'how metrics answer to one setting at a time',
      load: () => import('./commands/sensitivity.js'),
    },
    {
      name: 'report',
      summary: 'one HTML page on runs and results',
      load: () => import('./commands/report.js'),
    },
  ],
  'This machine:': [
    {
      name: 'doctor',
      summary: 'what is installed, and what to do when something is missing',
      load: () => import('./commands/doctor.js'),
    },
    {
      name: 'setup',
      summary: 'find or fetch LibTorch ahead of the first use',
      load: () => import('./commands/setup.js'),
    },
    {
      name: 'operators',
      summary: 'where the operators for Python’s torch lie',
      load: () => import('./commands/operators.js'),
    },
    {
      name: 'completion',
      summary: 'a script with which bash, zsh or fish completes commands',
      load: () => import('./commands/completion.js'),
    },
  ],
};
