<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Who manages the site manages Deskhand too, whatever roles there are.
 */
final class Capability implements Part
{
    public const ADMIN = 'deskhand_admin';
    public const STAFF = 'deskhand_staff';

    public function register(): void
    {
        add_filter('user_has_cap', static function (array $has): array {
            if (!empty($has['manage_options'])) {
                $has[self::ADMIN] = $has[self::STAFF] = true;
            }
            return $has;
        });
    }
}
