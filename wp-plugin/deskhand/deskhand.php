<?php

/**
 * Plugin Name:       Deskhand
 * Description:       A support agent that answers visitors from this site's own pages and files, with sources, and hands over to your team.
 * Version:           0.1.0
 * Requires at least: 6.4
 * Requires PHP:      8.1
 * Author:            The deskhand authors
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       deskhand
 * Domain Path:       /languages
 */

// Older PHP must be able to read this file: it has nothing newer in it.

defined('ABSPATH') || exit;

define('DESKHAND_VERSION', '0.1.0');
define('DESKHAND_FILE', __FILE__);

if (PHP_VERSION_ID < 80100) {
    add_action('admin_notices', function () {
        if (current_user_can('activate_plugins')) {
            echo '<div class="notice notice-error"><p>';
            echo esc_html__('Deskhand needs PHP 8.1 or newer. Ask your host to switch this site to it.', 'deskhand');
            echo '</p></div>';
        }
    });
    return;
}

require __DIR__ . '/src/autoload.php';
\Deskhand\Plugin::boot();
