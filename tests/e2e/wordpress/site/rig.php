<?php

/**
 * What tests need of their WordPress: no mail, no look for updates.
 */

add_filter('pre_wp_mail', static function ($sent, array $mail): bool {
    file_put_contents(ABSPATH . 'mail.jsonl', json_encode($mail) . "\n", FILE_APPEND | LOCK_EX);
    return true;
}, 10, 2);
foreach (['pre_site_transient_update_core', 'pre_site_transient_update_plugins', 'pre_site_transient_update_themes'] as $filter) {
    add_filter($filter, static fn (): object => (object) ['last_checked' => time(), 'updates' => [], 'response' => [], 'checked' => [], 'version_checked' => wp_get_wp_version()]);
}
add_filter('wp_is_application_passwords_available', '__return_true');
add_action('init', static function (): void {
    foreach (['wp_version_check', 'wp_update_plugins', 'wp_update_themes'] as $look) {
        remove_all_actions($look);
    }
}, 99);
