<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Chat\Visitor;
use Deskhand\Jobs\JobStore;

/**
 * Every route, asked by who may not, or with what it doesn't expect.
 */
final class AttackTest extends TestCase
{
    /** Routes that are for anybody: they give nothing but a nonce. */
    private const OPEN = ['/session'];
    private const UUID = '0192d3a0-7c1e-7000-8000-00000000abcd';

    /** @return list<array{string, string}> method and path of every endpoint */
    private static function endpoints(): array
    {
        $all = [];
        foreach (rest_get_server()->get_routes('deskhand/v1') as $route => $endpoints) {
            if ($route === '/deskhand/v1') {
                continue;
            }
            // An id as its pattern wants it.
            $path = preg_replace(['/\(\?P<\w+>\[0-9a-fA-F-\]\{36\}\)/', '/\(\?P<\w+>[^()]*\)/'], [self::UUID, '1'], substr($route, strlen('/deskhand/v1')));
            foreach ($endpoints as $endpoint) {
                self::assertIsCallable($endpoint['permission_callback'], $route);
                self::assertNotSame('__return_true', $endpoint['permission_callback'], $route);
                foreach (array_keys($endpoint['methods']) as $method) {
                    $all[] = [$method, $path];
                }
            }
        }
        self::assertGreaterThan(15, count($all));
        return $all;
    }

    /** @return list<array{string, string}> those that aren't for anybody */
    private static function closed(): array
    {
        return array_values(array_filter(self::endpoints(), static fn (array $e): bool => !in_array($e[1], self::OPEN, true)));
    }

    /** @param array<string, string> $headers */
    private static function ask(string $method, string $path, array $headers = [], string $body = '{}'): \WP_REST_Response
    {
        $request = new \WP_REST_Request($method, "/deskhand/v1$path");
        $request->set_header('content-type', 'application/json');
        foreach ($headers as $name => $value) {
            $request->set_header($name, $value);
        }
        if ($method !== 'GET') {
            $request->set_body($body);
        }
        return rest_do_request($request);
    }

    /** Parameters are looked at before permissions: what is missing may be told to anybody, what is there to nobody. */
    private static function assertRefused(\WP_REST_Response $response, string $what): void
    {
        self::assertContains($response->get_status(), [400, 401, 403, 409], "$what: " . json_encode($response->get_data()));
        self::assertSame([], array_filter((array) $response->get_data(), static fn ($v, $k): bool => in_array($k, ['token', 'result', 'email', 'checks'], true), ARRAY_FILTER_USE_BOTH), $what);
    }

    public function testNobodyWithoutANonceGetsAnything(): void
    {
        $this->connect();
        foreach (self::closed() as [$method, $path]) {
            self::assertRefused(self::ask($method, $path), "$method $path");
            self::assertRefused(self::ask($method, $path, ['X-WP-Nonce' => 'abcdef0123', 'Origin' => home_url()]), "$method $path with a wrong nonce");
        }
        self::assertSame([], $this->requests, 'the backend heard of nothing');
    }

    public function testAPageElsewhereGetsNothingEvenWithANonce(): void
    {
        $this->connect();
        $nonce = wp_create_nonce('wp_rest');
        foreach (self::endpoints() as [$method, $path]) {
            foreach ([['Origin' => 'https://evil.example'], ['Sec-Fetch-Site' => 'cross-site'], ['Origin' => 'null']] as $headers) {
                self::assertRefused(self::ask($method, $path, ['X-WP-Nonce' => $nonce] + $headers), "$method $path " . json_encode($headers));
            }
        }
        self::assertSame([], $this->requests);
    }

