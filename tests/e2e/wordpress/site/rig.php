<?php

/**
 * What tests need of their WordPress: no mail, no look for updates.
 */

add_filter('pre_wp_mail', static function ($sent, array $mail): bool {
    file_put_contents(ABSPATH . 'mail.jsonl', json_encode($mail) . "\n", FILE_APPEND | LOCK_EX);
    return true;
}, 10, 2);
// WordPress's own look for news and updates is told to come another time.
add_filter('pre_http_request', static function ($before, array $args, string $url) {
    $isWordPress = str_ends_with('.' . wp_parse_url($url, PHP_URL_HOST), '.wordpress.org');
    return $isWordPress ? ['headers' => [], 'body' => '', 'response' => ['code' => 503, 'message' => 'Away'], 'cookies' => [], 'filename' => null] : $before;
}, 5, 3);
add_filter('wp_is_application_passwords_available', '__return_true');
add_action('init', static function (): void {
    foreach (['wp_version_check', 'wp_update_plugins', 'wp_update_themes'] as $look) {
        remove_all_actions($look);
    }
}, 99);

// A right-to-left site, without fetching a language.
add_action('init', static function (): void {
    if (($_GET['rig-dir'] ?? '') === 'rtl') {
        $GLOBALS['wp_locale']->text_direction = 'rtl';
    }
});

// A page that allows no inline script and no inline style, which WordPress's own pages need.
add_action('template_redirect', static function (): void {
    if (($_GET['rig'] ?? '') !== 'bare') {
        return;
    }
    $connect = esc_url_raw((string) ($_GET['connect'] ?? ''));
    header("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' $connect; base-uri 'none'; form-action 'none'");
    $chat = do_shortcode('[deskhand_chat]');
    echo '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bare</title><link rel="icon" href="data:,">';
    wp_styles()->do_items(['deskhand-page']);
    echo "</head><body><main><h1>Bare</h1>$chat</main>";
    wp_script_modules()->print_enqueued_script_modules();
    echo '</body></html>';
    exit;
});

// The cheapest request that WordPress's REST API can answer, to measure others by.
add_action('rest_api_init', static function (): void {
    register_rest_route('rig/v1', '/nothing', ['methods' => 'GET', 'callback' => static fn (): array => [], 'permission_callback' => '__return_true']);
});
add_action('wp_dashboard_setup', static fn () => remove_meta_box('dashboard_primary', 'dashboard', 'side'));
