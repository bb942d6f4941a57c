<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * Who may do what. An administrator may do all of it, also where roles were changed by hand.
 */
final class Capability
{
    public const ADMIN = 'deskhand_admin';
    public const STAFF = 'deskhand_staff';

    public static function isAdmin(): bool
    {
        return current_user_can(self::ADMIN) || current_user_can('manage_options');
    }

    public static function isStaff(): bool
    {
        return current_user_can(self::STAFF) || self::isAdmin();
    }

    /** What a menu's page asks for: whichever of the two the user has. */
    public static function forMenu(): string
    {
        return current_user_can('manage_options') ? 'manage_options' : self::ADMIN;
    }
}
