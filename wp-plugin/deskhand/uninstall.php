<?php

/**
 * Leaves nothing behind, on any site of a network. What the backend holds is the operator's to erase.
 */

defined('WP_UNINSTALL_PLUGIN') || exit;

if (PHP_VERSION_ID >= 80100) {
    require __DIR__ . '/src/autoload.php';
    \Deskhand\Install\Lifecycle::uninstallEverywhere();
}
