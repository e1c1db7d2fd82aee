import { beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');

interface Snippet {
  readonly what: string;
  readonly file: string;
  readonly source: string;
  /** The rule that refuses it, or undefined where it is fine. */
  readonly rule: string | undefined;
}

const arrow = 'eslint(no-restricted-imports)';
/** A file that may import these, and must not import those: one snippet each. */
function imports(file: string, { may, mustNot }: { may: string[]; mustNot: string[] }): Snippet[] {
  return [...mustNot, ...may].map((specifier, i) => {
    const refused = i < mustNot.length;
    return {
      what: `${path.dirname(file)} ${refused ? 'must not' : 'may'} import ${specifier}`,
      file: file.replace('.ts', `-${i}.ts`),
      source: `export * as x from '${specifier}';
`,
      rule: refused ? arrow : undefined,
    };
  });
}

const arrows: Snippet[] = [
  ...imports('protocol/src/x.ts', {
    may: ['zod', './limits.ts'],
    mustNot: [
      'node:fs',
      'fs',
      'socket.io',
      'mongoose',
      '@threadwire/server',
      '@threadwire/client-sdk',
      '../../server/src/index.ts',
    ],
  }),
  ...imports('client-sdk/src/x.ts', {
    may: ['@threadwire/protocol', 'socket.io-client', './outbox.ts'],
    mustNot: ['node:events', 'events', 'react', 'ws', 'zod', '@threadwire/server', '../../protocol/src/limits.ts'],
  }),
  ...imports('client-sdk/src/react/x.ts', {
    may: ['react', '../index.ts'],
    mustNot: ['socket.io-client', 'node:events'],
  }),
  ...imports('server/src/x.ts', {
    may: ['node:http', 'socket.io', '@threadwire/protocol', './admin/guard.ts'],
    mustNot: [
      'mongoose',
      'mongodb',
      'libsql',
      'libsql/promise',
      '@threadwire/client-sdk',
      '@threadwire/admin',
      '../../test/support/x.ts',
      '../../admin/src/x.ts',
    ],
  }),
  ...imports('server/src/handlers/x.ts', {
    may: ['@threadwire/protocol', '../store/thread-store.ts', '../fanout/rooms.ts'],
    mustNot: [
      'socket.io',
      'socket.io-adapter',
      'engine.io',
      'ws',
      'mongoose',
      'libsql',
      '../store/mongo/models.ts',
      '../store/embedded/worker.ts',
      '@threadwire/client-sdk',
    ],
  }),
  ...imports('server/src/store/mongo/x.ts', {
    may: ['mongoose', '../rules.ts'],
    mustNot: ['libsql', '../embedded/sql.ts', '@threadwire/admin'],
  }),
  ...imports('server/src/store/embedded/x.ts', {
    may: ['libsql', '../rules.ts'],
    mustNot: ['mongoose', '../mongo/models.ts', '@threadwire/admin'],
  }),
  ...imports('admin/src/x.ts', {
    may: ['@threadwire/server', '@threadwire/protocol'],
    mustNot: ['@threadwire/client-sdk', 'mongoose', 'libsql', '../../test/support/x.ts', '../../server/src/x.ts'],
  }),
  ...imports('test/unit/x.test.ts', {
    may: ['mongoose', 'libsql', 'node:fs', '../../server/src/index.ts'],
    mustNot: [],
  }),
  // However it is written.
  {
    what: 'an import of types counts',
    file: 'protocol/src/type-only.ts',
    source: "export type { Socket } from 'socket.io';\n",
    rule: arrow,
  },
  {
    what: 'an import at run time counts',
    file: 'protocol/src/dynamic.ts',
    source: "export const fs = await import('node:fs');\n",
    rule: arrow,
  },
];

const rules: Snippet[] = [
  {
    what: 'a promise is not forgotten',
    file: 'server/src/floating.ts',
    source: 'async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    what: 'a promise is no condition',
    file: 'server/src/misused.ts',
    source:
      'async function f(): Promise<boolean> {\n  return await Promise.resolve(true);\n}\nexport const x = f() ? 1 : 2;\n',
    rule: 'typescript(no-misused-promises)',
  },
  {
    what: 'a switch names every case',
    file: 'server/src/switch.ts',
    source:
      "export function f(x: 'a' | 'b'): number {\n  let n = 0;\n  switch (x) {\n    case 'a':\n      n = 1;\n  }\n  return n;\n}\n",
    rule: 'typescript(switch-exhaustiveness-check)',
  },
  {
    what: 'nothing is any',
    file: 'server/src/any.ts',
    source: 'export const x: any = 1;\n',
    rule: 'typescript(no-explicit-any)',
  },
  {
    what: 'any does not creep in',
    file: 'server/src/unsafe.ts',
    source: "export const x: string = JSON.parse('1');\n",
    rule: 'typescript(no-unsafe-assignment)',
  },
  {
    what: 'types are imported as types',
    file: 'server/src/type-import.ts',
    source: "import { Server } from 'node:http';\nexport type X = Server;\n",
    rule: 'typescript(consistent-type-imports)',
  },
  {
    what: 'the server does not write to the console',
    file: 'server/src/console.ts',
    source: "console.log('x');\nexport const x = 1;\n",
    rule: 'eslint(no-console)',
  },
  {
    what: 'the program may write to the console',
    file: 'server/src/main.ts',
    source: "console.log('x');\nexport const x = 1;\n",
    rule: undefined,
  },
  {
    what: 'nothing is unused',
    file: 'server/src/unused.ts',
    source: 'const unused = 1;\nexport const x = 2;\n',
    rule: 'eslint(no-unused-vars)',
  },
  {
    what: 'imports go in no circle',
    file: 'server/src/cycle-a.ts',
    source: "import { b } from './cycle-b.ts';\nexport const a = (): number => b();\n",
    rule: 'import(no-cycle)',
  },
  {
    what: 'imports go in no circle, seen from the other side',
    file: 'server/src/cycle-b.ts',
    source: "import { a } from './cycle-a.ts';\nexport const b = (): number => a();\n",
    rule: 'import(no-cycle)',
  },
  {
    what: 'no test is focused',
    file: 'test/unit/focused.test.ts',
    source: "import { expect, test } from '@jest/globals';\ntest.only('x', () => expect(1).toBe(1));\n",
    rule: 'jest(no-focused-tests)',
  },
  {
    what: 'no test is left out',
    file: 'test/unit/disabled.test.ts',
    source: "import { expect, test } from '@jest/globals';\ntest.skip('x', () => expect(1).toBe(1));\n",
    rule: 'jest(no-disabled-tests)',
  },
];

/** Which rules refuse each file, by the project's own configuration. */
async function lint(snippets: readonly Snippet[]): Promise<Map<string, Set<string>>> {
  const directory = mkdtempSync(path.join(tmpdir(), 'threadwire-lint-'));
  try {
    cpSync(path.join(root, '.oxlintrc.json'), path.join(directory, '.oxlintrc.json'));
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
    const options = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      allowImportingTsExtensions: true,
      types: ['node'],
    };
    writeFileSync(
      path.join(directory, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, noEmit: true } }),
    );
    writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
    for (const { file, source } of snippets) {
      mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
      writeFileSync(path.join(directory, file), source);
    }
    const oxlint = path.join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const output = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [oxlint, '--type-aware', '-f', 'json'],
        { cwd: directory, timeout: 25_000 },
        (error, stdout, stderr) => {
          // It ends with 1 where it found something.
          if (error && error.code !== 1) reject(new Error(`oxlint failed: ${stderr}${stdout}`, { cause: error }));
          else resolve(stdout);
        },
      );
    });
    const found = new Map<string, Set<string>>();
    const { diagnostics } = JSON.parse(output) as { diagnostics: { filename: string; code: string }[] };
    for (const { filename, code } of diagnostics) {
      const file = filename.replaceAll('\\', '/');
      found.set(file, (found.get(file) ?? new Set()).add(code));
    }
    return found;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('the linter', () => {
  let found = new Map<string, Set<string>>();

  beforeAll(async () => {
    found = await lint([...arrows, ...rules]);
  });

  test.each(arrows)('$what', ({ file, rule }) => {
    // Where an import leads does not exist here, so other rules may object to it.
    expect(found.get(file)?.has(arrow) ?? false).toBe(rule === arrow);
  });

  test.each(rules)('$what', ({ file, rule }) => {
    expect([...(found.get(file) ?? [])]).toEqual(rule === undefined ? [] : [rule]);
  });
});
