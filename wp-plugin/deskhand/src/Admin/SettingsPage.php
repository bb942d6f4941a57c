<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Connector;
use Deskhand\Connection\Credentials;
use Deskhand\Connection\CredentialStore;
use Deskhand\Knowledge\Sender;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * The settings, in tabs.
 */
final class SettingsPage extends Page
{
    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials)
    {
        add_action('admin_post_deskhand_save', $this->save(...));
        add_action('admin_post_deskhand_connect', $this->connect(...));
        add_action('admin_post_deskhand_disconnect', $this->disconnect(...));
        add_action('admin_post_deskhand_forget_copy', $this->forgetCopy(...));
    }

    public function show(): void
    {
        $tab = self::tab();
        self::open(__('Deskhand', 'deskhand'));
        echo '<nav class="nav-tab-wrapper" aria-label="' . esc_attr__('Settings', 'deskhand') . '">';
        foreach (Fields::tabs() as $name => $label) {
            printf('<a class="nav-tab%s" href="%s"%s>%s</a>', $name === $tab ? ' nav-tab-active' : '', esc_url(Menu::url('', ['tab' => $name])), $name === $tab ? ' aria-current="page"' : '', esc_html($label));
        }
        echo '</nav>';
        $tab === 'connection' ? (new ConnectionForm($this->credentials))->show() : $this->fields($tab);
        self::close();
    }

    private function fields(string $tab): void
    {
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_save"><input type="hidden" name="tab" value="' . esc_attr($tab) . '">';
        wp_nonce_field('deskhand_save');
        echo '<div class="deskhand-card"><table class="form-table" role="presentation">';
        foreach (Fields::of($tab) as $field) {
            Fields::row($field, $this->settings);
        }
        echo '</table></div>';
        submit_button();
        echo '</form>';
    }

    private static function tab(): string
    {
        // phpcs:ignore WordPress.Security.NonceVerification -- which tab is shown
        $tab = isset($_GET['tab']) && is_string($_GET['tab']) ? sanitize_key($_GET['tab']) : '';
        return isset(Fields::tabs()[$tab]) ? $tab : 'connection';
    }

    private function save(): void
    {
        self::mustBeAllowed('deskhand_save');
        // phpcs:disable WordPress.Security -- checked above; each value is cleaned by Settings::table()
        $tab = isset($_POST['tab']) && is_string($_POST['tab']) ? sanitize_key($_POST['tab']) : '';
        $given = isset($_POST['deskhand']) && is_array($_POST['deskhand']) ? wp_unslash($_POST['deskhand']) : [];
        // phpcs:enable
        $here = array_column(Fields::of($tab), 'key');
        $this->settings->save(array_intersect_key($given, array_flip($here)));
        self::back($tab, 'saved');
    }

    private function connect(): void
    {
        self::mustBeAllowed('deskhand_connect');
        // phpcs:disable WordPress.Security -- checked above; read by patterns
        $url = isset($_POST['url']) && is_string($_POST['url']) ? trim(wp_unslash($_POST['url'])) : '';
        $pasted = isset($_POST['pasted']) && is_string($_POST['pasted']) ? wp_unslash($_POST['pasted']) : '';
        // phpcs:enable
        $found = $this->credentials->isFixed()
            ? __('wp-config.php or the environment connects this site; change it there.', 'deskhand')
            : ConnectionForm::read(mb_substr($url, 0, 300), mb_substr($pasted, 0, 4000));
        [$kind, $text] = $found instanceof Credentials ? (new Connector($this->credentials))->connect($found) : ['error', $found];
        self::leave($kind, $text);
        if ($kind !== 'error') {
            Sender::resume();
            self::back('connection', '');
        }
        self::back('connection', '', ['address' => rawurlencode(mb_substr($url, 0, 300))]);
    }

    private function disconnect(): void
    {
        self::mustBeAllowed('deskhand_disconnect');
        $this->credentials->forget();
        self::back('connection', 'disconnected');
    }

    /** What lies in the database and isn't used any more. */
    private function forgetCopy(): void
    {
        self::mustBeAllowed('deskhand_forget_copy');
        if ($this->credentials->hasNeedlessCopy()) {
            $this->credentials->forget();
            self::back('connection', 'forgotten');
        }
        self::back('connection', '');
    }

    /** @param array<string, string> $more */
    private static function back(string $tab, string $done, array $more = []): never
    {
        wp_safe_redirect(Menu::url('', ['tab' => $tab] + $more + ($done === '' ? [] : ['done' => $done])));
        exit;
    }
}
