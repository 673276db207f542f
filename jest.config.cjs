const { compilerOptions } = require('./tsconfig.json');

// Jest runs CommonJS: import() becomes require(), and the packages that are ES modules only are compiled too.
const commonJs = { module: 'commonjs', moduleResolution: 'bundler', allowJs: true };
const compile = ['ts-jest', { tsconfig: { ...compilerOptions, ...commonJs } }];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  transform: { '^.+\\.ts$': compile, '/node_modules/hyparquet(-writer)?/.+\\.js$': compile },
  transformIgnorePatterns: ['/node_modules/(?!hyparquet(-writer)?/)'],
  // Loading LibTorch and training, on a busy machine: no test is judged by its time.
  testTimeout: 600000,
};
