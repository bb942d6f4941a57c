/**
 * On a network of sites: what a site that is deleted, or the plugin when it is, leaves behind.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WordPress } from './rig.mjs';

let site;
before(async () => {
  // The SQLite drop-in knows no networks.
  site = await WordPress.start({ database: 'mariadb' });
  await site.install();
  await site.eval(`
    global $wpdb;
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    require_once ABSPATH . 'wp-admin/includes/network.php';
    define('WP_INSTALLING_NETWORK', true);
    foreach ($wpdb->tables('ms_global') as $table => $name) { $wpdb->$table = $name; }
    install_network();
    populate_network(1, '${site.host}', 'admin@shop.example', 'Network', '/', false);`);
  await site.define({ MULTISITE: true, SUBDOMAIN_INSTALL: false, DOMAIN_CURRENT_SITE: site.host, PATH_CURRENT_SITE: '/', SITE_ID_CURRENT_SITE: 1, BLOG_ID_CURRENT_SITE: 1 });
});
after(() => site?.stop());

test('a deleted site takes its tables along, and uninstalling leaves none of any site', async () => {
  const told = await site.eval(`
    global $wpdb;
    require_once ABSPATH . 'wp-admin/includes/admin.php';
    $sites = static function () use ($wpdb): array {
        $ours = preg_grep('/deskhand_jobs$/', $wpdb->get_col('SHOW TABLES'));
        return array_values(str_replace('deskhand_jobs', '', $ours));
    };
    activate_plugin('deskhand/deskhand.php', '', true);
    $made = [];
    foreach (['/two/', '/three/'] as $path) {
        $made[] = $id = wp_insert_site(['domain' => '${site.host}', 'path' => $path, 'title' => $path, 'user_id' => 1]);
        switch_to_blog($id);
        \\Deskhand\\Install\\Lifecycle::activate();
        restore_current_blog();
    }
    $told = [$sites()];
    wp_delete_site($made[0]);
    $told[] = $sites();
    // As when the plugin wasn't there to see it.
    remove_all_filters('wpmu_drop_tables');
    wp_delete_site($made[1]);
    $told[] = $sites();
    // Other WordPresses in the same database, whose prefixes only look like a site's of this one; and another plugin.
    $others = ['wp_4_options', 'wp_4_deskhand_jobs', 'wp_11_options', 'wp_11_deskhand_documents', 'wp_x_deskhand_jobs', 'wp2_deskhand_jobs', 'wp_3_deskhand_jobs_archive', 'wp_deskhand_extra', 'wpx3_deskhand_jobs'];
    foreach ($others as $table) {
        $wpdb->query("CREATE TABLE $table (id int)");
    }
    \\Deskhand\\Install\\Lifecycle::uninstallEverywhere();
    $left = array_values(preg_grep('/deskhand/', $wpdb->get_col('SHOW TABLES')));
    sort($left);
    $kept = array_values(preg_grep('/deskhand/', $others));
    sort($kept);
    return [...$told, $left === $kept ? 'only what is others\\'' : $left];`);
  assert.deepEqual(told, [['wp_2_', 'wp_3_', 'wp_'], ['wp_3_', 'wp_'], ['wp_3_', 'wp_'], 'only what is others\'']);
});
