/**
 * A real WordPress on loopback with the plugin, and a real deskhand that knows it. Each has a folder of its own, which
 * goes when it stops. Where programs and WordPress lie, `./dev` says by the environment.
 */
import { spawn, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SITE = fileURLToPath(new URL('site/', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PLUGIN = `${ROOT}wp-plugin/deskhand`;

// More than webhooks, pages and cron ask at once: WordPress asks itself.
const WORKERS = '12';

const needed = (name) => process.env[name] ?? fail(`${name} isn't set; run this by ./dev`);
const fail = (text) => { throw new Error(text); };
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A program that runs until it is stopped, and all that it started with it. */
export class Running {
  constructor(command, args, { log, ...options }) {
    this.log = log;
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    const out = createWriteStream(log, { flags: 'a' });
    this.child.stdout.pipe(out, { end: false });
    this.child.stderr.pipe(out, { end: false });
    this.ended = new Promise((resolve) => this.child.once('close', resolve)).then(() => out.end());
    this.child.once('error', (error) => { this.failed = error; });
    running.add(this);
  }

  get isRunning() { return this.child.exitCode === null && this.child.signalCode === null && !this.failed; }

  async stop(signal = 'SIGTERM') {
    running.delete(this);
    if (!this.isRunning) return;
    process.kill(-this.child.pid, signal);
    const killed = setTimeout(() => this.isRunning && process.kill(-this.child.pid, 'SIGKILL'), 20_000);
    await this.ended;
    clearTimeout(killed);
  }

  async ready(url) {
    // A busy machine sets a database up in minutes.
    for (const end = Date.now() + 300_000; Date.now() < end; await pause(100)) {
      if (!this.isRunning) fail(`${this.child.spawnfile} ended before it was ready:\n${await tail(this.log)}`);
      const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(20_000) }).catch(() => undefined);
      if (answer?.ok) return;
    }
    fail(`${url} isn't ready:\n${await tail(this.log)}`);
  }
}

const running = new Set();
process.once('exit', () => { for (const { child } of running) try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone */ } });

