<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Address;
use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Credentials;

defined('ABSPATH') || exit;

/**
 * Connecting: the backend's address, and what `deskhand site add` printed, pasted as it is.
 */
final class ConnectionForm
{
    public function __construct(private readonly CredentialStore $store)
    {
    }

    /**
     * What was pasted, as text or JSON; the secret is never shown again.
     *
     * @return Credentials|string the credentials, or what is wrong with them
     */
    public static function read(string $url, string $pasted): Credentials|string
    {
        $found = json_decode(trim($pasted), true);
        if (!is_array($found)) {
            $find = static fn (string $label, string $value): string => preg_match("/^\\s*$label\\s*[:=]?\\s+($value)\\b/mi", $pasted, $m) ? $m[1] : '';
            $found = [
                'site_id' => $find('Site(?: ?id)?', '[0-9a-fA-F-]{36}'),
                'kid' => $find('Key ?id', '[\w-]{1,64}'),
                'secret' => $find('Secret', '[0-9a-fA-F]{64}'),
            ];
        }
        $text = static fn (string $name): string => is_string($found[$name] ?? null) ? $found[$name] : '';
        if ($text('site_id') === '' && $text('kid') === '' && $text('secret') === '') {
            return __('Paste all that "deskhand site add" printed: the lines that begin with Site, Key id and Secret.', 'deskhand');
        }
        $address = Address::check($url, false);
        return $address instanceof \WP_Error
            ? $address->get_error_message()
            : Credentials::of($address, $text('site_id'), $text('kid'), $text('secret'), false);
    }

    public function show(): void
    {
        $as = $this->store->current();
        echo '<div class="deskhand-card">';
        if ($as !== null) {
            $this->connected($as);
        } elseif ($this->store->problem() !== '') {
            echo '<div class="notice notice-error inline"><p>' . esc_html($this->store->problem()) . '</p></div>';
        } else {
            echo '<h2>' . esc_html__('Connect this site', 'deskhand') . '</h2>';
            echo '<p>' . esc_html__('Two values connect this site to your deskhand: its address, and what it prints when you add this site to it.', 'deskhand') . '</p>';
        }
        if (!$this->store->isFixed()) {
            $this->form($as);
        }
        echo '</div>';
    }

    private function connected(Credentials $as): void
    {
        echo '<h2>' . esc_html__('Connection', 'deskhand') . '</h2><dl class="deskhand-facts">';
        foreach ([__('Backend', 'deskhand') => $as->url, __('Site (issuer)', 'deskhand') => $as->siteId, __('Key id', 'deskhand') => $as->keyId] as $name => $value) {
            printf('<div><dt>%s</dt><dd><code>%s</code></dd></div>', esc_html($name), esc_html($value));
        }
        echo '<div><dt>' . esc_html__('Secret', 'deskhand') . '</dt><dd>' . esc_html($as->fixed
            ? __('in wp-config.php or the environment', 'deskhand')
            : __('sealed in the database', 'deskhand')) . '</dd></div></dl>';
        if ($this->store->hasNeedlessCopy()) {
            self::copy();
        }
        printf(
            '<p><button type="button" class="button button-primary" id="deskhand-test" data-backend="%s" data-session="%s" data-token="%s">%s</button></p><div id="deskhand-checks" role="status"></div>',
            esc_attr($as->url),
            esc_attr(rest_url('deskhand/v1/session')),
            esc_attr(rest_url('deskhand/v1/token')),
            esc_html__('Test connection', 'deskhand'),
        );
        // The command is the backend's.
        printf('<p class="description">%s <code>deskhand inbox list</code></p>', esc_html__('Conversations that wait for your team are read and answered on the backend\'s machine:', 'deskhand'));
    }

    /** The secret was moved out of the database, and is still there. */
    private static function copy(): void
    {
        echo '<div class="notice notice-warning inline"><p>' . esc_html__('A copy of the connection, with its secret, still lies sealed in the database. It isn\'t used while wp-config.php or the environment connects this site.', 'deskhand') . '</p>';
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_forget_copy">';
        wp_nonce_field('deskhand_forget_copy');
        echo '<p>';
        submit_button(__('Delete the copy', 'deskhand'), 'secondary', 'submit', false);
        echo '</p></form></div>';
    }

    private function form(?Credentials $as): void
    {
        $inside = $as !== null || $this->store->problem() !== '';
        // phpcs:ignore WordPress.Security.NonceVerification -- what was typed before, shown once more
        $typed = isset($_GET['address']) && is_string($_GET['address']) ? sanitize_text_field(wp_unslash($_GET['address'])) : '';
        if ($inside) {
            echo '<details' . ($as === null ? ' open' : '') . '><summary>' . esc_html__('Change the connection', 'deskhand') . '</summary>';
        }
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '" autocomplete="off"><input type="hidden" name="action" value="deskhand_connect">';
        wp_nonce_field('deskhand_connect');
        printf(
            '<p><label for="deskhand-url"><strong>%s</strong></label><br><input type="url" class="regular-text code" id="deskhand-url" name="url" required placeholder="https://desk.example.com" value="%s"></p>',
            esc_html__('Address of your deskhand', 'deskhand'),
            esc_attr($typed ?: ($as->url ?? '')),
        );
        printf(
            '<p><label for="deskhand-pasted"><strong>%s</strong></label><br><span class="description" id="deskhand-pasted-help">%s <code>deskhand site add %s</code></span><br><textarea class="large-text code" id="deskhand-pasted" name="pasted" rows="4" required spellcheck="false" aria-describedby="deskhand-pasted-help" placeholder="%s"></textarea></p>',
            esc_html__('What it printed', 'deskhand'),
            esc_html__('Run this on its machine, and paste all that it prints:', 'deskhand'),
            esc_html(home_url()),
            esc_attr("Site    …\nKey id  …\nSecret  …"),
        );
        submit_button(__('Connect', 'deskhand'), $inside ? 'secondary' : 'primary', 'submit', false);
        echo '</form>';
        if ($as !== null) {
            // A press asks first: opening this is no harm, and works without scripts.
            echo '<details class="deskhand-disconnect"><summary>' . esc_html__('Disconnect…', 'deskhand') . '</summary>';
            echo '<p>' . esc_html__('The chat leaves this site\'s pages, and the secret is deleted here; it can\'t be shown again. The backend keeps what it knows.', 'deskhand') . '</p>';
            echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '"><input type="hidden" name="action" value="deskhand_disconnect">';
            wp_nonce_field('deskhand_disconnect');
            submit_button(__('Yes, disconnect this site', 'deskhand'), 'link-delete', 'submit', false);
            echo '</form></details>';
        }
        if ($inside) {
            echo '</details>';
        }
    }
}
