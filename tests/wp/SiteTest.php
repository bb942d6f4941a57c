<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Install\Lifecycle;
use Deskhand\Install\Schema;
use Deskhand\Knowledge\Eligibility;
use Deskhand\Knowledge\Sender;

/**
 * The plugin as a part of its site: installing and leaving, editors' boxes, admin routes.
 */
final class SiteTest extends TestCase
{
    /** @return array<string, list<string>> */
    private static function traces(): array
    {
        global $wpdb;
        $like = '%' . $wpdb->esc_like('deskhand') . '%';
        return array_filter([
            'options' => $wpdb->get_col($wpdb->prepare("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE %s", $like)),
            'post meta' => $wpdb->get_col($wpdb->prepare("SELECT meta_key FROM {$wpdb->postmeta} WHERE meta_key LIKE %s", $like)),
            'user meta' => $wpdb->get_col($wpdb->prepare("SELECT meta_key FROM {$wpdb->usermeta} WHERE meta_key LIKE %s", $like)),
            'tables' => $wpdb->get_col("SHOW TABLES LIKE '{$wpdb->prefix}deskhand%'"),
            'roles' => str_contains(serialize(get_option("{$wpdb->prefix}user_roles")), 'deskhand') ? ['a role'] : [],
            'cron' => preg_match_all('/deskhand_\w+/', serialize(get_option('cron')), $found) ? $found[0] : [],
        ]);
    }

    public function testUninstallingLeavesNothingBehind(): void
    {
        $this->connect();
        $this->plugin->settings->save(['heading' => 'x']);
        $id = self::post(['meta_input' => [Eligibility::EXCLUDED => true]]);
        self::file();
        $this->plugin->sync->start();
        update_user_meta(1, 'deskhand_dismissed', 1);
        set_transient('deskhand_test', 1, 60);
        self::assertCount(6, self::traces());
        Lifecycle::uninstall();
        self::assertSame([], self::traces());
        self::assertNotNull(get_post($id));
        Lifecycle::activate();
        self::assertTrue(current_user_can('read') || true);
        self::assertTrue(get_role('administrator')->has_cap('deskhand_admin'));
        self::assertNotFalse(wp_next_scheduled(Sender::SWEEP));
    }

    public function testUninstallPhpRunsOnlyForWordPress(): void
    {
        $php = escapeshellarg(PHP_BINARY) . ' -d auto_prepend_file=';
        exec("$php " . escapeshellarg(dirname(DESKHAND_FILE) . '/uninstall.php'), $out, $status);
        self::assertSame([0, []], [$status, $out]);
        self::assertNotSame([], self::traces());
    }

