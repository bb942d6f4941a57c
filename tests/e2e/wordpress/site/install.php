<?php

/**
 * Installs WordPress and activates the plugin, from the command line: install.php ROOT TITLE PASSWORD
 */

[, $root, $title, $password] = $argv;
$_SERVER['HTTP_HOST'] = getenv('DESKHAND_RIG_HOST');
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
define('WP_INSTALLING', true);
require "$root/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

// No mail leaves this machine.
function wp_new_blog_notification()
{
}

$done = wp_install($title, 'admin', 'admin@shop.example', true, '', $password);
if (is_wp_error($done)) {
    fwrite(STDERR, $done->get_error_message() . "\n");
    exit(1);
}
update_option('permalink_structure', getenv('DESKHAND_RIG_PERMALINKS') === 'plain' ? '' : '/%postname%/');
update_option('timezone_string', 'Europe/Vienna');
update_option('show_avatars', 0);
update_user_meta(1, 'show_welcome_panel', 0);
// No guided tour in the editor.
update_user_meta(1, $GLOBALS['wpdb']->get_blog_prefix() . 'persisted_preferences', [
    'core' => ['enableChoosePatternModal' => false, 'welcomeGuide' => false],
    'core/edit-post' => ['welcomeGuide' => false],
    '_modified' => gmdate('c'),
]);
flush_rewrite_rules();
foreach (array_filter(explode(',', (string) getenv('DESKHAND_RIG_PLUGINS'))) as $plugin) {
    $error = activate_plugin($plugin);
    if (is_wp_error($error)) {
        fwrite(STDERR, "$plugin: " . $error->get_error_message() . "\n");
        exit(1);
    }
}
