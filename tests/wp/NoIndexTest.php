<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Knowledge\Eligibility;

final class NoIndexTest extends TestCase
{
    private function head(int $post): string
    {
        $_SERVER['SERVER_NAME'] = 'shop.example';
        $GLOBALS['wp_query'] = $GLOBALS['wp_the_query'] = new \WP_Query(['p' => $post, 'post_type' => 'any']);
        $GLOBALS['post'] = get_post($post);
        ob_start();
        do_action('wp_head');
        return (string) ob_get_clean();
    }

    public function testACrawlIsToldOnThePageWhatIsLeftOut(): void
    {
        $sign = '<meta name="deskhand" content="noindex">';
        $post = self::post();
        self::assertStringNotContainsString($sign, $this->head($post));
        update_post_meta($post, Eligibility::EXCLUDED, 1);
        self::assertStringContainsString($sign, $this->head($post));
        delete_post_meta($post, Eligibility::EXCLUDED);
        add_filter('deskhand_members_only', '__return_true');
        self::assertStringContainsString($sign, $this->head($post));
        remove_filter('deskhand_members_only', '__return_true');
        $this->plugin->settings->save(['post_types' => ['page']]);
        self::assertStringContainsString($sign, $this->head($post), 'a kind that the settings leave out');
        $GLOBALS['wp_query'] = $GLOBALS['wp_the_query'] = new \WP_Query(['post_type' => 'post']);
        ob_start();
        do_action('wp_head');
        self::assertStringNotContainsString($sign, (string) ob_get_clean(), 'a list of posts');
    }
}