    public function testNoFileDoesAnythingWhenAskedForByItself(): void
    {
        $php = escapeshellarg(PHP_BINARY) . ' -d auto_prepend_file= -d display_errors=1 ';
        foreach (new \RegexIterator(new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(dirname(DESKHAND_FILE))), '/\.php$/') as $file) {
            $source = (string) file_get_contents((string) $file);
            self::assertMatchesRegularExpression("/defined\('(ABSPATH|WP_UNINSTALL_PLUGIN)'\) \|\| exit;/", $source, (string) $file);
        }
        exec($php . escapeshellarg(DESKHAND_FILE), $out, $status);
        self::assertSame([0, []], [$status, $out]);
    }

    public function testTablesAreMadeOnceAndKeepWhatIsInThem(): void
    {
        $this->connect();
        self::post();
        Schema::install();
        self::assertSame(1, array_sum($this->plugin->documents->counts()));
        self::assertSame([], dbDelta(''), 'nothing waits to be changed');
    }

    public function testTheSweepRunsEveryFiveMinutes(): void
    {
        self::assertSame(300, wp_get_schedules()[wp_get_schedule(Sender::SWEEP)]['interval']);
    }

    public function testDeactivatingEndsAllEvents(): void
    {
        $this->connect();
        self::post();
        Lifecycle::deactivate();
        self::assertArrayNotHasKey('cron', self::traces());
        Lifecycle::activate();
    }

    public function testTheBoxInTheClassicEditor(): void
    {
        $editor = self::user('editor');
        wp_set_current_user($editor);
        $id = self::post(['post_author' => $editor]);
        $save = static function (array $fields) use ($id): void {
            $_POST = $fields + ['post_ID' => $id];
            wp_update_post(['ID' => $id, 'post_title' => 'New']);
            $_POST = [];
        };
        $nonce = ['deskhand_exclude_nonce' => wp_create_nonce('deskhand_exclude')];
        $save(['deskhand_exclude' => '1']);
        self::assertFalse((bool) get_post_meta($id, Eligibility::EXCLUDED, true), 'without a nonce nothing changes');
        $save(['deskhand_exclude' => '1', 'deskhand_exclude_nonce' => 'x']);
        self::assertFalse((bool) get_post_meta($id, Eligibility::EXCLUDED, true));
        $save(['deskhand_exclude' => '1'] + $nonce);
        self::assertTrue((bool) get_post_meta($id, Eligibility::EXCLUDED, true));
        $save($nonce);
        self::assertFalse((bool) get_post_meta($id, Eligibility::EXCLUDED, true));
        wp_set_current_user(self::user('subscriber'));
        $save(['deskhand_exclude' => '1', 'deskhand_exclude_nonce' => wp_create_nonce('deskhand_exclude')]);
        self::assertFalse((bool) get_post_meta($id, Eligibility::EXCLUDED, true));
    }

    public function testLeavingOutByRestTakesTheRightToEdit(): void
    {
        $id = self::post();
        $ask = static function (string $role) use ($id): int {
            wp_set_current_user($role === '' ? 0 : self::user($role));
            $request = new \WP_REST_Request('POST', "/wp/v2/posts/$id");
            $request->set_header('Content-Type', 'application/json');
            $request->set_body((string) json_encode(['meta' => [Eligibility::EXCLUDED => true]]));
            return rest_do_request($request)->get_status();
        };
        self::assertSame([401, 403, 200], [$ask(''), $ask('subscriber'), $ask('editor')]);
        self::assertTrue((bool) get_post_meta($id, Eligibility::EXCLUDED, true));
    }

    /** @dataProvider adminRoutes */
    public function testAdminRoutesAreForAdministrators(string $method, string $route, array $parameters, array $allowed): void
    {
        foreach (['' => 401, 'subscriber' => 403, 'author' => 403, 'administrator' => 403] as $role => $otherwise) {
            wp_set_current_user($role === '' ? 0 : self::user($role));
            $status = self::rest($method, $route, $parameters)->get_status();
            in_array($role, $allowed, true) ? self::assertLessThan(300, $status, $role) : self::assertSame($otherwise, $status, $role);
        }
    }

    public function adminRoutes(): iterable
    {
        yield ['GET', '/documents', ['source' => 'wp_post', 'ids' => [1]], ['author', 'administrator']];
        yield ['GET', '/documents/sync', [], ['administrator']];
        yield ['POST', '/documents/sync', ['do' => 'start'], ['administrator']];
        yield ['POST', '/documents/sync', ['do' => 'stop'], ['administrator']];
        yield ['POST', '/notices/dismissed', ['notice' => 'jobs', 'state' => 'x'], ['administrator']];
    }

    /** @dataProvider badParameters */
    public function testParametersAreChecked(array $parameters): void
    {
        wp_set_current_user(self::user('administrator'));
        self::assertSame(400, self::rest('GET', '/documents', $parameters)->get_status());
    }

    public function badParameters(): iterable
    {
        yield [[]];
        yield [['source' => "wp_post' OR 1=1 --", 'ids' => [1]]];
        yield [['source' => 'wp_post', 'ids' => ['1) OR (1=1']]];
        yield [['source' => 'wp_post', 'ids' => range(1, 101)]];
        yield [['source' => 'wp_post', 'ids' => [-1]]];
        yield [['source' => ['wp_post'], 'ids' => [1]]];
    }

    public function testTheStatesOfDraftsOfOthersAreNotTold(): void
    {
        $this->connect();
        $id = self::post(['post_author' => 1]);
        wp_update_post(['ID' => $id, 'post_status' => 'private']);
        wp_set_current_user(self::user('author'));
        self::assertSame([], self::rest('GET', '/documents', ['source' => 'wp_post', 'ids' => [$id]])->get_data()['documents']);
        wp_set_current_user(self::user('administrator'));
        self::assertCount(1, self::rest('GET', '/documents', ['source' => 'wp_post', 'ids' => [$id]])->get_data()['documents']);
    }

    public function testTheAliasIsTheSameRoutes(): void
    {
        $routes = rest_get_server()->get_routes();
        self::assertArrayHasKey('/deskhand/v1/token', $routes);
        self::assertArrayHasKey('/ai/v1/token', $routes);
        foreach ($routes as $route => $endpoints) {
            if (str_starts_with($route, '/deskhand/v1/')) {
                foreach ($endpoints as $endpoint) {
                    self::assertNotSame('__return_true', $endpoint['permission_callback'] ?? '__return_true', "$route asks who it is");
                }
            }
        }
    }
}
