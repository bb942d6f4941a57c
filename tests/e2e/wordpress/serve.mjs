/**
 * Serves a WordPress with the plugin, connected to a deskhand, until it is stopped. For ./dev wordpress.
 */
import { startBoth } from './rig.mjs';

const both = await startBoth();
const { site, desk } = both;
console.log(`
WordPress  ${site.url}/wp-admin/   (user admin, password ${site.password})
deskhand   ${desk.url}
Ctrl-C stops both; nothing of them stays.`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await both.stop();
    process.exit(0);
  });
}
