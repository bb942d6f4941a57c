/**
 * Writes the widget's scripts as the plugin ships them: without comments but their licence, and with the version in each import,
 * so that no browser puts an old module beside a new one after an update.
 *
 *   node ship.mjs FOLDER VERSION
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ASSETS = fileURLToPath(new URL('../../wp-plugin/deskhand/assets', import.meta.url));
const CONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const IMPORT = /((?:from|import\() ?')(\.\/deskhand-[a-z]+\.js)'/g;

/** @param {string} folder @param {string} version @returns {string[]} the scripts' names */
export function ship(folder, version) {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [join(dirname(typescript), 'bin', 'tsc'), '-p', CONFIG, '--noEmit', 'false', '--removeComments',
    '--rootDir', ASSETS, '--outDir', folder], { stdio: 'inherit' });
  const names = readdirSync(ASSETS).filter((name) => name.endsWith('.js'));
  for (const name of names) {
    const path = join(folder, name);
    let script = readFileSync(path, 'utf8').replace(IMPORT, `$1$2?ver=${version}'`);
    // Rules of style do without most blanks; calc doesn't.
    if (/style|launcher/.test(name)) script = script.replace(/`[^`]+`/g, (rules) => rules.replace(/\s*([{};])\s*/g, '$1').replace(/([:,])\s/g, '$1'));
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
