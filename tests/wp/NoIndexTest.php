<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Knowledge\Eligibility;
use Deskhand\Knowledge\NoIndex;

final class NoIndexTest extends TestCase
{
    private const SIGN = '<meta name="deskhand" content="noindex">';

    /** What this part alone puts into the head of a page. */
    private function head(array $query): string
    {
        self::assertNotFalse(has_action('wp_head'));
        $GLOBALS['wp_query'] = $GLOBALS['wp_the_query'] = new \WP_Query($query);
        $others = $GLOBALS['wp_filter']['wp_head'];
        unset($GLOBALS['wp_filter']['wp_head']);
        try {
            (new NoIndex($this->plugin->eligibility))->register();
            ob_start();
            do_action('wp_head');
            return (string) ob_get_clean();
        } finally {
            $GLOBALS['wp_filter']['wp_head'] = $others;
        }
    }

    public function testACrawlIsToldOnThePageWhatIsLeftOut(): void
    {
        $post = self::post();
        $page = ['p' => $post, 'post_type' => 'any'];
        self::assertSame('', $this->head($page));
        update_post_meta($post, Eligibility::EXCLUDED, 1);
        self::assertStringContainsString(self::SIGN, $this->head($page));
        delete_post_meta($post, Eligibility::EXCLUDED);
        add_filter('deskhand_members_only', '__return_true');
        self::assertStringContainsString(self::SIGN, $this->head($page));
        remove_filter('deskhand_members_only', '__return_true');
        $this->plugin->settings->save(['post_types' => ['page']]);
        self::assertStringContainsString(self::SIGN, $this->head($page), 'a kind that the settings leave out');
        self::assertSame('', $this->head(['post_type' => 'post']), 'a list of posts');
    }
}
