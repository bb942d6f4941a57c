<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Connection\Address;
use Deskhand\Connection\Client;
use Deskhand\Connection\Credentials;
use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Names;
use Deskhand\Connection\Signer;
use Deskhand\Connection\Vault;

final class ConnectionTest extends TestCase
{
    /** Computed by another implementation of HKDF (Node's), from the same secret and site. */
    public function testKeysAreTheBackends(): void
    {
        $keys = self::credentials()->keys();
        self::assertSame('14c14bf50ef89e70f3784fb3cc0a808986008ed9b066d73d3bc8408bdc92ebc5', bin2hex($keys->token()));
        self::assertSame('db42e3516ce77e4c329726ed72db988c46a2aafa70089b36999bb04a5b4b0642', bin2hex($keys->webhook()));
        self::assertSame('8629d88a3d6fa9df234c223e5a19afdbdb70ce8360c4454f970e7e16099e33b9', bin2hex($keys->callback()));
        self::assertSame('e29658deeda0c76704be51c8c1c4c0d2e4bb8cb3f5c566aa443ecaeead07c0cc', bin2hex($keys->api()));
        self::assertCount(5, array_unique([$keys->token(), $keys->webhook(), $keys->callback(), $keys->api(), $keys->console()]));
    }

    public function testASecretIsInNoDump(): void
    {
        $credentials = self::credentials();
        $dump = print_r($credentials, true) . print_r($credentials->keys(), true) . json_encode($credentials);
        self::assertStringNotContainsString(self::SECRET, $dump);
        self::assertStringNotContainsString((string) hex2bin(self::SECRET), $dump);
    }

    public function testWhatIsStoredIsSealed(): void
    {
        $store = new CredentialStore();
        $store->save(self::credentials('https://1.1.1.1', fixed: false));
        $stored = get_option(CredentialStore::OPTION);
        self::assertStringNotContainsString(self::SECRET, $stored);
        self::assertStringNotContainsString(self::SITE, (string) base64_decode(substr($stored, 3)));
        $read = (new CredentialStore())->current();
        self::assertSame(self::SITE, $read->siteId);
        self::assertSame(self::credentials()->keys()->token(), $read->keys()->token());
    }

    public function testASealThatWasTouchedOrIsAnothersOpensNothing(): void
    {
        $sealed = Vault::seal('word');
        self::assertSame('word', Vault::open($sealed));
        $bytes = base64_decode(substr($sealed, 3));
        $bytes[30] = chr(ord($bytes[30]) ^ 1);
        self::assertNull(Vault::open('v1:' . base64_encode($bytes)));
        foreach (['', 'v1:', 'v1:AAAA', 'v2:' . substr($sealed, 3), 'word'] as $odd) {
            self::assertNull(Vault::open($odd));
        }
        add_filter('salt', $other = static fn (): string => 'other salts');
        self::assertNull(Vault::open($sealed));
        update_option(CredentialStore::OPTION, $sealed);
        $store = new CredentialStore();
        self::assertNull($store->current());
        self::assertStringContainsString('salts', $store->problem());
        remove_filter('salt', $other);
    }

    public function testAfterARotationTheKeyBeforeIsTakenForADay(): void
    {
        $store = new CredentialStore();
        $store->save(self::credentials('https://1.1.1.1', fixed: false));
        $store->save(self::credentials('https://1.1.1.1', str_repeat('ab', 32), 'dk_new', fixed: false));
        $ids = static fn (): array => array_map(static fn (Credentials $c): string => $c->keyId, (new CredentialStore())->accepted());
        self::assertSame(['dk_new', self::KEY_ID], $ids());
        $previous = get_option(CredentialStore::PREVIOUS);
        update_option(CredentialStore::PREVIOUS, ['until' => time() - 1] + $previous);
        self::assertSame(['dk_new'], $ids());
    }

    /** @dataProvider badCredentials */
    public function testBadCredentialsAreRefusedWithASentence(string $url, string $site, string $kid, string $secret, string $word): void
    {
        $made = Credentials::of($url, $site, $kid, $secret, true);
        self::assertIsString($made);
        self::assertStringContainsString($word, $made);
    }

    public function badCredentials(): iterable
    {
        yield ['https://desk.example', 'x', self::KEY_ID, self::SECRET, 'site id'];
        yield ['https://desk.example', self::SITE, 'a b', self::SECRET, 'key id'];
        yield ['https://desk.example', self::SITE, self::KEY_ID, 'abc', 'secret'];
        yield ['ftp://desk.example', self::SITE, self::KEY_ID, self::SECRET, 'https://'];
        yield ['http://desk.example', self::SITE, self::KEY_ID, self::SECRET, 'https://'];
        yield ['https://desk.example/path', self::SITE, self::KEY_ID, self::SECRET, 'plain'];
        yield ['https://user:pass@desk.example', self::SITE, self::KEY_ID, self::SECRET, 'plain'];
        yield ['https://desk.example?x=1', self::SITE, self::KEY_ID, self::SECRET, 'plain'];
        yield ["https://desk.example\r\nX: y", self::SITE, self::KEY_ID, self::SECRET, ''];
    }

