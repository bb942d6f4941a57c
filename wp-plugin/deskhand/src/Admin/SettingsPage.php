<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Connector;
use Deskhand\Connection\Credentials;
use Deskhand\Connection\CredentialStore;
use Deskhand\Knowledge\Documents;
use Deskhand\Knowledge\Sender;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * The settings, in tabs.
 */
final class SettingsPage extends Page
{
    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials, private readonly Documents $documents)
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
        match ($tab) {
            'connection' => (new ConnectionForm($this->credentials))->show(),
            'rollout' => (new RolloutForm($this->credentials))->show(),
            'hours' => (new HoursForm($this->credentials))->show(),
            default => $this->fields($tab),
        };
        self::close();
    }

    private function fields(string $tab): void
    {
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_save"><input type="hidden" name="tab" value="' . esc_attr($tab) . '">';
        wp_nonce_field('deskhand_save');
        echo '<div class="deskhand-card"><table class="form-table" role="presentation">';
        $typed = self::typed($tab);
        foreach (Fields::of($tab) as $field) {
            Fields::row($field, $typed[$field['key']] ?? $this->settings->get($field['key']), isset($typed[$field['key']]));
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
        $given = array_intersect_key($given, array_flip($here));
        $wrong = Settings::wrong($given);
        $this->settings->save(array_diff_key($given, $wrong));
        if ($wrong !== []) {
            // What was typed is there again, to be mended.
            set_transient(self::typedBy(), [$tab, array_filter(array_intersect_key($given, $wrong), 'is_string')], MINUTE_IN_SECONDS);
            $labels = array_column(Fields::of($tab), 'label', 'key');
            self::leave('error', implode(' ', [
                __('Not everything was saved.', 'deskhand'),
                /* translators: 1: a field's name, 2: what is wrong with it */
                ...array_map(static fn (string $key): string => sprintf(__('%1$s: %2$s', 'deskhand'), $labels[$key], $wrong[$key]), array_keys($wrong)),
            ]));
            self::back($tab, '');
        }
        $forgotten = $tab === 'knowledge' ? $this->documents->countOfOtherKinds((array) $this->settings->get('post_types'), (bool) $this->settings->get('media')) : 0;
        if ($forgotten > 0) {
            self::leave('success', __('Saved.', 'deskhand') . ' ' . sprintf(
                /* translators: %s: a number */
                _n('%s page or file is of a kind that isn\'t ticked any more: the chat is made to forget it, in the background.', '%s pages and files are of kinds that aren\'t ticked any more: the chat is made to forget them, in the background.', $forgotten, 'deskhand'),
                number_format_i18n($forgotten),
            ));
            self::back($tab, '');
        }
        self::back($tab, 'saved');
    }

    private static function typedBy(): string
    {
        return 'deskhand_typed_' . get_current_user_id();
    }

    /** @return array<string, mixed> what was typed and couldn't be saved, once */
    private static function typed(string $tab): array
    {
        $typed = get_transient(self::typedBy());
        delete_transient(self::typedBy());
        return is_array($typed) && ($typed[0] ?? '') === $tab && is_array($typed[1] ?? null) ? $typed[1] : [];
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
