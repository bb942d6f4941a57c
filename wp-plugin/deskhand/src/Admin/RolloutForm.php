<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\CredentialStore;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * How far the agent may go, to choose: assets/admin/rollout.js asks the backend what is chosen, after the page is there.
 */
final class RolloutForm
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
        wp_enqueue_script('deskhand-rollout', plugins_url('assets/admin/rollout.js', DESKHAND_FILE), ['wp-api-fetch', 'wp-i18n', 'wp-a11y'], DESKHAND_VERSION, ['in_footer' => true]);
        Translations::ofScript('deskhand-rollout');
        echo '<form id="deskhand-rollout"><fieldset disabled aria-describedby="deskhand-rollout-help"><legend><h2>' . esc_html__('How far the agent may go', 'deskhand') . '</h2></legend>';
        echo '<p class="description" id="deskhand-rollout-help">' . esc_html__('Begin with the first, read what it would have said, and go on when you like it. A change counts from the next message on.', 'deskhand') . '</p>';
        foreach (self::modes() as $mode => [$label, $help]) {
            printf(
                '<p><label><input type="radio" name="mode" value="%1$s" aria-describedby="deskhand-rollout-%1$s"> <strong>%2$s</strong></label><br><span class="description" id="deskhand-rollout-%1$s">%3$s</span></p>',
                esc_attr($mode),
                esc_html($label),
                esc_html($help),
            );
        }
        echo '<p><button type="submit" class="button button-primary">' . esc_html__('Save Changes', 'deskhand') . '</button></p></fieldset>';
        echo '<p role="status" class="deskhand-busy">' . esc_html__('Asking the backend…', 'deskhand') . '</p></form>';
        echo '<noscript><p>' . esc_html__('This needs JavaScript. The backend\'s operator can set it with "deskhand site mode".', 'deskhand') . '</p></noscript></div>';
    }

    /** @return array<string, array{string, string}> what each is called, and what it means */
    private static function modes(): array
    {
        return [
            'shadow' => [__('Shadow: your team answers', 'deskhand'), __('The agent drafts, and visitors see nothing of it until somebody of your team sends the draft, as it is or changed. Orders may be looked up, nothing is changed.', 'deskhand')],
            'assist' => [__('Assist: the agent answers', 'deskhand'), __('It answers from your pages, looks up orders, opens tickets and hands over to your team. It refunds nothing and changes no address.', 'deskhand')],
            'full' => [__('Full: it also refunds and changes addresses', 'deskhand'), __('For customers who have shown who they are, within your refund policy, each time with the customer\'s own yes to exactly that; above your limit, or always if you have it so, somebody of your team approves.', 'deskhand')],
        ];
    }
}
