<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Admin\Fields;
use Deskhand\Chat\Token;
use Deskhand\Chat\Visitor;
use Deskhand\Rest\ClientAddress;
use Deskhand\Rest\Limit;
use Deskhand\Rest\Origin;
use Deskhand\Settings;

final class ChatTest extends TestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->connect();
    }

    /** @return array<string, mixed> */
    private static function claims(string $token): array
    {
        [, $claims] = explode('.', $token);
        return json_decode((string) base64_decode(strtr($claims, '-_', '+/')), true);
    }

    private static function token(array $headers = [], array $parameters = []): \WP_REST_Response
    {
        return self::rest('POST', '/token', $parameters, $headers + ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()]);
    }

    public function testATokenIsAsTheBackendWantsIt(): void
    {
        $answer = self::token();
        self::assertSame(200, $answer->get_status());
        self::assertSame('no-store, private', $answer->get_headers()['Cache-Control']);
        ['token' => $token, 'expires_at' => $expires, 'backend' => $backend] = $answer->get_data();
        self::assertSame('https://desk.example', $backend);
        [$head, $body, $signature] = explode('.', $token);
        self::assertSame(['alg' => 'HS256', 'typ' => 'JWT', 'kid' => self::KEY_ID], json_decode((string) base64_decode($head), true));
        $right = rtrim(strtr(base64_encode(hash_hmac('sha256', "$head.$body", self::credentials()->keys()->token(), true)), '+/', '-_'), '=');
        self::assertSame($right, $signature);
        $claims = self::claims($token);
        self::assertSame([self::SITE, 'deskhand', Origin::of(home_url())], [$claims['iss'], $claims['aud'], $claims['origin']]);
        self::assertLessThanOrEqual(300, $claims['exp'] - time());
        self::assertSame(strtotime($expires), $claims['exp']);
        self::assertTrue(wp_is_uuid($claims['jti']));
        self::assertTrue(wp_is_uuid($claims['sub']));
        self::assertArrayNotHasKey('wp_user', $claims);
    }

    public function testABrowserKeepsItsVisitorAndCantBecomeAnother(): void
    {
        $first = self::claims(self::token()->get_data()['token'])['sub'];
        self::assertSame($first, self::claims(self::token()->get_data()['token'])['sub']);
        // Who knows the id only.
        $_COOKIE[Visitor::COOKIE] = "$first." . str_repeat('0', 32);
        self::assertNotSame($first, self::claims(self::token()->get_data()['token'])['sub']);
        foreach ([$first, "$first.", 'x', '.', ['a']] as $odd) {
            $_COOKIE[Visitor::COOKIE] = $odd;
            self::assertNull(Visitor::fromCookie());
        }
    }

    public function testAUserIsTheSameVisitorEverywhere(): void
    {
        $user = self::user('subscriber');
        wp_set_current_user($user);
        $claims = self::claims(self::token()->get_data()['token']);
        self::assertSame(Visitor::ofUser(self::SITE, $user), $claims['sub']);
        self::assertSame([$user, rest_url('deskhand/v1/profile')], [$claims['wp_user'], $claims['profile']]);
        self::assertArrayNotHasKey(Visitor::COOKIE, $_COOKIE);
        // RFC 9562's own example: www.example.com in the DNS namespace.
        $uuid5 = new \ReflectionMethod(Visitor::class, 'uuid5');
        self::assertSame('2ed6657d-e927-568b-95e1-2665a8aea6a2', $uuid5->invoke(null, '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com'));
    }

    /** @dataProvider refusals */
    public function testWhoGetsNoToken(array $headers, int $status, string $code): void
    {
        $answer = self::token($headers);
        self::assertSame($status, $answer->get_status());
        self::assertSame($code, $answer->get_data()['code']);
        self::assertArrayNotHasKey('token', $answer->get_data());
    }

    public function refusals(): iterable
    {
        yield 'no nonce' => [['X-WP-Nonce' => ''], 403, 'rest_cookie_invalid_nonce'];
        yield 'a wrong nonce' => [['X-WP-Nonce' => '0123456789'], 403, 'rest_cookie_invalid_nonce'];
        yield 'another site\'s page' => [['Origin' => 'https://evil.example'], 403, 'origin_not_allowed'];
        yield 'a page that hides' => [['Origin' => 'null'], 403, 'origin_not_allowed'];
        yield 'a page of another site without an Origin' => [['Origin' => '', 'Sec-Fetch-Site' => 'cross-site'], 403, 'origin_not_allowed'];
        yield 'a neighbour' => [['Origin' => '', 'Sec-Fetch-Site' => 'same-site'], 403, 'origin_not_allowed'];
    }

    public function testMembersOnly(): void
    {
        $this->connect();
        self::assertStringNotContainsString('log-in=', do_shortcode('[deskhand_chat]'));
        $this->plugin->settings->save(['access' => 'members']);
        self::assertStringContainsString('log-in="' . esc_attr(wp_login_url()), do_shortcode('[deskhand_chat]'));
        $answer = self::token();
        self::assertSame([401, 'members_only'], [$answer->get_status(), $answer->get_data()['code']]);
        wp_set_current_user(self::user('subscriber'));
        self::assertSame(200, self::token()->get_status());
    }

    public function testAPluginMayDecideWhoChats(): void
    {
        add_filter('deskhand_may_chat', '__return_false');
        self::assertSame(401, self::token()->get_status());
        remove_filter('deskhand_may_chat', '__return_false');
    }

    public function testWithoutAConnectionThereIsNoToken(): void
    {
        (new \ReflectionProperty($this->plugin->credentials, 'current'))->setValue($this->plugin->credentials, '');
        $answer = self::token();
        self::assertSame([503, 'not_ready'], [$answer->get_status(), $answer->get_data()['code']]);
        self::assertArrayHasKey('Retry-After', $answer->get_headers());
    }

    public function testLimitsByAddressSessionAndUser(): void
    {
        $this->plugin->settings->save(['token_limit' => 3]);
        foreach ([1, 2, 3, 4] as $n) {
            self::assertSame(200, self::token()->get_status(), "the first has no session yet ($n)");
        }
        $answer = self::token();
        self::assertSame(429, $answer->get_status());
        self::assertSame('rate_limited', $answer->get_data()['code']);
        self::assertGreaterThan(0, (int) $answer->get_headers()['Retry-After']);
        self::assertLessThanOrEqual(300, (int) $answer->get_headers()['Retry-After']);
        // A new session at another address.
        $_COOKIE = [];
        $_SERVER['REMOTE_ADDR'] = '198.51.100.7';
        self::assertSame(200, self::token()->get_status());
        // Many sessions at one address.
        for ($n = 1; $n < 12; $n++) {
            $_COOKIE = [];
            self::assertSame(200, self::token()->get_status());
        }
        $_COOKIE = [];
        self::assertSame(429, self::token()->get_status());
        $_SERVER['REMOTE_ADDR'] = '192.0.2.1';
    }

    public function testTheSessionRouteGivesTheNonceOfWhoIsLoggedIn(): void
    {
        $user = self::user('subscriber');
        $answer = self::rest('GET', '/session', [], ['Origin' => home_url()]);
        self::assertSame(['nonce' => wp_create_nonce('wp_rest'), 'logged_in' => false], $answer->get_data());
        self::assertSame('no-store, private', $answer->get_headers()['Cache-Control']);
        $_COOKIE[LOGGED_IN_COOKIE] = wp_generate_auth_cookie($user, time() + 60, 'logged_in');
        $answer = self::rest('GET', '/session', [], ['Origin' => home_url()]);
        self::assertTrue($answer->get_data()['logged_in']);
        self::assertSame(0, get_current_user_id(), 'nobody is logged in by it');
        wp_set_current_user($user);
        self::assertSame(1, wp_verify_nonce($answer->get_data()['nonce'], 'wp_rest'));
        self::assertSame(403, self::rest('GET', '/session', [], ['Origin' => 'https://evil.example'])->get_status());
    }

    public function testAHeadlessSitesServer(): void
    {
        $GLOBALS['wp_rest_application_password_uuid'] = 'x';
        try {
            $visitor = wp_generate_uuid4();
            wp_set_current_user(self::user('subscriber'));
            self::assertSame(403, self::token(['X-WP-Nonce' => ''], ['visitor_id' => $visitor])->get_status());
            $own = self::claims(self::token(['X-WP-Nonce' => ''])->get_data()['token']);
            self::assertSame(Visitor::ofUser(self::SITE, get_current_user_id()), $own['sub']);
            wp_set_current_user(self::user('administrator'));
            self::assertSame($visitor, self::claims(self::token([], ['visitor_id' => $visitor])->get_data()['token'])['sub']);
            self::assertSame(403, self::token([], ['visitor_id' => $visitor, 'origin' => 'https://front.example'])->get_status());
            add_filter('deskhand_origins', $front = static fn (array $own): array => [...$own, 'https://front.example/']);
            self::assertSame('https://front.example', self::claims(self::token([], ['visitor_id' => $visitor, 'origin' => 'https://front.example'])->get_data()['token'])['origin']);
            remove_filter('deskhand_origins', $front);
            self::assertSame(400, self::token([], ['visitor_id' => "1' OR 1=1"])->get_status());
        } finally {
            $GLOBALS['wp_rest_application_password_uuid'] = null;
        }
    }

    public function testAPageHasNothingSecretAndNothingOfAVisitor(): void
    {
        $html = static fn (): string => do_shortcode('[deskhand_chat heading="Ask"]');
        wp_set_current_user(self::user('administrator'));
        $admin = $html();
        wp_set_current_user(0);
        self::assertSame($admin, $html(), 'the same for all, so that it may be cached');
        foreach ([self::SECRET, self::KEY_ID, wp_create_nonce('wp_rest'), 'Bearer'] as $secret) {
            self::assertStringNotContainsString($secret, $admin);
        }
        self::assertStringContainsString('heading="Ask"', $admin);
        self::assertStringContainsString('token-url="' . rest_url('deskhand/v1/token') . '"', $admin);
        self::assertStringNotContainsString('style=', $admin);
        self::assertSame($html(), do_shortcode('[ai_chat heading="Ask"]'));
    }

    public function testWhatAnEditorWritesIntoTheChatIsText(): void
    {
        $evil = '"><script>alert(1)</script>';
        $this->plugin->settings->save(['greeting' => $evil, 'suggestions' => [$evil, 'b'], 'accent' => 'red;}*{x']);
        $html = do_shortcode("[deskhand_chat heading='\"><img src=x onerror=alert(1)>' accent='javascript:x']");
        $html .= render_block(['blockName' => 'deskhand/chat', 'attrs' => ['heading' => $evil, 'suggestions' => [$evil], 'size' => '"x'], 'innerBlocks' => [], 'innerHTML' => '', 'innerContent' => []]);
        $document = new \DOMDocument();
        $document->loadHTML($html, LIBXML_NOERROR);
        self::assertSame(0, $document->getElementsByTagName('script')->length + $document->getElementsByTagName('img')->length);
        $chats = $document->getElementsByTagName('deskhand-chat');
        self::assertSame(2, $chats->length);
        foreach ($chats as $chat) {
            self::assertSame('', $chat->getAttribute('accent'));
            foreach ($chat->attributes as $attribute) {
                self::assertStringStartsNotWith('on', $attribute->name);
            }
        }
    }

    public function testABlockOverridesTheSettings(): void
    {
        $this->plugin->settings->save(['greeting' => 'From the settings', 'heading' => 'Ask us']);
        $html = render_block(['blockName' => 'deskhand/chat', 'attrs' => ['greeting' => 'From the block', 'size' => 'large', 'align' => 'wide'], 'innerBlocks' => [], 'innerHTML' => '', 'innerContent' => []]);
        self::assertStringContainsString('greeting="From the block"', $html);
        self::assertStringContainsString('heading="Ask us"', $html);
        self::assertStringContainsString('deskhand-chat-large', $html);
        self::assertStringContainsString('alignwide', $html);
    }

    public function testWithoutAConnectionAPageShowsNothing(): void
    {
        (new \ReflectionProperty($this->plugin->credentials, 'current'))->setValue($this->plugin->credentials, '');
        self::assertSame('', do_shortcode('[deskhand_chat]'));
        wp_set_current_user(self::user('administrator'));
        self::assertStringContainsString('connected', do_shortcode('[deskhand_chat]'));
    }

    /** @dataProvider addresses */
    public function testAnAddressIsOnlyAsTrueAsTheProxiesThatTellIt(string $peer, string $forwarded, array $proxies, string $expected): void
    {
        $_SERVER['REMOTE_ADDR'] = $peer;
        $_SERVER['HTTP_X_FORWARDED_FOR'] = $forwarded;
        self::assertSame($expected, ClientAddress::of($proxies));
        $_SERVER['REMOTE_ADDR'] = '192.0.2.1';
    }

    public function addresses(): iterable
    {
        yield 'no proxies named' => ['203.0.113.9', '1.2.3.4', [], '203.0.113.9'];
        yield 'not from a proxy' => ['203.0.113.9', '1.2.3.4', ['10.0.0.0/8'], '203.0.113.9'];
        yield 'one proxy' => ['10.0.0.1', '198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'];
        yield 'a visitor who claims another' => ['10.0.0.1', '1.2.3.4, 198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'];
        yield 'two proxies' => ['10.0.0.1', '198.51.100.7, 10.2.0.1', ['10.0.0.0/8'], '198.51.100.7'];
        yield 'nonsense' => ['10.0.0.1', 'x, <script>', ['10.0.0.0/8'], '10.0.0.1'];
        yield 'IPv6' => ['fd00::1', '2001:db8::7', ['fd00::/8'], '2001:db8::7'];
        yield 'a bad range' => ['10.0.0.1', '1.2.3.4', ['10.0.0.0/99', 'x', '10.0.0.0/'], '10.0.0.1'];
    }

    public function testAHouseholdIsOneAddress(): void
    {
        self::assertSame(ClientAddress::network('2001:db8:1:2::1'), ClientAddress::network('2001:db8:1:2:ffff::9'));
        self::assertNotSame(ClientAddress::network('2001:db8:1:2::1'), ClientAddress::network('2001:db8:1:3::1'));
        self::assertSame('192.0.2.9', ClientAddress::network('192.0.2.9'));
    }

    public function testALimitIsCountedOverRequestsAndForgotten(): void
    {
        global $wpdb;
        $hit = static fn (string $what, string $who): int => Limit::hits([[$what, $who, 2]], 60);
        self::assertSame([0, 0], [$hit('x', 'a'), $hit('x', 'a')]);
        self::assertGreaterThan(0, $hit('x', 'a'));
        self::assertSame(0, $hit('x', 'b'));
        self::assertSame(0, $hit('y', 'a'));
        $rows = $wpdb->get_col("SELECT bucket FROM {$wpdb->prefix}deskhand_windows");
        self::assertCount(3, $rows);
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_windows SET until_at = 1");
        Limit::clean();
        self::assertSame('0', $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}deskhand_windows"));
    }

    public function testSettingsTakeOnlyWhatIsValid(): void
    {
        $this->plugin->settings->save([
            'access' => 'everybody', 'launcher' => 'on', 'heading' => "<b>Hi</b>\0", 'suggestions' => "a\n\n b \n" . str_repeat("c\n", 20), 'accent' => '#8a4f1d',
            'token_limit' => '-5', 'retention_days' => 'x', 'post_types' => ['post', 'shop_order', '../x'], 'unknown' => 1,
        ]);
        $all = $this->plugin->settings->all();
        self::assertSame(['public', true, '<b>Hi</b>', '#8a4f1d', 1, 30], [$all['access'], $all['launcher'], $all['heading'], $all['accent'], $all['token_limit'], $all['retention_days']]);
        self::assertSame(['a', 'b', 'c', 'c', 'c', 'c'], $all['suggestions']);
        self::assertSame(['post'], $this->plugin->eligibility->postTypes(), 'orders are never taken in, whatever is asked');
        self::assertArrayNotHasKey('unknown', get_option(Settings::OPTION));
        update_option(Settings::OPTION, 'damaged');
        self::assertSame('public', self::fresh()->settings->get('access'));
    }

    public function testAJobsTokenIsShortAndNamesItsJob(): void
    {
        $claims = self::claims(Token::forJob(self::credentials(), 'site', 'key-7'));
        self::assertSame(['site', 'deskhand-jobs', 'key-7'], [$claims['sub'], $claims['aud'], $claims['jti']]);
        self::assertLessThanOrEqual(60, $claims['exp'] - $claims['iat']);
        self::assertArrayNotHasKey('wp_user', $claims);
        $claims = self::claims(Token::forJob(self::credentials(), self::SITE, 'key-8', 7));
        self::assertSame([7, rest_url('deskhand/v1/profile')], [$claims['wp_user'], $claims['profile']]);
    }
}
