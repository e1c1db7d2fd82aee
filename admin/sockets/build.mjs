// Makes `dist/sockets/`: the official Socket.IO admin UI, with its fonts beside it, opened already connected. Its files are
// pinned to one version, and changed in the few places named here: each has to be there as often as is said, or the build fails.
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname;
const out = path.join(here, '..', 'dist', 'sockets');
const { resolve } = createRequire(import.meta.url);
const directoryOf = (name) => path.dirname(resolve(`${name}/package.json`));
const ui = path.join(directoryOf('@socket.io/admin-ui'), 'ui', 'dist');
const roboto = directoryOf('@fontsource/roboto');
const icons = directoryOf('@mdi/font');

/** The weights that the UI asks for. */
const weights = [100, 300, 400, 500, 700, 900];
/** Where the icons' own style sheet says where they lie, in four formats. */
const iconSources = /src:url\([^;]*;src:url\([^;]*(?=;)/g;

const edits = [
  {
    file: 'index.html',
    find: /<link rel="stylesheet" href="https:\/\/fonts\.googleapis\.com\/[^>]*>/g,
    replacement: '<link rel="stylesheet" href="fonts/roboto.css">',
  },
  {
    file: 'index.html',
    find: /<link rel="stylesheet" href="https:\/\/cdn\.jsdelivr\.net\/[^>]*>/g,
    replacement: '<link rel="stylesheet" href="fonts/icons.css">',
  },
  // After its own style sheets, and before its own scripts.
  { file: 'index.html', find: /<\/head>/g, replacement: '<link rel="stylesheet" href="threadwire.css"></head>' },
  {
    file: 'index.html',
    find: /<script src="js\/chunk-vendors/g,
    replacement: '<script src="boot.js"></script><script src="js/chunk-vendors',
  },
  // The page of events would draw a thousand rows again for each event.
  {
    file: /^js\/app\.\w+\.js$/,
    find: /"items-per-page-options":\[-1\]/g,
    replacement: '"items-per-page-options":[20,100]',
  },
  // And no list of sockets or rooms all that there are.
  {
    file: /^js\/app\.\w+\.js$/,
    find: /"items-per-page-options":\[20,100,-1\]/g,
    replacement: '"items-per-page-options":[20,100]',
    times: 5,
  },
];

function edited(name, text) {
  let result = text;
  for (const { file, find, replacement, times = 1 } of edits) {
    if (typeof file === 'string' ? file !== name : !file.test(name)) continue;
    result = replaced(name, result, find, replacement, times);
  }
  return result;
}

function replaced(name, text, find, replacement, times) {
  const found = text.match(find)?.length ?? 0;
  if (found !== times) throw new Error(`${name} has ${find} ${found} times, not ${times}; is it another version?`);
  return text.replaceAll(find, replacement);
}

/** Of a package that has it in lower or upper case. */
function copyLicence(directory, name) {
  const file = readdirSync(directory).find((entry) => /^licen[cs]e(\.\w+)?$/i.test(entry));
  if (!file) throw new Error(`${directory} has no licence`);
  cpSync(path.join(directory, file), path.join(out, 'licences', `${name}.txt`));
}

// A server may be serving what is there: it stays until it is written anew.
mkdirSync(path.join(out, 'fonts'), { recursive: true });

const names = readdirSync(ui, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
  .map((entry) => path.relative(ui, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
for (const { file } of edits) {
  if (!names.some((name) => (typeof file === 'string' ? file === name : file.test(name)))) {
    throw new Error(`@socket.io/admin-ui has no ${file}; is it another version?`);
  }
}
for (const name of names) {
  mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
  if (/\.(html|js)$/.test(name)) {
    const text = edited(name, readFileSync(path.join(ui, name), 'utf8'));
    // What is not served need not be looked for.
    writeFileSync(path.join(out, name), text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n'));
  } else cpSync(path.join(ui, name), path.join(out, name));
}

const faces = weights.map((weight) => {
  const file = `roboto-latin-${weight}-normal.woff2`;
  cpSync(path.join(roboto, 'files', file), path.join(out, 'fonts', file));
  return `@font-face{font-family:Roboto;font-style:normal;font-display:swap;font-weight:${weight};src:url(${file}) format("woff2")}`;
});
writeFileSync(path.join(out, 'fonts', 'roboto.css'), `${faces.join('\n')}\n`);

const iconFont = 'materialdesignicons-webfont.woff2';
cpSync(path.join(icons, 'fonts', iconFont), path.join(out, 'fonts', iconFont));
const iconStyles = replaced(
  'materialdesignicons.min.css',
  readFileSync(path.join(icons, 'css', 'materialdesignicons.min.css'), 'utf8'),
  iconSources,
  `src:url(${iconFont}) format("woff2")`,
  1,
);
writeFileSync(
  path.join(out, 'fonts', 'icons.css'),
  iconStyles.replace(/\s*\/\*# sourceMappingURL=[^*]*\*\/\s*$/, '\n'),
);

for (const name of ['boot.js', 'threadwire.css']) cpSync(path.join(here, name), path.join(out, name));
copyLicence(directoryOf('@socket.io/admin-ui'), 'socket.io-admin-ui');
copyLicence(roboto, 'roboto');
copyLicence(icons, 'material-design-icons');
