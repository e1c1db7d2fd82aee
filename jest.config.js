/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  transform: {
    '\\.[jt]s$': [
      '@swc/jest',
      {
        // Inlined, the helper of `await using` names a class that does not exist where both a body and its disposal fail.
        jsc: { target: 'es2023', parser: { syntax: 'typescript' }, externalHelpers: true },
        module: { type: 'commonjs' },
      },
    ],
  },
  // These ship as ES modules only.
  transformIgnorePatterns: [
    '/node_modules/(?!(?:jose|mdast-util-[^/]+|micromark[^/]*|unist-util-[^/]+|decode-named-character-reference|character-entities|ccount|devlop|escape-string-regexp|longest-streak|markdown-table|zwitch)/)',
  ],
  // Tests run on the workspaces' source; worker threads and child processes on what `npm run build` made of it.
  moduleNameMapper: {
    '^@threadwire/protocol$': '<rootDir>/protocol/src/index.ts',
    '^@threadwire/server$': '<rootDir>/server/src/index.ts',
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', 'summary', '<rootDir>/test/support/back-end-reporter.cjs'],
  testTimeout: 30_000,
  // Most tests wait for something most of the time.
  maxWorkers: '100%',
};
