<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * Reads a post as a visitor without an account would: blocks and shortcodes are done, and plugins that guard content
 * see nobody logged in.
 */
final class Reader
{
    public static bool $isReading = false;

    public function read(\WP_Post $post): string
    {
        $user = get_current_user_id();
        $before = $GLOBALS['post'] ?? null;
        wp_set_current_user(0);
        self::$isReading = true;
        try {
            $GLOBALS['post'] = $post;
            setup_postdata($post);
            $content = (string) apply_filters('the_content', $post->post_content);
            $lead = has_excerpt($post) ? wpautop(wp_kses_post($post->post_excerpt)) : '';
            $html = $lead . $content . $this->facts($post);
        } finally {
            self::$isReading = false;
            wp_set_current_user($user);
            $GLOBALS['post'] = $before;
            if ($before instanceof \WP_Post) {
                setup_postdata($before);
            }
        }
        /**
         * The HTML of a post that is taken in.
         *
         * @param string $html
         * @param \WP_Post $post
         */
        $html = (string) apply_filters('deskhand_content', $html, $post);
        return trim($html) === '' ? '<p>' . esc_html(get_the_title($post)) . '</p>' : $html;
    }

    /** What a shop knows of a product beside its text. */
    private function facts(\WP_Post $post): string
    {
        if ($post->post_type !== 'product' || !function_exists('wc_get_product')) {
            return '';
        }
        $product = wc_get_product($post->ID);
        if (!$product instanceof \WC_Product) {
            return '';
        }
        $facts = array_filter([
            __('Price', 'deskhand') => wp_strip_all_tags(html_entity_decode((string) $product->get_price_html())),
            __('Article number', 'deskhand') => (string) $product->get_sku(),
        ], static fn (string $v): bool => trim($v) !== '');
        $html = '';
        foreach ($facts as $name => $value) {
            $html .= '<li>' . esc_html("$name: $value") . '</li>';
        }
        return $html === '' ? '' : "<ul>$html</ul>";
    }
}