const tail = async (file) => (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(-30).join('\n');

export async function scratch(name) {
  // Short, since a socket lies in it, and open to the account that PostgreSQL runs under.
  const folder = await mkdtemp(`/tmp/deskhand-${name}.`);
  await chmod(folder, 0o711);
  return folder;
}

/** deskhand serve, with its own PostgreSQL. */
export class Desk {
  /** @param {{environment?: Record<string, string>}} [options] */
  static async start({ environment = {} } = {}) {
    const desk = new Desk();
    desk.folder = await scratch('desk');
    desk.port = await freePort();
    desk.url = `http://127.0.0.1:${desk.port}`;
    const outside = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(DESKHAND_(?!PG_DIR)|DATABASE_)/.test(name)));
    desk.environment = {
      ...outside,
      DESKHAND_DATA_DIR: `${desk.folder}/data`,
      DESKHAND_SERVER_LISTEN: `127.0.0.1:${desk.port}`,
      ...environment,
    };
    await desk.serve();
    return desk;
  }

  async serve() {
    this.server = new Running(needed('DESKHAND_E2E_BIN'), ['serve'], { env: this.environment, log: `${this.folder}/serve.log` });
    await this.server.ready(`${this.url}/readyz`);
  }

  /** Runs a command of deskhand's. */
  async command(...args) {
    return (await run(needed('DESKHAND_E2E_BIN'), args, { env: this.environment, maxBuffer: 64 << 20 })).stdout;
  }

  /** Makes it know a site: {site_id, kid, secret}. */
  async add(url) {
    return JSON.parse(await this.command('site', 'add', url, '--slug', 'rig', '--name', 'Rig', '--json'));
  }

  log() { return readFile(`${this.folder}/serve.log`, 'utf8'); }

  async stop() {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** WordPress. Its admin is `admin`, with `password`. */
export class WordPress {
  password = randomBytes(9).toString('base64url');

  /**
   * @param {object} [options]
   * @param {Record<string, unknown>} [options.constants] of its wp-config.php
   * @param {'pretty' | 'plain'} [options.permalinks]
   * @param {string[]} [options.plugins] main files in its plugins folder
   * @param {string | null} [options.plugin] the folder of the plugin, when it isn't the repository's; null for none
   * @param {'sqlite' | 'mariadb'} [options.database]
   * @param {string} [options.base] the path that it stands under, such as /shop
   */
  static async start({ constants = {}, permalinks = 'pretty', plugins = ['deskhand/deskhand.php'], plugin = PLUGIN, database = 'sqlite', base = '', port } = {}) {
    const site = new WordPress();
    site.folder = await scratch('wp');
    site.root = `${site.folder}/site`;
    port ??= await freePort();
    site.host = `127.0.0.1:${port}`;
    site.base = base;
    site.url = `http://${site.host}${base}`;
    site.permalinks = permalinks;
    site.plugins = plugins;
    site.salt = randomBytes(16).toString('hex');
    await cp(needed('DESKHAND_E2E_WORDPRESS'), site.root, { recursive: true });
    if (base) {
      await mkdir(`${site.folder}/www`);
      await symlink(site.root, `${site.folder}/www${base}`);
    }
    await cp(`${SITE}wp-config.php`, `${site.root}/wp-config.php`);
    await (database === 'mariadb' ? site.#onMariaDb() : site.#onSqlite());
    await mkdir(`${site.root}/wp-content/mu-plugins`, { recursive: true });
    await cp(`${SITE}rig.php`, `${site.root}/wp-content/mu-plugins/rig.php`);
    if (plugin) await symlink(plugin, `${site.root}/wp-content/plugins/deskhand`);
    await site.define(constants);
    return site;
  }

  async #onSqlite() {
    const plugin = `${this.root}/wp-content/plugins/sqlite-database-integration`;
    await cp(needed('DESKHAND_E2E_SQLITE'), plugin, { recursive: true });
    const dropin = await readFile(`${plugin}/db.copy`, 'utf8');
    await writeFile(`${this.root}/wp-content/db.php`, dropin
      .replaceAll('{SQLITE_IMPLEMENTATION_FOLDER_PATH}', plugin)
      .replaceAll('{SQLITE_PLUGIN}', 'sqlite-database-integration/load.php'));
    await mkdir(`${this.root}/database`);
  }

  async #onMariaDb() {
    const folder = `${this.folder}/mariadb`;
    const common = ['--no-defaults', `--datadir=${folder}`, ...(process.getuid?.() === 0 ? ['--user=root'] : [])];
    await mkdir(folder);
    // As strict as a real site's, but without accounts and durability.
    this.database = new Running('mariadbd', [...common, '--skip-grant-tables', `--socket=${this.folder}/db.sock`, '--skip-networking', '--skip-log-bin', '--innodb-flush-log-at-trx-commit=0',
      '--innodb-buffer-pool-size=64M', '--sql-mode=STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE', `--pid-file=${this.folder}/db.pid`], { log: `${this.folder}/db.log` });
    this.constants = { DB_HOST: `localhost:${this.folder}/db.sock`, DB_USER: 'root' };
    const make = `mysqli_report(MYSQLI_REPORT_OFF); for ($i = 0; $i < 300 && !($db = @mysqli_connect('localhost', 'root', '', '', 0, '${this.folder}/db.sock')); $i++) usleep(100000); exit($db && $db->query('CREATE DATABASE wordpress') ? 0 : 1);`;
    await run('php', ['-r', make]).catch(async () => fail(`MariaDB isn't ready:\n${await tail(this.database.log)}`));
  }

  /** Sets constants of wp-config.php, beside those there are. */
  async define(constants) {
    this.constants = { ...this.constants, ...constants };
    await writeFile(`${this.root}/rig.json`, JSON.stringify({ url: this.url, salt: this.salt, constants: this.constants }));
  }

  /** Connects it as the credentials of `deskhand site add` say. */
  connect(backend, { site_id, kid, secret }) {
    return this.define({ DESKHAND_URL: backend, DESKHAND_SITE_ID: site_id, DESKHAND_KEY_ID: kid, DESKHAND_SECRET: secret });
  }

  async install() {
    await this.php([`${SITE}install.php`, this.root, 'Lumen & Oak', this.password], {
      DESKHAND_RIG_PLUGINS: this.plugins.join(','), DESKHAND_RIG_PERMALINKS: this.permalinks,
    });
  }

  async serve() {
    await this.install();
    this.server = new Running('php', ['-d', 'upload_max_filesize=32M', '-d', 'post_max_size=40M', '-S', this.host, '-t', this.base ? `${this.folder}/www` : this.root, `${SITE}router.php`], {
      env: { ...process.env, PHP_CLI_SERVER_WORKERS: WORKERS, DESKHAND_RIG_BASE: this.base }, log: `${this.folder}/server.log`,
    });
    await this.server.ready(`${this.url}/?rest_route=/`);
    return this;
  }

  /** Runs a PHP program, and gives what it printed. */
  async php(args, environment = {}) {
    try {
      const { stdout } = await run('php', args, { env: { ...process.env, DESKHAND_RIG_HOST: this.host, ...environment }, maxBuffer: 64 << 20 });
      return stdout;
    } catch (error) {
      throw new Error(`php ${args[0]}: ${error.stderr || error.stdout || error.message}`);
    }
  }

  /** Runs lines of PHP inside WordPress; what they `return` comes back. */
  async eval(code) {
    const file = `${this.folder}/eval-${randomBytes(6).toString('hex')}.php`;
    await writeFile(file, `<?php
$_SERVER['HTTP_HOST'] = ${JSON.stringify(this.host)}; $_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1'; $_SERVER['REQUEST_METHOD'] = 'GET'; $_SERVER['REMOTE_ADDR'] = '127.0.0.1';
require ${JSON.stringify(`${this.root}/wp-load.php`)};
$result = (static function () { ${code} })();
echo "\\n--result--\\n", json_encode($result);
`);
    const out = await this.php([file]);
    await rm(file);
    return JSON.parse(out.split('\n--result--\n').at(-1));
  }

  /** What WordPress and PHP complained of. */
  complaints() { return readFile(`${this.root}/debug.log`, 'utf8').catch(() => ''); }

  async stop() {
    await this.server?.stop();
    await this.database?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Both, connected by wp-config.php. */
export async function startBoth({ desk: ofDesk = {}, wordpress = {} } = {}) {
  const port = await freePort();
  const desk = await Desk.start({ ...ofDesk, environment: { DESKHAND_FETCH_ALLOW_PRIVATE: `127.0.0.1:${port}`, ...ofDesk.environment } });
  try {
    const site = await WordPress.start({ ...wordpress, port });
    const credentials = await desk.add(site.url);
    await site.connect(desk.url, credentials);
    await site.serve();
    return {
      desk, site, credentials,
      async stop() {
        await site.stop();
        await desk.stop();
      },
    };
  } catch (error) {
    await desk.stop();
    throw error;
  }
}