    /** @dataProvider privateAddresses */
    public function testTheSettingsPageCantNamePrivateAddresses(string $url): void
    {
        self::assertInstanceOf(\WP_Error::class, Address::check($url, false));
    }

    public function privateAddresses(): iterable
    {
        $hosts = [
            '127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255',
            '192.0.2.1', '[::1]', '[fe80::1]', '[fc00::1]', '[fd00:ec2::254]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[64:ff9b::7f00:1]',
            '[2002:7f00:1::]', '[2001::1]', '[::]', 'localhost', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', 'name-that-nobody-has.invalid',
        ];
        foreach ($hosts as $host) {
            yield $host => ["https://$host"];
            yield "$host:8443" => ["https://$host:8443"];
        }
        yield 'http to loopback' => ['http://127.0.0.1:8080'];
    }

    public function testPublicAddressesAreTakenAndMadePlain(): void
    {
        self::assertSame('https://1.1.1.1', Address::check(' https://1.1.1.1/ ', false));
        self::assertSame('https://[2606:4700:4700::1111]:8443', Address::check('https://[2606:4700:4700::1111]:8443', false));
        self::assertSame('http://127.0.0.1:8080', Address::check('http://127.0.0.1:8080', true));
        self::assertSame('https://desk.example', Address::check('https://DESK.example/', true));
        // wp-config.php may do without https within a network of one's own, and only there.
        foreach (['http://10.0.0.5:8080', 'http://deskhand:8080', 'http://[fd00::5]:8080', 'http://desk.internal', 'http://desk.lan'] as $url) {
            self::assertSame($url, Address::check($url, true));
            self::assertInstanceOf(\WP_Error::class, Address::check($url, false));
        }
        foreach (['http://1.1.1.1', 'http://desk.example:8080', 'http://[2606:4700:4700::1111]', 'http://internal.example'] as $url) {
            self::assertInstanceOf(\WP_Error::class, Address::check($url, true), $url);
        }
        self::assertInstanceOf(\WP_Error::class, Address::check('https://1.1.1.1:0', true));
    }

    public function testAPageAsksNoNameServer(): void
    {
        Names::$given = ['desk.example' => ['1.1.1.1']];
        $store = new CredentialStore();
        $store->save(self::credentials(fixed: false));
        Names::$asked = 0;
        self::assertSame('https://desk.example', (new CredentialStore())->current()->url);
        do_shortcode('[deskhand_chat]');
        self::assertSame(0, Names::$asked);
        (new Client(new CredentialStore()))->ask('GET', '/api/usage');
        self::assertGreaterThan(0, Names::$asked, 'who sends something does');
        self::assertCount(1, $this->requests);
    }

    public function testANameThatHasMovedIntoAPrivateNetworkIsNotAsked(): void
    {
        Names::$given = ['desk.example' => ['1.1.1.1']];
        $store = new CredentialStore();
        $store->save(self::credentials(fixed: false));
        foreach ([['10.0.0.1'], ['1.1.1.1', '127.0.0.1'], ['::1'], []] as $addresses) {
            Names::$given = ['desk.example' => $addresses];
            $answer = (new Client($store))->ask('GET', '/api/usage');
            self::assertSame([0, 'not_public', true], [$answer->status, $answer->code, $answer->isPassing()]);
        }
        self::assertSame([], $this->requests);
    }

    /** Any port, and IPv6: what the settings take is asked. */
    public function testWhatTheSettingsTakeIsNotRefusedByWordPressLater(): void
    {
        foreach (['https://[2606:4700:4700::1111]:8443', 'https://1.1.1.1:8443'] as $url) {
            $store = new CredentialStore();
            $store->save(self::credentials($url, fixed: false));
            self::assertTrue((new Client($store))->ask('GET', '/api/usage')->isOk());
            self::assertFalse(end($this->requests)['args']['reject_unsafe_urls'], 'WordPress knows three ports and no IPv6');
        }
    }

