<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\CredentialStore;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * When somebody is in, to be written: assets/admin/hours.js asks the backend for it, after the page is there.
 */
final class HoursForm
{
    public function __construct(private readonly CredentialStore $store)
    {
    }

    public function show(): void
    {
        echo '<div class="deskhand-card">';
        if ($this->store->current() === null) {
            echo '<p>' . esc_html__('Connect this site first: your backend keeps what is chosen here.', 'deskhand') . '</p></div>';
            return;
        }
        wp_enqueue_script('deskhand-hours', plugins_url('assets/admin/hours.js', DESKHAND_FILE), ['wp-api-fetch', 'wp-i18n', 'wp-a11y'], DESKHAND_VERSION, ['in_footer' => true]);
        Translations::ofScript('deskhand-hours');
        echo '<form id="deskhand-hours"><fieldset disabled><legend><h2>' . esc_html__('When somebody is in', 'deskhand') . '</h2></legend>';
        echo '<p class="description">' . esc_html__('Who asks for a person outside of these hours is told when somebody is back, and the time within which tickets are to be answered runs while somebody is in.', 'deskhand') . '</p>';
        echo '<table class="form-table" role="presentation">';
        self::row('hours', __('Opening hours', 'deskhand'), '<input type="text" class="regular-text" maxlength="500" %s>', sprintf(
            /* translators: %s: a time zone */
            __('Such as: Mon–Fri 9:00–17:00, Sat 10–14. In this site\'s time zone, %s. Empty: somebody is always in.', 'deskhand'),
            str_replace('_', ' ', wp_timezone_string()),
        ));
        self::row('closed', __('Closed on', 'deskhand'), '<textarea rows="3" class="regular-text" maxlength="2000" %s></textarea>', __('One a line, such as 2026-12-24, or 2026-12-24..2026-12-26.', 'deskhand'));
        self::row('away', __('When nobody is in', 'deskhand'), '<textarea rows="2" class="large-text" maxlength="300" %s></textarea>', __('Said in place of the usual sentence; {opens} stands for when somebody is back, such as “on Monday at 9:00”.', 'deskhand'));
        echo '</table><p><button type="submit" class="button button-primary">' . esc_html__('Save Changes', 'deskhand') . '</button></p></fieldset>';
        echo '<p role="status" class="deskhand-busy">' . esc_html__('Asking the backend…', 'deskhand') . '</p></form>';
        echo '<noscript><p>' . esc_html__('This needs JavaScript. The backend\'s operator can set it with "deskhand site set".', 'deskhand') . '</p></noscript></div>';
    }

    private static function row(string $name, string $label, string $field, string $help): void
    {
        $attributes = sprintf('name="%1$s" id="deskhand-%1$s-field" aria-describedby="deskhand-%1$s-help"', esc_attr($name));
        // phpcs:ignore WordPress.Security.EscapeOutput -- literals of this class, and escaped names
        printf('<tr><th scope="row"><label for="deskhand-%1$s-field">%2$s</label></th><td>%3$s<p class="description" id="deskhand-%1$s-help">%4$s</p></td></tr>', esc_attr($name), esc_html($label), sprintf($field, $attributes), esc_html($help));
    }
}
