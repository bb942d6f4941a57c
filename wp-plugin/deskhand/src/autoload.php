<?php

/**
 * Finds the plugin's classes: Deskhand\Chat\Token is src/Chat/Token.php.
 */

declare(strict_types=1);

defined('ABSPATH') || exit;

spl_autoload_register(static function (string $class): void {
    if (!str_starts_with($class, 'Deskhand\\')) {
        return;
    }
    $file = __DIR__ . '/' . strtr(substr($class, strlen('Deskhand\\')), '\\', '/') . '.php';
    if (is_file($file)) {
        require $file;
    }
});
