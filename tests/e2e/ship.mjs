/**
 * Writes the widget's scripts as the plugin ships them: without comments but their licence; what the widget always needs in
 * one script, which a browser fetches in one go; and with the version in each import, so that no browser puts an old module
 * beside a new one after an update.
 *
 *   node ship.mjs FOLDER VERSION
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ASSETS = fileURLToPath(new URL('../../wp-plugin/deskhand/assets', import.meta.url));
const CONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const WIDGET = 'deskhand-widget.js';
const LATER = /(import\(')(\.\/deskhand-[a-z]+\.js)'/g;
const PART = /^import \{[^}]*\} from '\.\/(deskhand-[a-z]+\.js)';\n/gm;
const NAME = /^(?:const|let|class|(?:async )?function\*?) (\w+)/gm;

/** Rules of style do without most blanks; calc doesn't. */
function tighten(folder, name) {
  const script = readFileSync(join(folder, name), 'utf8');
  writeFileSync(join(folder, name), script.replace(/`[^`]+`/g, (rules) => rules.replace(/\s*([{};])\s*/g, '$1').replace(/([:,])\s/g, '$1')));
}

/** The modules that one needs, each after those that it needs itself, by name. @returns {Map<string, string>} */
function parts(folder, name, found = new Map()) {
  const own = readFileSync(join(folder, name), 'utf8').replace(PART, (_, part) => {
    if (!found.has(part)) parts(folder, part, found);
    return '';
  });
  return found.set(name, name === WIDGET ? own : own.replace(/^export /gm, ''));
}

/** Makes the widget one script of its modules, and takes those away. */
function joinWidget(folder) {
  const modules = parts(folder, WIDGET);
  const whole = [...modules.values()].join('');
  const names = [...whole.matchAll(NAME)].map(([, name]) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length) throw new Error(`modules of the widget share these names, and can't be one script: ${twice}`);
  for (const name of modules.keys()) rmSync(join(folder, name));
  writeFileSync(join(folder, WIDGET), whole);
}

/** @param {string} folder @param {string} version @returns {string[]} the scripts' names */
export function ship(folder, version) {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [join(dirname(typescript), 'bin', 'tsc'), '-p', CONFIG, '--noEmit', 'false', '--removeComments',
    '--rootDir', ASSETS, '--outDir', folder], { stdio: 'inherit' });
  for (const name of ['deskhand-style.js', 'deskhand-launcher.js']) tighten(folder, name);
  joinWidget(folder);
  const names = readdirSync(folder).filter((name) => name.endsWith('.js'));
  for (const name of names) {
    const path = join(folder, name);
    const script = readFileSync(path, 'utf8').replace(LATER, `$1$2?ver=${version}'`);
    // The indentation of the sources again: half of what four blanks are.
    writeFileSync(path, '// GPL-2.0-or-later\n' + script.replace(/^(?: {4})+/gm, (blanks) => '\t'.repeat(blanks.length / 4)));
  }
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, version] = process.argv.slice(2);
  if (!folder || !/^[\w.-]+$/.test(version ?? '')) {
    console.error('usage: node ship.mjs FOLDER VERSION');
    process.exit(2);
  }
  ship(folder, version);
}
