/**
 * Runs the plugin's PHPUnit tests inside a WordPress of its own: phpunit.mjs [--mariadb] [PHPUnit's options]
 */
import { spawn } from 'node:child_process';
import { ROOT, WordPress } from './rig.mjs';

const [database, options] = process.argv[2] === '--mariadb' ? ['mariadb', process.argv.slice(3)] : ['sqlite', process.argv.slice(2)];
const site = await WordPress.start({ database });
let status = 1;
try {
  await site.install();
  const child = spawn('php', ['-d', `auto_prepend_file=${ROOT}tests/wp/wordpress.php`, '-d', 'memory_limit=512M', '/usr/bin/phpunit', '-c', `${ROOT}tests/wp/phpunit.xml`, ...options], {
    stdio: 'inherit', env: { ...process.env, DESKHAND_TEST_SITE: site.root, DESKHAND_RIG_HOST: site.host },
  });
  status = await new Promise((resolve) => child.once('close', resolve)) ?? 1;
  const complaints = await site.complaints();
  if (complaints) {
    console.log(`--- what PHP and WordPress complained of ---\n${complaints}`);
    status ||= 1;
  }
} finally {
  await site.stop();
}
process.exit(status);
