<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * A part of the plugin: hooks itself into WordPress, and does nothing else until a hook calls.
 */
interface Part
{
    public function register(): void;
}