    public function testASubscriberMayChatAndNothingElse(): void
    {
        $this->connect();
        wp_set_current_user(self::user('subscriber'));
        $headers = ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()];
        $chat = '~^/(token|chat|thread|feedback)~';
        foreach (self::closed() as [$method, $path]) {
            if (!preg_match($chat, $path)) {
                self::assertRefused(self::ask($method, $path, $headers, '{"prompt": "x", "id": 1}'), "$method $path");
            }
        }
        self::assertSame([], $this->requests);
    }

    /** @return array<string, string> */
    private static function signed(string $body, ?int $at = null, ?string $secret = null, string $kid = self::KEY_ID): array
    {
        $at ??= time();
        $keys = self::credentials(secret: $secret ?? self::SECRET)->keys();
        return ['X-AI-Timestamp' => (string) $at, 'X-Key-Id' => $kid, 'X-AI-Signature' => base64_encode(hash_hmac('sha256', "$at.$body", $keys->callback(), true))];
    }

    public function testCallbacksMustBeSignedNowAndOnce(): void
    {
        $this->connect();
        [$job] = (new JobStore())->add('infer', 1, '', ['prompt' => 'x'], 'h', 'key-1');
        $body = (string) json_encode(['job_id' => self::UUID, 'idempotency_key' => 'key-1', 'status' => 'succeeded', 'result_json' => ['text' => 'evil']]);
        $wrong = [
            'no signature' => [],
            'an empty signature' => ['X-AI-Signature' => ''] + self::signed($body),
            'another body\'s signature' => self::signed("$body "),
            'another key' => self::signed($body, secret: str_repeat('ab', 32)),
            'an unknown key id' => self::signed($body, kid: 'dk_other'),
            'too old' => self::signed($body, time() - 121),
            'too new' => self::signed($body, time() + 121),
            'a time that isn\'t one' => ['X-AI-Timestamp' => '1e9'] + self::signed($body),
            'the webhook\'s key' => ['X-AI-Signature' => base64_encode(hash_hmac('sha256', time() . ".$body", self::credentials()->keys()->webhook(), true))] + self::signed($body),
            'hex instead of base64' => ['X-AI-Signature' => hash_hmac('sha256', time() . ".$body", self::credentials()->keys()->callback())] + self::signed($body),
        ];
        foreach ($wrong as $what => $headers) {
            $response = self::ask('POST', '/webhook', $headers, $body);
            self::assertSame($what === 'an unknown key id' ? 409 : 403, $response->get_status(), $what);
        }
        self::assertSame('pending', (new JobStore())->find($job->uid)->status);

        $good = self::signed($body);
        self::assertSame(204, self::ask('POST', '/webhook', $good, $body)->get_status());
        self::assertSame('succeeded', (new JobStore())->find($job->uid)->status);
        self::assertSame(409, self::ask('POST', '/webhook', $good, $body)->get_status(), 'the very same request again');
        // A replay that changes what isn't signed, or writes the signature in another way that means the same.
        self::assertSame(409, self::ask('POST', '/webhook', ['X-Request-Id' => 'x'] + $good, $body)->get_status());
        $signature = $good['X-AI-Signature'];
        $alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
        $last = $alphabet[strpos($alphabet, $signature[42]) ^ 1];
        foreach ([" $signature", "$signature\t", substr($signature, 0, 20) . ' ' . substr($signature, 20), rtrim($signature, '='), substr($signature, 0, 42) . "$last="] as $same) {
            self::assertSame(base64_decode($signature), base64_decode($same, true), $same);
            self::assertSame(409, self::ask('POST', '/webhook', ['X-AI-Signature' => $same] + $good, $body)->get_status(), $same);
        }

        foreach (['not json', '[]', '{}', '{"job_id": 1, "idempotency_key": [], "status": "succeeded"}', '{"job_id": "x", "idempotency_key": "key-1", "status": "done"}'] as $odd) {
            self::assertContains(self::ask('POST', '/webhook', self::signed($odd), $odd)->get_status(), [400, 422], $odd);
        }
        $unknown = (string) json_encode(['job_id' => 'x', 'idempotency_key' => 'of another site', 'status' => 'failed']);
        self::assertSame(404, self::ask('POST', '/webhook', self::signed($unknown), $unknown)->get_status());
        $large = (string) json_encode(['pad' => str_repeat('x', MB_IN_BYTES)]);
        self::assertSame(413, self::ask('POST', '/webhook', self::signed($large), $large)->get_status());
    }

    public function testCallbacksFromElsewhereThanTheListAreRefused(): void
    {
        $this->connect();
        $this->plugin->settings->save(['callback_addresses' => ['198.51.100.0/24']]);
        $body = '{"job_id": "x", "idempotency_key": "none", "status": "failed"}';
        $_SERVER['HTTP_X_FORWARDED_FOR'] = '198.51.100.7';
        self::assertSame(403, self::ask('POST', '/webhook', self::signed($body), $body)->get_status(), 'a header that anybody can write');
        $this->plugin->settings->save(['callback_addresses' => ['192.0.2.1']]);
        $ping = '{"nonce": "n-1"}';
        self::assertSame(['nonce' => 'n-1'], self::ask('POST', '/ping', self::signed($ping), $ping)->get_data());
        self::assertSame(404, self::ask('POST', '/webhook', self::signed($body, time() - 1), $body)->get_status(), 'past the list, there is no such job');
    }

    public function testAnothersQuestionIsNotFound(): void
    {
        $this->connect();
        $jobs = new JobStore();
        $mine = self::user('subscriber');
        $theirs = self::user('subscriber');
        [$chat] = $jobs->add('chat', $theirs, Visitor::ofUser(self::SITE, $theirs), ['user_msg' => 'secret'], 'h', 'k1');
        [$infer] = $jobs->add('infer', $theirs, '', ['prompt' => 'secret'], 'h', 'k2');
        wp_set_current_user($mine);
        $headers = ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()];
        self::assertSame(404, self::ask('GET', "/chat/$chat->uid", $headers)->get_status());
        self::assertSame(404, self::ask('GET', "/chat/$infer->uid", $headers)->get_status());
        wp_set_current_user(self::user('editor'));
        $headers['X-WP-Nonce'] = wp_create_nonce('wp_rest');
        self::assertSame(404, self::ask('GET', "/jobs/$infer->uid", $headers)->get_status());
        wp_set_current_user($theirs);
        $headers['X-WP-Nonce'] = wp_create_nonce('wp_rest');
        self::assertSame(200, self::ask('GET', "/chat/$chat->uid", $headers)->get_status());
    }

    public function testACookieThatWeDidntWriteIsNobody(): void
    {
        foreach (['', 'x', self::UUID, self::UUID . '.', self::UUID . '.' . str_repeat('0', 32), self::UUID . '.x.y'] as $value) {
            $_COOKIE[Visitor::COOKIE] = $value;
            self::assertNull(Visitor::fromCookie(), $value);
        }
        $_COOKIE[Visitor::COOKIE] = ['array'];
        self::assertNull(Visitor::fromCookie());
    }

    private const HOSTILE = [
        "' OR 1=1 -- ", '" OR ""="', "'; DROP TABLE wp_deskhand_jobs; --", '1 UNION SELECT user_pass FROM wp_users', '%27', "\\'", '%s %d %1$s', "x' AND SLEEP(5) AND '1'='1",
    ];

    public function testNothingThatIsGivenBecomesSql(): void
    {
        global $wpdb;
        $this->connect();
        $jobs = new JobStore();
        [$job] = $jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'k');
        wp_set_current_user(1);
        $headers = ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()];
        $wpdb->suppress_errors(false);
        foreach (self::HOSTILE as $evil) {
            self::assertNull($jobs->find($evil));
            self::assertNull($jobs->byKey($evil));
            self::assertCount(1, $jobs->list(['status' => $evil], 10));
            self::assertSame(1, $jobs->count(['status' => $evil]));
            [$stored] = $jobs->add($evil, 2, $evil, ['prompt' => $evil], $evil, $evil);
            self::assertSame($evil, $jobs->byKey($evil)->request['prompt']);
            $jobs->finish($stored, 'failed', ['text' => $evil], $evil, $evil, ['provider' => $evil, 'currency' => $evil, 'tokens_in' => $evil]);
            self::assertSame($evil, $jobs->byKey($evil)->detail);
            self::assertSame('', (string) $wpdb->last_error);
            $wpdb->query($wpdb->prepare("DELETE FROM {$wpdb->prefix}deskhand_jobs WHERE user_id = %d", 2));
            foreach (self::closed() as [$method, $path]) {
                $body = (string) json_encode(array_fill_keys(['id', 'prompt', 'user_msg', 'message_id', 'thread_id', 'turn_id', 'value', 'model', 'route', 'page', 'locale', 'post', 'source', 'state', 'excluded', 'wp_user_id', 'visitor_id'], $evil));
                $query = new \WP_REST_Request($method, "/deskhand/v1$path");
                foreach ($headers as $name => $value) {
                    $query->set_header($name, $value);
                }
                $query->set_query_params((array) json_decode($body, true));
                $status = rest_do_request($query)->get_status();
                self::assertNotSame(500, $status, "$method $path $evil");
                self::ask($method, $path, $headers, $body);
                self::assertSame('', (string) $wpdb->last_error, "$method $path $evil");
            }
        }
        self::assertSame('pending', $jobs->find($job->uid)->status);
    }

    public function testTheListOfJobsShowsTextAsText(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
        set_current_screen('toplevel_page_deskhand');
        $evil = '<script>alert(1)</script><img src=x onerror=alert(1)>';
        $jobs = new JobStore();
        [$job] = $jobs->add('infer', 0, '', ['prompt' => $evil], 'h', 'k');
        $jobs->finish($job, 'succeeded', ['text' => $evil], $evil, $evil, ['provider' => $evil]);
        $table = new \Deskhand\Admin\JobsTable($jobs, []);
        $table->prepare_items();
        ob_start();
        $table->display();
        $html = (string) ob_get_clean();
        self::assertStringNotContainsString('<script', $html);
        self::assertStringNotContainsString('<img', $html);
        self::assertStringContainsString('&lt;script&gt;', $html);
    }
}
