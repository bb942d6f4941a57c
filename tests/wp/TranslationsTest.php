<?php

declare(strict_types=1);

namespace Deskhand\Tests;

/**
 * The translations that ship: complete, and read by WordPress.
 */
final class TranslationsTest extends TestCase
{
    private const FOLDER = __DIR__ . '/../../wp-plugin/deskhand/languages';

    /** @return array<string, list<string>> the texts of a .po or .pot: the plural under the singular */
    private static function po(string $name): array
    {
        $texts = [];
        foreach (explode("\n\n", (string) file_get_contents(self::FOLDER . "/$name")) as $block) {
            preg_match_all('/^(msgid|msgid_plural|msgstr(?:\[\d\])?) "(.*)"$/m', $block, $found, PREG_SET_ORDER);
            $fields = array_map(static fn (array $f): string => stripcslashes($f[2]), array_column($found, null, 1));
            if (($fields['msgid'] ?? '') !== '') {
                $texts[$fields['msgid']] = $fields;
            }
        }
        return $texts;
    }

    /** The source is read another way than by what makes the .pot. */
    public function testEveryTextOfTheSourceIsInThePot(): void
    {
        $pot = self::po('deskhand.pot');
        $count = 0;
        foreach (new \RegexIterator(new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(dirname(DESKHAND_FILE))), '/\.(php|js)$/') as $file) {
            if (str_contains((string) $file, '/languages/')) {
                continue;
            }
            preg_match_all('/\b(?:esc_(?:html|attr)_)?_[_en]\(\s*\'((?:[^\'\\\\]|\\\\.)*)\'/', (string) file_get_contents((string) $file), $found);
            foreach ($found[1] as $text) {
                self::assertArrayHasKey(str_replace("\\'", "'", $text), $pot, "$file; ./dev words");
                $count++;
            }
        }
        self::assertGreaterThan(500, $count);
    }

    public function testTheGermanIsCompleteAndKeepsPlaces(): void
    {
        $german = self::po('deskhand-de_DE.po');
        self::assertSame(array_keys(self::po('deskhand.pot')), array_keys($german));
        $places = static function (string $text): array {
            preg_match_all('/%(?:\d\$)?[sd]|\{\w+\}|<[^>]+>/', $text, $found);
            sort($found[0]);
            return $found[0];
        };
        foreach ($german as $text => $fields) {
            $pairs = isset($fields['msgid_plural'])
                ? [[$text, $fields['msgstr[0]']], [$fields['msgid_plural'], $fields['msgstr[1]']]]
                : [[$text, $fields['msgstr']]];
            foreach ($pairs as [$from, $to]) {
                self::assertNotSame('', $to, $from);
                self::assertSame($places($from), $places($to), $from);
            }
        }
    }

    /** What WordPress reads is made of the .po. */
    public function testTheFilesThatWordPressReadsAreOfThePo(): void
    {
        $mo = new \MO();
        self::assertTrue($mo->import_from_file(self::FOLDER . '/deskhand-de_DE.mo'));
        $php = require self::FOLDER . '/deskhand-de_DE.l10n.php';
        $scripts = [];
        foreach (glob(self::FOLDER . '/deskhand-de_DE-*.json') as $file) {
            $scripts += array_filter(json_decode((string) file_get_contents($file), true)['locale_data']['messages'], 'array_is_list');
        }
        self::assertGreaterThan(30, count($scripts));
        foreach (self::po('deskhand-de_DE.po') as $text => $fields) {
            if (isset($fields['msgid_plural'])) {
                self::assertSame("{$fields['msgstr[0]']}\0{$fields['msgstr[1]']}", $php['messages'][$text]);
                self::assertSame($fields['msgstr[1]'], $mo->translate_plural($text, $fields['msgid_plural'], 2));
            } elseif (isset($php['messages'][$text])) {
                self::assertSame($fields['msgstr'], $php['messages'][$text], './dev words');
                self::assertSame($fields['msgstr'], $mo->translate($text), './dev words');
                self::assertSame($fields['msgstr'], $scripts[$text][0] ?? $fields['msgstr'], './dev words');
            }
        }
        // Each script that says something has a file.
        foreach (new \RegexIterator(new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(dirname(DESKHAND_FILE))), '/\.js$/') as $file) {
            preg_match_all('/\b__\(\s*\'((?:[^\'\\\\]|\\\\.)*)\',\s*\'deskhand\'/', (string) file_get_contents((string) $file), $found);
            foreach ($found[1] as $text) {
                self::assertArrayHasKey(str_replace("\\'", "'", $text), $scripts, (string) $file);
            }
        }
    }

    /** @dataProvider locales */
    public function testAGermanSiteSpeaksGerman(string $locale, string $words, string $script): void
    {
        $this->connect();
        $set = static fn (): string => $locale;
        add_filter('locale', $set);
        unload_textdomain('deskhand', true);
        wp_register_script('deskhand-admin', plugins_url('assets/admin/admin.js', DESKHAND_FILE), ['wp-i18n']);
        try {
            self::assertSame($words, __('Please log in to chat with us.', 'deskhand'));
            self::assertStringContainsString($script, (string) load_script_textdomain('deskhand-admin', 'deskhand', dirname(DESKHAND_FILE) . '/languages'));
        } finally {
            wp_deregister_script('deskhand-admin');
            remove_filter('locale', $set);
            unload_textdomain('deskhand', true);
        }
    }

    public function locales(): iterable
    {
        $words = 'Bitte melden Sie sich an, um mit uns zu chatten.';
        yield ['de_DE', $words, 'Alles ist, wie es sein soll.'];
        yield ['de_AT', $words, 'Alles ist, wie es sein soll.'];
        yield ['de_DE_formal', $words, 'Alles ist, wie es sein soll.'];
        yield ['en_US', 'Please log in to chat with us.', ''];
    }
}
