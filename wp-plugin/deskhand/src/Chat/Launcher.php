<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Connection\CredentialStore;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * The chat as a button on every page. Closed it loads one small script and asks for nothing.
 */
final class Launcher implements Part
{
    public function __construct(
        private readonly Settings $settings,
        private readonly CredentialStore $credentials,
        private readonly Embed $embed,
    ) {
    }

    public function register(): void
    {
        add_action('wp_enqueue_scripts', $this->enqueue(...));
        add_action('wp_footer', $this->show(...), 5);
    }

    private function isShown(): bool
    {
        $is = $this->settings->get('launcher') && $this->credentials->current() !== null
            && ($this->settings->get('access') === 'public' || is_user_logged_in());
        /**
         * Whether this page has the chat's button.
         *
         * @param bool $is
         */
        return (bool) apply_filters('deskhand_show_launcher', $is);
    }

    private function enqueue(): void
    {
        if ($this->isShown()) {
            Embed::load('deskhand-launcher', 'deskhand-launcher.js');
        }
    }

    private function show(): void
    {
        // One chat a page: where it stands in the text already, a button for it would be another one.
        if ($this->isShown() && !$this->embed->isOnPage()) {
            echo $this->embed->element([], 'launcher'); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there
        }
    }
}
