// What is published, and what is committed: one line per check, and a last line `N passed, N failed`. Needs a build.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import semver from 'semver';
import { isPermissive } from './licences.mjs';
import { missingPlatforms } from './lockfile.mjs';

const root = path.join(import.meta.dirname, '..', '..');
const run = (command, args) => execFileSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
const readJson = (file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));

let passed = 0;
let failed = 0;

/** Runs one check, which answers with its complaints. One that throws has failed too. */
async function check(name, complaints) {
  let found;
  try {
    found = await complaints();
  } catch (error) {
    found = [String(error.stdout || error.message || error)];
  }
  if (found.length === 0) passed += 1;
  else failed += 1;
  console.log([`${found.length === 0 ? 'ok' : 'FAILED'}: ${name}`, ...found].join('\n    '));
}

const scratch = mkdtempSync(path.join(tmpdir(), 'threadwire-pack-'));
try {
  for (const workspace of readJson('package.json').workspaces) {
    const manifest = readJson(`${workspace}/package.json`);
    if (manifest.private) continue;
    let packed;
    await check(`${manifest.name}: packs what was built, its types, and nothing else`, () => {
      const args = ['pack', '--silent', '--json', '--workspace', manifest.name, '--pack-destination', scratch];
      const answer = JSON.parse(run('npm', args));
      // An array in npm up to 11, an object by package name after it.
      packed = Object.values(answer)[0];
      const files = packed.files.map((file) => file.path);
      return [
        ...['dist/index.js', 'dist/index.d.ts']
          .filter((file) => !files.includes(file))
          .map((file) => `${file} is missing`),
        ...files
          .filter((file) => !/^(dist\/|src\/|package\.json$|README|LICENSE)/.test(file))
          .map((file) => `${file} is in it`),
      ];
    });
    const tarball = () => path.join(scratch, packed.filename);
    await check(`${manifest.name}: publint`, async () => {
      const { buffer, byteOffset, byteLength } = readFileSync(tarball());
      const { messages } = await publint({
        pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) },
        strict: true,
      });
      return messages.filter(({ type }) => type !== 'suggestion').map((message) => formatMessage(message, manifest));
    });
    await check(`${manifest.name}: types resolve as the code does (attw, ES modules only)`, () => {
      const attw = path.join(
        fileURLToPath(import.meta.resolve('@arethetypeswrong/cli/package.json')),
        '../dist/index.js',
      );
      run(process.execPath, [attw, tarball(), '--profile', 'esm-only', '--no-color', '--no-emoji']);
      return [];
    });
  }
} finally {
  rmSync(scratch, { recursive: true });
}

const lock = Object.entries(readJson('package-lock.json').packages);
const installed = lock.filter(([name, { link }]) => name.includes('node_modules/') && !link);

/** As packages named theirs before there was one field for it. */
function formerLicence(name) {
  return readJson(`${name}/package.json`)
    .licenses?.map(({ type }) => type)
    .join(' OR ');
}

await check('every production dependency has a permissive licence', () =>
  installed
    .filter(([, { dev }]) => !dev)
    .map(([name, entry]) => ({ name, license: entry.license ?? formerLicence(name) ?? 'none given' }))
    .filter(({ license }) => !isPermissive(license))
    .map(({ name, license }) => `${name}: ${license}`),
);

// The oldest that package.json allows, and the first of each later line with long-term support.
for (const version of ['20.19.0', '22.13.0', '24.11.0', '26.0.0']) {
  await check(`everything that is installed allows Node ${version}`, () =>
    lock
      .filter(([, { engines }]) => engines?.node !== undefined && !semver.satisfies(version, engines.node))
      .map(([name, { engines }]) => `${name || 'the root'}: ${engines.node}`),
  );
}

await check('the lockfile names no registry, and every package by its hash', () =>
  installed.flatMap(([name, { resolved, integrity, optional }]) => [
    ...(resolved === undefined ? [] : [`${name}: ${resolved}`]),
    ...(integrity === undefined && !optional ? [`${name}: no integrity`] : []),
  ]),
);

await check('the lockfile has the builds for every platform', () =>
  missingPlatforms({ packages: Object.fromEntries(lock) }).map(
    ({ name, version }) => `${name}@${version}: run \`npm run lockfile\``,
  ),
);

/** Lines of files that are, or are about to be, in git. */
function* committedLines() {
  const names = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
    .split('\0')
    .filter(Boolean);
  for (const name of new Set(names)) {
    let text;
    try {
      text = readFileSync(path.join(root, name), 'utf8');
    } catch {
      continue; // Removed, but not from the index yet; or a link that leads nowhere.
    }
    if (text.includes('\0')) continue;
    for (const [i, line] of text.split('\n').entries()) yield { at: `${name}:${i + 1}`, line };
  }
}

await check('no file names a directory of the machine that it was made on', () => {
  const own = [root, homedir()].filter((directory) => directory.length > 4).map((directory) => `${directory}/`);
  // Where it stands at the start of a path, not within one, nor within a URL.
  const usual = /(?<![\w.~/)}\]+=-])\/(?:work|root|Users)\/\w/;
  return [...committedLines()]
    .filter(({ line }) => usual.test(line) || own.some((directory) => line.includes(directory)))
    .map(({ at, line }) => `${at}: ${line.trim().slice(0, 120)}`);
});

await check('no file names the host of a package registry', () => {
  const host = new URL(run('npm', ['config', 'get', 'registry']).trim()).host;
  const usual = /registry\.(?:npmjs|yarnpkg|npmmirror)\.|npm\.pkg\.github\.|files\.pythonhosted\.|pypi\.org\/simple/;
  return [...committedLines()]
    .filter(({ line }) => usual.test(line) || line.includes(host))
    .map(({ at, line }) => `${at}: ${line.trim().slice(0, 120)}`);
});

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
