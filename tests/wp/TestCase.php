<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Connection\Credentials;
use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Names;
use Deskhand\Install\Schema;
use Deskhand\Knowledge\Row;
use Deskhand\Knowledge\Source;
use Deskhand\Plugin;

require_once __DIR__ . '/names.php';

/**
 * A test inside a real WordPress. What it makes is cleared before the next; requests to the backend are answered by
 * `$this->backend`, and none leaves.
 */
abstract class TestCase extends \PHPUnit\Framework\TestCase
{
    protected const SITE = '0192d3a0-7c1e-7000-8000-000000000001';
    protected const SECRET = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
    protected const KEY_ID = 'dk_test';

    /** @var list<array{method: string, path: string, headers: array<string, string>, raw: string, json: mixed, args: array<string, mixed>}> */
    protected array $requests = [];

    /** @var callable(array<string, mixed>): (array<string, mixed>|\WP_Error)|null what the backend answers */
    protected $backend = null;

    protected Plugin $plugin;

    protected function setUp(): void
    {
        global $wpdb;
        foreach (['documents', 'windows', 'jobs', 'events'] as $table) {
            $wpdb->query('DELETE FROM ' . Schema::table($table));
        }
        foreach (get_posts(['post_type' => 'any', 'post_status' => ['any', 'trash', 'auto-draft'], 'numberposts' => -1, 'fields' => 'ids']) as $id) {
            wp_delete_post($id, true);
        }
        $wpdb->query('DELETE FROM ' . Schema::table('documents'));
        foreach ($wpdb->get_col("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE 'deskhand\\_%'") as $option) {
            if ($option !== Schema::OPTION) {
                delete_option($option);
            }
        }
        wp_set_current_user(0);
        $_COOKIE = $_POST = $_GET = [];
        unset($_SERVER['HTTP_ORIGIN'], $_SERVER['HTTP_X_FORWARDED_FOR'], $_SERVER['PHP_AUTH_USER']);
        foreach (['deskhand_send', 'deskhand_sync', 'deskhand_events', 'deskhand_handoffs'] as $hook) {
            wp_clear_scheduled_hook($hook);
        }
        Names::$given = [];
        $this->plugin = self::fresh();
        add_filter('pre_http_request', [$this, 'answer'], 10, 3);
    }

    protected function tearDown(): void
    {
        remove_filter('pre_http_request', [$this, 'answer']);
    }

    /** The plugin as at the beginning of a request: nothing remembered. */
    protected static function fresh(): Plugin
    {
        $plugin = Plugin::get();
        foreach ([[$plugin->settings, 'stored'], [$plugin->credentials, 'current']] as [$object, $property]) {
            (new \ReflectionProperty($object, $property))->setValue($object, null);
        }
        return $plugin;
    }

    protected static function credentials(string $url = 'https://desk.example', string $secret = self::SECRET, string $keyId = self::KEY_ID, bool $fixed = true): Credentials
    {
        $made = Credentials::of($url, self::SITE, $keyId, $secret, $fixed);
        self::assertInstanceOf(Credentials::class, $made, is_string($made) ? $made : '');
        return $made;
    }

    /** Connects the site. */
    protected function connect(): void
    {
        update_option(CredentialStore::OPTION, self::credentials()->sealed());
        // As wp-config.php would have it: a name that nobody has is asked then, too.
        (new \ReflectionProperty($this->plugin->credentials, 'current'))->setValue($this->plugin->credentials, self::credentials());
    }

    /**
     * @param array<string, mixed> $args
     * @return array<string, mixed>|\WP_Error
     */
    public function answer(mixed $before, array $args, string $url): array|\WP_Error
    {
        $request = [
            'method' => $args['method'],
            'path' => (string) wp_parse_url($url, PHP_URL_PATH),
            'headers' => array_change_key_case($args['headers']),
            'raw' => (string) $args['body'],
            'json' => json_decode((string) $args['body'], true),
            'args' => $args,
        ];
        $this->requests[] = $request;
        return ($this->backend ?? static fn (): array => self::http(202, ['job_id' => wp_generate_uuid4(), 'status_url' => '/', 'document_id' => wp_generate_uuid4()]))($request);
    }

    /**
     * @param array<string, string> $headers
     * @return array<string, mixed>
     */
    protected static function http(int $status, mixed $body, array $headers = []): array
    {
        return [
            'headers' => new \WpOrg\Requests\Utility\CaseInsensitiveDictionary($headers),
            'body' => is_string($body) ? $body : (string) json_encode($body),
            'response' => ['code' => $status, 'message' => ''],
            'cookies' => [],
            'filename' => null,
        ];
    }

    protected static function down(): \WP_Error
    {
        return new \WP_Error('http_request_failed', 'cURL error 7: Connection refused');
    }

    protected function row(Source $source, int $id): ?Row
    {
        return $this->plugin->documents->find($source, $id);
    }

    /** Every event that was sent, oldest first, without what all have. */
    protected function sent(): array
    {
        $sent = array_filter($this->requests, static fn (array $r): bool => $r['path'] === '/webhook/wp-media');
        return array_values(array_map(static fn (array $r): array => array_diff_key($r['json'], ['site_id' => 1, 'timestamp' => 1, 'modified_at' => 1]), $sent));
    }

    /** @param array<string, mixed> $more */
    protected static function post(array $more = []): int
    {
        $id = wp_insert_post($more + ['post_title' => 'Returns', 'post_content' => '<p>Within 30 days.</p>', 'post_status' => 'publish'], true);
        self::assertIsInt($id);
        return $id;
    }

    protected static function file(string $name = 'manual.pdf', string $type = 'application/pdf', int $parent = 0, string $content = '%PDF-1.4 nothing'): int
    {
        $upload = wp_upload_bits($name, null, $content);
        self::assertFalse($upload['error']);
        return wp_insert_attachment(['post_mime_type' => $type, 'post_title' => $name, 'post_status' => 'inherit'], $upload['file'], $parent, true);
    }

    protected static function user(string $role): int
    {
        $name = $role . wp_generate_password(6, false);
        $id = wp_insert_user(['user_login' => $name, 'user_pass' => 'x', 'user_email' => "$name@example.com", 'role' => $role]);
        self::assertIsInt($id);
        return $id;
    }

    /** Makes what waits due now, and runs one round of sending. */
    protected function run1(): void
    {
        global $wpdb;
        $wpdb->query('UPDATE ' . Schema::table('documents') . ' SET due_at = 1 WHERE due_at > 1');
        delete_option('deskhand_pause');
        do_action('deskhand_send');
    }

    /** @param array<string, mixed> $parameters */
    protected static function rest(string $method, string $route, array $parameters = [], array $headers = []): \WP_REST_Response
    {
        $request = new \WP_REST_Request($method, "/deskhand/v1$route");
        foreach ($headers as $name => $value) {
            $request->set_header($name, $value);
        }
        $method === 'GET' ? $request->set_query_params($parameters) : $request->set_body_params($parameters);
        return rest_do_request($request);
    }
}
