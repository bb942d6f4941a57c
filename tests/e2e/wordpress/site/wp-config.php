<?php

/**
 * For a WordPress that only tests see: on loopback, on SQLite or MariaDB, without a way to the internet.
 */

$rig = json_decode((string) file_get_contents(__DIR__ . '/rig.json'), true);
foreach ($rig['constants'] as $name => $value) {
    define($name, $value);
}
define('DB_NAME', 'wordpress');
defined('DB_USER') || define('DB_USER', '');
define('DB_PASSWORD', '');
defined('DB_HOST') || define('DB_HOST', '');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('DB_DIR', __DIR__ . '/database/');
define('DB_FILE', 'wordpress.sqlite');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $name) {
    define($name, hash('sha256', $name . $rig['salt']));
}
define('WP_HOME', $rig['url']);
define('WP_SITEURL', $rig['url']);
define('WP_ENVIRONMENT_TYPE', 'local');
define('WP_DEBUG', true);
define('WP_DEBUG_DISPLAY', false);
define('WP_DEBUG_LOG', __DIR__ . '/debug.log');
define('SCRIPT_DEBUG', false);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', '127.0.0.1,localhost');
define('AUTOMATIC_UPDATER_DISABLED', true);
// On a busy machine the request that starts cron may be lost; another may be made sooner than after a minute.
defined('WP_CRON_LOCK_TIMEOUT') || define('WP_CRON_LOCK_TIMEOUT', 5);
define('DISALLOW_FILE_EDIT', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
