/**
 * What some tests need besides Node, and whether it is here. Plain CommonJS, because Jest's reporters and the tests
 * both ask it, and reporters are not transformed.
 */
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const venv = path.join(root, '.cache', 'venv', 'bin', 'python');
const howToInstall = 'python3 -m venv .cache/venv && .cache/venv/bin/pip install -r test/support/python-packages.txt';

/** @type {Map<string, string | undefined>} */
const interpreters = new Map();

/**
 * The first Python that can import all these modules, or undefined; where THREADWIRE_PYTHON is set it is that or none.
 * @param {readonly string[]} modules
 * @returns {string | undefined}
 */
function pythonWith(...modules) {
  const key = modules.join(', ');
  if (!interpreters.has(key)) {
    const given = process.env.THREADWIRE_PYTHON;
    const candidates = given ? [given] : [...(existsSync(venv) ? [venv] : []), 'python3'];
    interpreters.set(
      key,
      candidates.find(
        (python) => spawnSync(python, ['-c', `import ${key}`], { stdio: 'ignore', timeout: 20_000 }).status === 0,
      ),
    );
  }
  return interpreters.get(key);
}

/** @type {string | undefined} */
let browser;

/**
 * The Chromium of this machine, or undefined; where THREADWIRE_CHROMIUM is set it is that or none.
 * @returns {string | undefined}
 */
function chromium() {
  const given = process.env.THREADWIRE_CHROMIUM;
  const onPath = (process.env.PATH ?? '')
    .split(path.delimiter)
    .flatMap((directory) =>
      ['chromium', 'chromium-browser', 'google-chrome'].map((name) => path.join(directory, name)),
    );
  browser ??= (given ? [given] : onPath).find((file) => existsSync(file));
  return browser;
}

/**
 * By the name that THREADWIRE_REQUIRE knows it by: what the people who read a test run call it, and why it is not here.
 * @type {Record<string, { title: string, missing: () => string | undefined }>}
 */
const requirements = {
  mongodb: {
    title: 'MongoDB store',
    // The global set-up starts a server where it can, sets MONGODB_URI, and otherwise says why not.
    missing: () =>
      process.env.MONGODB_URI
        ? undefined
        : (process.env.THREADWIRE_MISSING_MONGODB ?? `set MONGODB_URI to a replica set's, or: ${howToInstall}`),
  },
  python: {
    title: 'Python client',
    missing: () => (pythonWith('socketio', 'websocket', 'requests') ? undefined : howToInstall),
  },
  curl: {
    title: 'curl',
    missing: () =>
      spawnSync('curl', ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0
        ? undefined
        : 'apt-get install curl',
  },
  chromium: {
    title: 'Chromium',
    missing: () =>
      chromium() ? undefined : 'apt-get install chromium, or set THREADWIRE_CHROMIUM to a Chromium or Chrome',
  },
};

/**
 * Everything that is not here: its name, its title, and why.
 * @returns {{ name: string, title: string, reason: string }[]}
 */
function missingRequirements() {
  return Object.entries(requirements).flatMap(([name, { title, missing }]) => {
    const reason = missing();
    return reason === undefined ? [] : [{ name, title, reason }];
  });
}

module.exports = { chromium, missingRequirements, pythonWith, requirements };
