// A registry that keeps only some platforms' builds leaves the others out of the lockfile that npm writes, and then
// `npm ci` refuses that lockfile wherever they exist or not. They are known all the same: the package that wants them
// pins their versions, and their names say what they run on. `npm run lockfile` writes them in, after
// every `npm install`. What is written in so has no hash; npm never fetches it but on the platform that it names.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const file = path.join(import.meta.dirname, '..', '..', 'package-lock.json');
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/** Where Node would find a package that the one at `from` asks for, as npm's lockfile names the place. */
function resolved(packages, from, name) {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))) {
    const found = `${place === '' ? '' : `${place}/`}node_modules/${name}`;
    if (packages[found] !== undefined) return found;
    if (place === '') return undefined;
  }
}

/** Every optional dependency that is not in the lockfile. */
export function missingPlatforms({ packages }) {
  return Object.entries(packages).flatMap(([from, { dev, engines, license, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => resolved(packages, from, name) === undefined)
      .map(([name, version]) => ({ name, version, dev, engines, license })),
  );
}

function complete(lock) {
  for (const { name, version, dev, engines, license } of missingPlatforms(lock)) {
    const words = name.split(/[/-]/);
    const os = systems.find((system) => words.includes(system));
    const cpu = processors.find((processor) => words.includes(processor));
    if (!os || !cpu || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`cannot tell what ${name}@${version} runs on`);
    const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
    // In npm's own order: it would only move them about.
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      dev,
      libc,
      license,
      optional: true,
      os: [os],
      engines,
    };
  }
  const byPlace = ([a], [b]) => a.localeCompare(b, 'en');
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(byPlace));
  return lock;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(file, `${JSON.stringify(complete(JSON.parse(readFileSync(file, 'utf8'))), undefined, 2)}\n`);
}
