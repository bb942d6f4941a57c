<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * The translations that come with the plugin, for pages and for scripts. Language packs of WordPress's own go before.
 */
final class Translations implements Part
{
    private const FOLDER = 'languages';
    /** Of a language that has no file for a country or a form of address, this one is read. */
    private const OTHERWISE = ['de' => 'de_DE'];

    public function register(): void
    {
        // Nothing is said before.
        add_action('init', static fn () => load_plugin_textdomain('deskhand', false, dirname(plugin_basename(DESKHAND_FILE)) . '/' . self::FOLDER), 0);
        add_filter('load_textdomain_mofile', static fn ($file, $domain) => $domain === 'deskhand' ? self::nearest((string) $file, 'mo') : $file, 10, 2);
        add_filter('load_script_translation_file', static fn ($file, $handle, $domain) => $domain === 'deskhand' && is_string($file) ? self::nearest($file, 'json') : $file, 10, 3);
    }

    /** Gives a script that is registered its translations. */
    public static function ofScript(string $handle): void
    {
        wp_set_script_translations($handle, 'deskhand', dirname(DESKHAND_FILE) . '/' . self::FOLDER);
    }

    private static function nearest(string $file, string $kind): string
    {
        if (is_readable($file) || ($kind === 'mo' && is_readable(substr($file, 0, -3) . '.l10n.php'))) {
            return $file;
        }
        if (!preg_match('/^deskhand-([a-z]{2,3})_\w+?(-.*)?\.' . $kind . '$/', basename($file), $found) || !isset(self::OTHERWISE[$found[1]])) {
            return $file;
        }
        return dirname(DESKHAND_FILE) . '/' . self::FOLDER . '/deskhand-' . self::OTHERWISE[$found[1]] . ($found[2] ?? '') . ".$kind";
    }
}