    public function testTheAddressThatWasLookedAtIsTheOneThatIsAsked(): void
    {
        remove_filter('pre_http_request', [$this, 'answer']);
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $port = (int) substr((string) strrchr((string) stream_socket_get_name($server, false), ':'), 1);
        $knocked = static function () use ($server): bool {
            $read = [$server];
            $none = null;
            return stream_select($read, $none, $none, 0) === 1;
        };
        // What was found first is nobody's; asked again, this machine's own name server would say 127.0.0.1.
        Names::$given = ['localhost' => ['192.88.99.1']];
        $store = new CredentialStore();
        $store->save(self::credentials("https://localhost:$port", fixed: false));
        (new Client($store))->ask('GET', '/', null, 0.3);
        self::assertFalse($knocked());
        // It is for this request alone.
        wp_remote_get("https://localhost:$port/", ['timeout' => 0.3]);
        self::assertTrue($knocked());
    }

    public function testAWebhookIsSignedOverItsRawBytes(): void
    {
        $this->connect();
        $answer = $this->plugin->client()->tell('/webhook/wp-media', ['event' => 'media.added', 'title' => 'Übergröße/€'], 'key-1');
        self::assertTrue($answer->isOk());
        [$request] = $this->requests;
        self::assertSame('sha256=' . hash_hmac('sha256', $request['raw'], self::credentials()->keys()->webhook()), $request['headers']['x-wp-signature']);
        self::assertSame(self::SITE, $request['headers']['x-site-id']);
        self::assertSame('key-1', $request['headers']['idempotency-key']);
        self::assertEqualsWithDelta(time(), $request['json']['timestamp'], 2);
        self::assertSame(self::SITE, $request['json']['site_id']);
        self::assertSame(0, $request['args']['redirection']);
        self::assertLessThanOrEqual(2.0, $request['args']['timeout']);
        self::assertTrue($request['args']['sslverify']);
    }

    /** @dataProvider answers */
    public function testEveryAnswerHasACodeAndASentence(mixed $backend, string $code, bool $passing): void
    {
        $this->connect();
        $this->backend = static fn (): mixed => $backend;
        $answer = $this->plugin->client()->ask('GET', '/api/usage');
        self::assertSame($code, $answer->code);
        self::assertNotSame('', $answer->detail);
        self::assertSame($passing, $answer->isPassing());
        self::assertStringNotContainsString('<', $answer->detail);
    }

    public function answers(): iterable
    {
        yield [self::down(), 'unreachable', true];
        yield [new \WP_Error('http_request_failed', 'cURL error 28: Operation timed out <b>'), 'timeout', true];
        yield [self::http(302, '', ['location' => 'https://evil.example']), 'redirected', false];
        yield [self::http(200, '<html>'), 'not_json', false];
        yield [self::http(500, '<h1>x</h1>'), 'http_500', true];
        yield [self::http(401, ['code' => 'bad_signature', 'detail' => 'The <i>signature</i> is wrong.']), 'bad_signature', true];
        yield [self::http(422, ['code' => 'invalid_field', 'detail' => 'No.']), 'invalid_field', false];
        yield [self::http(429, ['code' => 'rate_limited', 'detail' => 'Wait.', 'retry_after' => 7]), 'rate_limited', true];
    }

    public function testWithoutAConnectionNothingIsSent(): void
    {
        $answer = (new Client(new CredentialStore()))->ask('GET', '/api/usage');
        self::assertSame('not_connected', $answer->code);
        self::assertSame([], $this->requests);
    }

    public function testACallbackIsTakenOnlyFromTheBackendAndOnlyNow(): void
    {
        $as = self::credentials();
        $body = '{"a":1}';
        $now = (string) time();
        $sign = static fn (string $time, string $body, ?string $key = null): string => base64_encode(hash_hmac('sha256', "$time.$body", $key ?? $as->keys()->callback(), true));
        self::assertTrue(Signer::callback([$as], $body, $now, $sign($now, $body)));
        self::assertTrue(Signer::callback([$as], $body, $now, $sign($now, $body), self::KEY_ID));
        self::assertSame('unknown_key', Signer::callback([$as], $body, $now, $sign($now, $body), 'dk_other'));
        self::assertSame('unknown_key', Signer::callback([], $body, $now, $sign($now, $body)));
        self::assertSame('bad_signature', Signer::callback([$as], $body . ' ', $now, $sign($now, $body)));
        self::assertSame('bad_signature', Signer::callback([$as], $body, $now, $sign($now, $body, $as->keys()->webhook())));
        self::assertSame('bad_signature', Signer::callback([$as], $body, $now, ''));
        self::assertSame('bad_signature', Signer::callback([$as], $body, $now, '***'));
        foreach ([time() - 121, time() + 125] as $time) {
            self::assertSame('stale_timestamp', Signer::callback([$as], $body, (string) $time, $sign((string) $time, $body)));
        }
        self::assertSame('stale_timestamp', Signer::callback([$as], $body, 'soon', $sign('soon', $body)));
    }
}
