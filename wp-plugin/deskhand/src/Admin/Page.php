<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;

defined('ABSPATH') || exit;

/**
 * What Deskhand's pages have in common: the frame, and one word after an act.
 */
abstract class Page
{
    abstract public function show(): void;

    protected static function open(string $title): void
    {
        echo '<div class="wrap deskhand"><h1>' . esc_html($title) . '</h1><hr class="wp-header-end">';
        // phpcs:ignore WordPress.Security.NonceVerification -- chooses one of our own sentences
        self::word(isset($_GET['done']) ? sanitize_key($_GET['done']) : '');
    }

    protected static function close(): void
    {
        echo '</div>';
    }

    public static function notice(string $kind, string $text): void
    {
        printf('<div class="notice notice-%s is-dismissible"><p>%s</p></div>', esc_attr($kind), esc_html($text));
    }

    /** Leaves a note for the next page of this user; refusals quote what was wrong. */
    public static function leave(string $kind, string $text): void
    {
        set_transient('deskhand_note_' . get_current_user_id(), [$kind, $text], MINUTE_IN_SECONDS);
    }

    /** Ends if the user may not, or the form isn't from one of our own pages. */
    public static function mustBeAllowed(string $act): void
    {
        if (!Capability::isAdmin()) {
            wp_die(esc_html__('Your account may not do this.', 'deskhand'), '', ['response' => 403]);
        }
        check_admin_referer($act);
    }

    private static function word(string $done): void
    {
        $note = get_transient('deskhand_note_' . get_current_user_id());
        if (is_array($note) && count($note) === 2) {
            delete_transient('deskhand_note_' . get_current_user_id());
            self::notice(...array_map('strval', $note));
            return;
        }
        $words = [
            'saved' => __('Saved.', 'deskhand'),
            'disconnected' => __('Disconnected. The backend still has what it knew; its operator can delete that with "deskhand docs rm" and "deskhand erase".', 'deskhand'),
            'forgotten' => __('The copy in the database was deleted. The site stays connected by wp-config.php or the environment.', 'deskhand'),
            'again' => __('The job will be sent again.', 'deskhand'),
            'event_again' => __('The event will be sent again.', 'deskhand'),
            'event_gone' => __('The event was deleted.', 'deskhand'),
        ];
        if (isset($words[$done])) {
            self::notice('success', $words[$done]);
        }
    }
}
