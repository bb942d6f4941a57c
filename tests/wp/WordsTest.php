<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Chat\Words;

final class WordsTest extends TestCase
{
    public function testTheEnglishIsTheWidgets(): void
    {
        $script = (string) file_get_contents(dirname(DESKHAND_FILE) . '/assets/deskhand-en.js');
        preg_match_all('/^\t(\w+): \'(.*)\',$/m', $script, $found);
        self::assertGreaterThan(50, count($found[1]));
        self::assertSame(array_combine($found[1], str_replace("\\'", "'", $found[2])), Words::all());
    }

    public function testOnlyTranslatedWordsOfOtherLanguagesAreOnAPage(): void
    {
        self::assertSame([], Words::of('en_GB'));
        self::assertSame([], Words::of('de_AT'));
        self::assertSame([], Words::of('fr_FR'), 'nobody has translated them');
        // As a language pack does it.
        $file = wp_tempnam('deskhand') . '.l10n.php';
        file_put_contents($file, "<?php return ['messages' => ['Send' => 'Envoyer', 'Close' => 'Fermer \"<']];");
        self::assertTrue(\WP_Translation_Controller::get_instance()->load_file($file, 'deskhand'));
        $GLOBALS['l10n']['deskhand'] = new \WP_Translations(\WP_Translation_Controller::get_instance(), 'deskhand');
        try {
            self::assertSame('Envoyer', Words::of('fr_FR')['send']);
            add_filter('determine_locale', $french = static fn (): string => 'fr_FR');
            $this->connect();
            $html = do_shortcode('[deskhand_chat]');
            self::assertStringContainsString('&quot;send&quot;:&quot;Envoyer&quot;', $html);
            self::assertStringNotContainsString('"<', substr($html, (int) strpos($html, 'strings=') + 9, 2000));
        } finally {
            remove_filter('determine_locale', $french);
            unload_textdomain('deskhand');
            unlink($file);
        }
    }
}
