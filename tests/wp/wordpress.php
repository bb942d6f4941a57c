<?php

/**
 * Loads the WordPress that DESKHAND_TEST_SITE names before PHPUnit, at the top level, where WordPress's globals belong.
 */

$_SERVER['HTTP_HOST'] = getenv('DESKHAND_RIG_HOST');
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['REMOTE_ADDR'] = '192.0.2.1';
define('DISABLE_WP_CRON', true);
require getenv('DESKHAND_TEST_SITE') . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
