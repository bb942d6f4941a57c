<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Part;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * Deskhand's pages in wp-admin. Other parts hook theirs in below `SLUG`.
 */
final class Menu implements Part
{
    public const SLUG = 'deskhand';

    public function __construct(
        private readonly SettingsPage $settings,
        private readonly JobsPage $jobs,
        private readonly UsagePage $usage,
        private readonly EventsPage $events,
        private readonly Handoffs $handoffs,
    ) {
    }

    public function register(): void
    {
        add_action('admin_menu', $this->pages(...), 9);
        add_action('admin_menu', $this->waiting(...), 99);
        add_action('admin_enqueue_scripts', $this->assets(...));
        add_filter('plugin_action_links_' . plugin_basename(DESKHAND_FILE), static function (array $links): array {
            array_unshift($links, '<a href="' . esc_url(self::url()) . '">' . esc_html__('Settings', 'deskhand') . '</a>');
            return $links;
        });
    }

    /** @param array<string, string> $query */
    public static function url(string $page = '', array $query = []): string
    {
        return add_query_arg(['page' => $page === '' ? self::SLUG : self::SLUG . "-$page"] + $query, admin_url('admin.php'));
    }

    private function pages(): void
    {
        $icon = 'data:image/svg+xml;base64,' . base64_encode('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><path fill="#a7aaad" d="M3 3h14l1 1v9l-1 1H9.4L5 17.6V14H3l-1-1V4zm2.5 3.2v1.6h9V6.2zm0 3.4v1.6h6V9.6z"/></svg>');
        add_menu_page(__('Deskhand', 'deskhand'), __('Deskhand', 'deskhand'), Capability::forMenu(), self::SLUG, $this->settings->show(...), $icon, 58);
        add_submenu_page(self::SLUG, __('Deskhand settings', 'deskhand'), __('Settings', 'deskhand'), Capability::forMenu(), self::SLUG);
        add_submenu_page(self::SLUG, __('AI jobs', 'deskhand'), __('AI jobs', 'deskhand'), Capability::forMenu(), self::SLUG . '-jobs', $this->jobs->show(...));
        add_submenu_page(self::SLUG, __('Events', 'deskhand'), __('Events', 'deskhand'), Capability::forMenu(), self::SLUG . '-events', $this->events->show(...));
        add_submenu_page(self::SLUG, __('Usage', 'deskhand'), __('Usage', 'deskhand'), Capability::forMenu(), self::SLUG . '-usage', $this->usage->show(...));
    }

    /** How many conversations wait, beside the menu's title. */
    private function waiting(): void
    {
        global $menu;
        // Added here, since WordPress names the pages below after the menu's title.
        foreach ((array) $menu as $at => $entry) {
            if (($entry[2] ?? '') === self::SLUG) {
                $menu[$at][0] .= $this->handoffs->bubble(); // phpcs:ignore WordPress.WP.GlobalVariablesOverride -- there is no other way
            }
        }
    }

    private function assets(string $hook): void
    {
        if (!str_contains($hook, self::SLUG)) {
            return;
        }
        wp_enqueue_style('deskhand-admin', plugins_url('assets/admin/admin.css', DESKHAND_FILE), [], DESKHAND_VERSION);
        wp_enqueue_script('deskhand-admin', plugins_url('assets/admin/admin.js', DESKHAND_FILE), ['wp-api-fetch', 'wp-i18n', 'wp-a11y'], DESKHAND_VERSION, ['in_footer' => true, 'strategy' => 'defer']);
        Translations::ofScript('deskhand-admin');
    }
}
