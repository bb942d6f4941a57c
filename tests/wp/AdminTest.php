<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Abilities\Reads;
use Deskhand\Admin\ConnectionForm;
use Deskhand\Admin\Fields;
use Deskhand\Admin\JobsPage;
use Deskhand\Admin\Plot;
use Deskhand\Admin\Usage;
use Deskhand\Admin\UsagePage;
use Deskhand\Cli\Commands;
use Deskhand\Connection\Check;
use Deskhand\Connection\Connector;
use Deskhand\Connection\Credentials;
use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Test;
use Deskhand\Jobs\JobStore;
use Deskhand\Knowledge\DocumentsTable;
use Deskhand\Jobs\Mask;
use Deskhand\Jobs\Sender;
use Deskhand\Knowledge\Sender as KnowledgeSender;
use Deskhand\Settings;

final class AdminTest extends TestCase
{
    public function testWhatTheCommandPrintsCanBePastedAsTextOrJson(): void
    {
        // A public address, since a typed one has to be.
        $text = "Site    " . self::SITE . " (shop)\nKey id  dk_ab12\nSecret  " . self::SECRET . "\nThe secret is shown this once.\n";
        $json = (string) json_encode(['site_id' => self::SITE, 'slug' => 'shop', 'kid' => 'dk_ab12', 'secret' => self::SECRET]);
        foreach ([$text, $json, str_replace("\n", "\r\n", $text), "$ deskhand site add https://shop.example\n$text"] as $pasted) {
            $read = ConnectionForm::read('https://1.1.1.1', $pasted);
            self::assertInstanceOf(Credentials::class, $read, is_string($read) ? $read : '');
            self::assertSame([self::SITE, 'dk_ab12'], [$read->siteId, $read->keyId]);
            self::assertSame(self::credentials()->keys()->token(), $read->keys()->token());
        }
        foreach (['', 'nonsense', '[]', '{"site_id": 5}', str_replace(self::SECRET, 'short', $text), str_replace(self::SITE, 'x', $text)] as $pasted) {
            self::assertIsString(ConnectionForm::read('https://1.1.1.1', $pasted), $pasted);
        }
    }

    /** SSRF through the settings: nothing in a private network, no other scheme, no path, no user. */
    public function testAddressesThatAreTypedMustBePublicOnes(): void
    {
        $json = (string) json_encode(['site_id' => self::SITE, 'kid' => 'dk_a', 'secret' => self::SECRET]);
        foreach (
            [
                'http://1.1.1.1', 'https://127.0.0.1', 'https://localhost', 'https://10.0.0.1', 'https://192.168.1.1', 'https://172.16.0.1', 'https://169.254.169.254',
                'https://[::1]', 'https://[fd00::1]', 'https://[::ffff:10.0.0.1]', 'https://0.0.0.0', 'https://100.64.0.1', 'https://2130706433', 'https://0x7f.1', 'https://1.1.1.1/path',
                'https://u:p@1.1.1.1', 'https://1.1.1.1?x', 'ftp://1.1.1.1', 'file:///etc/passwd', 'gopher://1.1.1.1', 'https://', 'javascript:alert(1)', "https://1.1.1.1\r\nHost: x",
                'https://no-such-host.invalid',
            ] as $url
        ) {
            self::assertIsString(ConnectionForm::read($url, $json), $url);
        }
    }

    public function testEachSettingHasAFieldAndEachFieldASetting(): void
    {
        $fields = [];
        foreach (array_keys(Fields::tabs()) as $tab) {
            $fields = [...$fields, ...array_column(Fields::of($tab), 'key')];
        }
        self::assertEqualsCanonicalizing(array_keys(Settings::table()), $fields);
    }

    public function testFieldsEscapeWhatIsInThem(): void
    {
        $evil = '" autofocus onfocus=alert(1) x="<script>alert(1)</script></textarea>';
        update_option(Settings::OPTION, array_fill_keys(['heading', 'greeting', 'consent', 'prompt_addition'], $evil) + ['suggestions' => [$evil], 'masking' => [$evil], 'accent' => $evil, 'post_types' => [$evil]]);
        $settings = self::fresh()->settings;
        ob_start();
        foreach (array_keys(Fields::tabs()) as $tab) {
            foreach (Fields::of($tab) as $field) {
                Fields::row($field, $settings->get($field['key']));
            }
        }
        $html = (string) ob_get_clean();
        self::assertStringNotContainsString('<script', $html);
        self::assertStringNotContainsString('" autofocus', $html);
        self::assertStringContainsString('&quot; autofocus', $html);
    }

    /** Texts are plain ones, escaped where they are shown: nothing of what somebody typed is eaten. */
    public function testTextsAreKeptAsTheyWereTyped(): void
    {
        $typed = "<b>Hi</b> 5 < 6 & \"q\" %41 it's\tso\nand so — 👩‍👩‍👧";
        foreach (['greeting', 'consent', 'prompt_addition'] as $key) {
            self::assertSame([$key => $typed], Settings::cleaned([$key => $typed]));
        }
        self::assertSame(['masking' => ['<internal>', 'a & b']], Settings::cleaned(['masking' => "<internal>\r\n\r\n a & b "]));
        self::assertSame(['heading' => 'ab?'], Settings::cleaned(['heading' => " a\x00\x07\x1bb\xff "]));
        self::assertSame(['heading' => ''], Settings::cleaned(['heading' => ['x']]));
        update_option(Settings::OPTION, ['greeting' => $typed]);
        $this->connect();
        self::fresh();
        $this->connect();
        $html = do_shortcode('[deskhand_chat]');
        self::assertStringContainsString(esc_attr($typed), $html);
        self::assertStringNotContainsString('<b>', $html);
    }

    /** @dataProvider mistakes */
    public function testWhatCantBeTakenAsItWasTypedIsNamed(string $key, mixed $typed, string $word): void
    {
        $wrong = Settings::wrong([$key => $typed, 'greeting' => 'Hello']);
        self::assertSame([$key], array_keys($wrong));
        self::assertStringContainsString($word, $wrong[$key]);
    }

    public function mistakes(): iterable
    {
        yield ['prompt_addition', str_repeat('x', 3000), '3000'];
        yield ['chat_limit', '-5', '1 to 1000'];
        yield ['token_limit', 'abc', '1 to 1000'];
        yield ['token_limit', '1e3', '1 to 1000'];
        yield ['job_limit', '9999999', '1 to 1000'];
        yield ['retention_days', '0', '1 to 3650'];
        yield ['retention_days', ['7'], '1 to 3650'];
        yield ['trusted_proxies', "10.0.0.0/8\nfoo", 'foo'];
        yield ['trusted_proxies', '10.0.0.0/99', '10.0.0.0/99'];
        yield ['callback_addresses', '300.1.1.1', '300.1.1.1'];
        yield ['callback_addresses', '2001:db8::/129', '/129'];
        yield ['suggestions', "1\n2\n3\n4\n5\n6\n7", '6 lines'];
        yield ['suggestions', str_repeat('x', 121), '120'];
        yield ['accent', 'green', '#1f5f5b'];
    }

    public function testWhatIsRightIsTakenAsItWasTyped(): void
    {
        self::assertSame([], Settings::wrong([
            'prompt_addition' => str_repeat('ü', 1000), 'chat_limit' => '1000', 'retention_days' => '3650', 'trusted_proxies' => "203.0.113.0/24\r\n2001:db8::/32\n::1\n\n",
            'callback_addresses' => '', 'suggestions' => "1\n\n2\n3\n4\n5\n6", 'accent' => '', 'launcher' => '1', 'access' => 'members',
        ]));
    }

    public function testTheBackendKeepsHowFarTheAgentGoes(): void
    {
        $this->connect();
        wp_set_current_user(1);
        $mode = 'assist';
        $this->backend = static function (array $request) use (&$mode): array {
            $mode = $request['method'] === 'PATCH' ? $request['json']['mode'] : $mode;
            return self::http(200, ['name' => 'Rig', 'mode' => $mode]);
        };
        self::assertSame(['mode' => 'assist'], self::rest('GET', '/rollout')->get_data());
        self::assertSame(['mode' => 'full'], self::rest('POST', '/rollout', ['mode' => 'full'])->get_data());
        self::assertSame('full', $mode);
        self::assertSame(400, self::rest('POST', '/rollout', ['mode' => 'everything'])->get_status());
        self::assertStringStartsWith('Bearer ' . self::KEY_ID . '.', end($this->requests)['headers']['authorization']);
        $mode = '<script>';
        self::assertSame(502, self::rest('GET', '/rollout')->get_status());
        $this->backend = static fn (): array => self::http(404, ['code' => 'not_found', 'detail' => 'No such path.']);
        self::assertStringContainsString('deskhand site mode', self::rest('GET', '/rollout')->get_data()['detail']);
        $this->backend = static fn (): \WP_Error => self::down();
        self::assertSame('unreachable', self::rest('GET', '/rollout')->get_data()['code']);
    }

    private function ping(array $told = [], ?string $signature = null, int $status = 200): void
    {
        $this->connect();
        $this->backend = function (array $request) use ($told, $signature, $status): array {
            if ($request['path'] !== '/webhook/wp-ping') {
                return self::http(404, ['code' => 'not_found', 'detail' => 'Nothing here.']);
            }
            $body = (string) json_encode($told + ['version' => '1.2.3', 'api' => 1, 'time' => gmdate('c'), 'site_id' => self::SITE, 'nonce' => $request['json']['nonce'], 'mode' => 'full', 'origins' => \Deskhand\Rest\Origin::own(), 'model' => false, 'documents' => 2]);
            return self::http($status, $body, ['x-deskhand-signature' => $signature ?? 'sha256=' . hash_hmac('sha256', $body, self::credentials()->keys()->callback())]);
        };
    }

    /** @return array<string, string> the state of each check */
    private function checks(): array
    {
        $test = new Test($this->plugin->credentials, $this->plugin->client());
        $states = [];
        foreach ($test->run() as $check) {
            $states[$check->id] = $check->state;
            self::assertNotSame('', $check->detail);
            self::assertSame($check->state === Check::GOOD, $check->mend === '', "$check->id says what to do");
        }
        return $states;
    }

    public function testTheConnectionTestFindsWhatIsWrong(): void
    {
        self::assertSame(['credentials' => 'bad'], $this->checks());
        $this->ping();
        self::assertSame(['reachable' => 'good', 'clock' => 'good', 'signature' => 'good', 'signature_back' => 'good', 'version' => 'good', 'origin' => 'good', 'documents' => 'good'], array_diff_key($this->checks(), ['https' => 1]));
        $this->ping(['time' => gmdate('c', time() - 60)]);
        self::assertSame('warning', $this->checks()['clock']);
        $this->ping(['time' => gmdate('c', time() + 400)]);
        self::assertSame('bad', $this->checks()['clock']);
        $this->ping(signature: 'sha256=' . str_repeat('0', 64));
        self::assertSame('bad', $this->checks()['signature_back']);
        $this->ping(['nonce' => 'an older one']);
        self::assertSame('bad', $this->checks()['signature_back']);
        $this->ping(['site_id' => wp_generate_uuid4()]);
        self::assertSame('bad', $this->checks()['signature_back']);
        $this->ping(['api' => 2]);
        self::assertSame('bad', $this->checks()['version']);
        $this->ping(['origins' => ['https://elsewhere.example']]);
        self::assertSame('bad', $this->checks()['origin']);
        $this->ping(['documents' => 0]);
        self::assertSame('warning', $this->checks()['documents']);
        $this->ping(['key_ends_at' => gmdate('c', time() + 3600)]);
        self::assertSame('warning', $this->checks()['secret'], 'replaced, and not pasted yet');
        $this->ping(['way_back' => ['open' => true]]);
        self::assertSame('good', $this->checks()['way_back']);
        self::assertStringEndsWith('deskhand/v1/ping', end($this->requests)['json']['callback_url']);
        foreach ([['open' => false, 'code' => 'address_not_allowed', 'detail' => 'No <b>.'], ['open' => 'yes'], []] as $closed) {
            $this->ping(['way_back' => $closed]);
            self::assertSame('bad', $this->checks()['way_back']);
        }
        $this->ping(['code' => 'bad_signature', 'detail' => 'The signature is wrong.'], status: 401);
        self::assertSame('bad', $this->checks()['signature']);
        $this->ping(['code' => 'stale_timestamp', 'detail' => 'Too old.'], status: 401);
        self::assertSame(['bad', 'bad'], [$this->checks()['clock'], $this->checks()['signature']]);
        $this->backend = static fn (): \WP_Error => self::down();
        self::assertSame('bad', $this->checks()['reachable']);
        $this->backend = static fn (): array => self::http(302, '', ['location' => 'https://elsewhere.example']);
        self::assertSame('bad', $this->checks()['reachable']);
        $this->backend = static fn (): array => self::http(200, '<html>A parking page</html>');
        self::assertSame('bad', $this->checks()['reachable']);
    }

    public function testConnectingTriesFirstAndKeepsWhatWorks(): void
    {
        $new = self::credentials('https://1.1.1.1', fixed: false);
        $store = $this->plugin->credentials;
        $this->ping();
        delete_option(CredentialStore::OPTION);
        $store = self::fresh()->credentials;
        self::assertSame('success', (new Connector($store))->connect($new)[0]);
        self::assertSame('https://1.1.1.1', $store->current()->url);
        // What is worth a warning in the connection test keeps nobody from connecting.
        $this->ping(['origins' => [], 'documents' => 0]);
        $store = self::fresh()->credentials;
        self::assertSame('success', (new Connector($store))->connect($new)[0]);

        $other = self::credentials('https://1.0.0.1', str_repeat('ab', 32), 'dk_new', false);
        $this->backend = static fn (): \WP_Error => self::down();
        [$kind, $text] = (new Connector($store))->connect($other);
        self::assertSame('error', $kind);
        self::assertStringContainsString('can\'t be reached', $text);
        $this->backend = static fn (): array => self::http(401, ['code' => 'bad_signature', 'detail' => 'The signature is wrong.']);
        [$kind, $text] = (new Connector($store))->connect($other);
        self::assertSame('error', $kind);
        self::assertStringContainsString('The signature is wrong.', $text);
        self::assertSame(self::KEY_ID, (new CredentialStore())->current()->keyId, 'the connection there was goes on');

        // With nothing to lose it is kept, and said.
        $store->forget();
        [$kind, $text] = (new Connector($store))->connect($other);
        self::assertSame('warning', $kind);
        self::assertStringContainsString('Saved, but', $text);
        self::assertSame('dk_new', (new CredentialStore())->current()->keyId);
    }

    public function testASecretThatWasMovedOutOfTheDatabaseIsToldOfWhileACopyIsThere(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-site-health.php';
        $health = static fn (): array => apply_filters('site_status_tests', ['direct' => [], 'async' => []])['direct']['deskhand_secret']['test']();
        $page = static function (): string {
            ob_start();
            (new ConnectionForm(\Deskhand\Plugin::get()->credentials))->show();
            return (string) ob_get_clean();
        };
        $this->connect();
        self::assertSame('recommended', $health()['status']);
        self::assertStringContainsString('copy', $health()['label']);
        self::assertStringContainsString('Delete the copy', $page());
        delete_option(CredentialStore::OPTION);
        self::assertSame('good', $health()['status']);
        self::assertStringNotContainsString('Delete the copy', $page());
    }

    public function testANoticeThatWasClosedComesBackWhenWhatItTellsOfHasChanged(): void
    {
        $this->connect();
        $admin = self::user('administrator');
        wp_set_current_user($admin);
        set_current_screen('dashboard');
        $notices = static function (): array {
            ob_start();
            do_action('admin_notices');
            preg_match_all('/data-deskhand-notice="(\w+)" data-deskhand-state="(\w+)"/', (string) ob_get_clean(), $found);
            return array_combine($found[1], $found[2]);
        };
        self::assertSame([], $notices());
        $fail = function (string $ref): void {
            do_action('deskhand_event', 'a.b', $ref);
            $this->backend = static fn (): array => self::http(422, ['code' => 'invalid_field', 'detail' => 'No.']);
            do_action('deskhand_events');
        };
        $fail('one');
        $jobs = new JobStore();
        foreach (range(1, 5) as $n) {
            [$job] = $jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', "k$n");
            $jobs->finish($job, 'failed', null, 'no_model', 'No model.');
        }
        $shown = $notices();
        self::assertSame(['events', 'jobs'], array_keys($shown));
        foreach ($shown as $notice => $state) {
            self::assertSame(204, self::rest('POST', '/notices/dismissed', ['notice' => $notice, 'state' => $state])->get_status());
        }
        self::assertSame([], $notices());
        wp_set_current_user(self::user('administrator'));
        self::assertSame(['events', 'jobs'], array_keys($notices()), 'for others it is still there');
        wp_set_current_user($admin);
        // One more job of the same kind is no news; another kind is, and so is another event.
        [$job] = $jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'k6');
        $jobs->finish($job, 'failed', null, 'no_model', 'No model.');
        self::assertSame([], $notices());
        $fail('two');
        [$job] = $jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'k7');
        $jobs->finish($job, 'failed', null, 'budget_exceeded', 'Spent.');
        self::assertSame(['events', 'jobs'], array_keys($notices()));
        // An absence that ends and begins anew is told anew.
        update_option(KnowledgeSender::PAUSE, ['until' => 1, 'failures' => 5, 'since' => 1000, 'code' => 'unreachable', 'detail' => 'Away.'], false);
        self::rest('POST', '/notices/dismissed', ['notice' => 'sending', 'state' => $notices()['sending']]);
        self::assertArrayNotHasKey('sending', $notices());
        update_option(KnowledgeSender::PAUSE, ['until' => 1, 'failures' => 6, 'since' => 1000, 'code' => 'unreachable', 'detail' => 'Away.'], false);
        self::assertArrayNotHasKey('sending', $notices());
        update_option(KnowledgeSender::PAUSE, ['until' => 1, 'failures' => 5, 'since' => 2000, 'code' => 'unreachable', 'detail' => 'Away.'], false);
        self::assertArrayHasKey('sending', $notices());
        self::assertSame(400, self::rest('POST', '/notices/dismissed', ['notice' => 'anything', 'state' => 'x'])->get_status());
    }

    public function testOfNoQuestionsNoShareIsShown(): void
    {
        $this->connect();
        $figures = static function (array $rows): string {
            ob_start();
            (new \ReflectionMethod(UsagePage::class, 'figures'))->invoke((new \ReflectionClass(UsagePage::class))->newInstanceWithoutConstructor(), $rows);
            return (string) ob_get_clean();
        };
        $day = ['date' => '2026-11-27', 'currency' => ''] + array_fill_keys(Usage::FIGURES, 0);
        self::assertStringNotContainsString('0 %', $figures([$day]));
        self::assertStringContainsString('50 %', $figures([['turns' => 2, 'answered' => 1] + $day]));
    }

    public function testAnEmptyListSaysWhyItIs(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
        set_current_screen('dashboard');
        $words = static function (array $query): string {
            $_GET = $query;
            $_REQUEST = $query;
            $table = new DocumentsTable(\Deskhand\Plugin::get()->documents);
            $table->prepare_items();
            self::assertSame([], $table->items);
            ob_start();
            $table->no_items();
            $_GET = $_REQUEST = [];
            return (string) ob_get_clean();
        };
        self::assertStringContainsString('Send everything', $words([]));
        self::post();
        self::assertStringContainsString('No title', $words(['s' => 'no such title']));
        self::assertStringContainsString('like that', $words(['view' => 'failed']));
        // WordPress leads away from a page that isn't there, where it still can.
        add_filter('wp_redirect', '__return_false');
        self::assertStringContainsString('that long', $words(['paged' => '99']));
        remove_filter('wp_redirect', '__return_false');
    }

    public function testDisconnectingAsksFirst(): void
    {
        update_option(CredentialStore::OPTION, self::credentials('https://1.1.1.1', fixed: false)->sealed());
        ob_start();
        (new ConnectionForm(self::fresh()->credentials))->show();
        $html = (string) ob_get_clean();
        self::assertMatchesRegularExpression('~<details class="deskhand-disconnect"><summary>Disconnect…</summary>.*can&#039;t be shown again.*Yes, disconnect this site~s', $html);
        self::assertStringNotContainsString('/console', $html);
    }

    public function testUsageHasEachDayOnceWhateverTheProviders(): void
    {
        $this->connect();
        $today = current_datetime()->format('Y-m-d');
        $this->backend = static fn (array $request): array => self::http(200, ['days' => [
            ['date' => $today, 'turns' => 3, 'answered' => 2, 'handoffs' => 1, 'degraded' => 0, 'tokens_in' => 100, 'tokens_out' => 10, 'cost_micro' => 1500, 'currency' => 'EUR', 'provider' => 'a'],
            ['date' => $today, 'turns' => 1, 'answered' => 1, 'tokens_in' => '<b>', 'cost_micro' => -5, 'provider' => 'extractive'],
            ['date' => '1999-01-01', 'turns' => 9], 'nonsense', [],
        ]]);
        $rows = (new Usage($this->plugin->client()))->of(7);
        self::assertCount(7, $rows);
        self::assertSame(['date' => $today, 'currency' => 'EUR', 'turns' => 4, 'answered' => 3, 'handoffs' => 1, 'degraded' => 0, 'tokens_in' => 100, 'tokens_out' => 10, 'cost_micro' => 1500], $rows[6]);
        self::assertSame(4, Usage::sum($rows)['turns']);
    }

    public function testPlotsEscapeAndStandOnPlainFigures(): void
    {
        $svg = Plot::bars('"><script>', ['2026-11-26', '<b>'], ['answered' => [3.0, 41.0]], static fn (float $v): string => "<i>$v");
        self::assertStringNotContainsString('<script', $svg);
        self::assertStringNotContainsString('<b>', $svg);
        self::assertStringNotContainsString('<i>', $svg);
        self::assertStringContainsString('&lt;i&gt;50</text>', $svg);
        self::assertSame(2, substr_count($svg, '<rect'));
        self::assertStringContainsString('</svg>', Plot::bars('Empty', ['2026-11-26'], ['answered' => [0.0]], 'strval'));
    }

    public function testCellsOfTheCsvAreNoFormulas(): void
    {
        $jobs = new JobStore();
        foreach (['=HYPERLINK("x")', '+1', '-1', '@x', "a,\"b\"\nc"] as $i => $text) {
            $jobs->add('infer', 1, '', ['prompt' => $text], 'h', "k$i");
        }
        $page = new JobsPage($jobs, new Sender($jobs, $this->plugin->credentials, $this->plugin->client()));
        $out = fopen('php://memory', 'w+');
        $page->write($out, []);
        rewind($out);
        $rows = [];
        while (($row = fgetcsv($out, null, ',', '"', '')) !== false) {
            $rows[] = $row;
        }
        self::assertCount(6, $rows);
        $prompts = array_column(array_slice($rows, 1), 12);
        self::assertEqualsCanonicalizing(['\'=HYPERLINK("x")', "'+1", "'-1", "'@x", "a,\"b\"\nc"], $prompts);
    }

    public function testMasksTakeWholeWordsAndPatterns(): void
    {
        self::assertSame('▮▮▮ and ▮▮▮, not bluebird', Mask::apply('Blue and KD-12, not bluebird', ['blue', 'KD-##']));
        self::assertSame('▮▮▮ ▮▮▮', Mask::apply('konto-a7 Konto-', ['Konto-*']));
        self::assertSame('(a+b)', Mask::apply('(a+b)', ['.*x', 'a.b']));
        self::assertSame('', Mask::apply("\xff\xfe", ['x']));
    }

    public function testTheCommandLineSaysWhatThereIs(): void
    {
        $this->ping();
        $usage = new Usage($this->plugin->client());
        $commands = new Commands($usage, new Test($this->plugin->credentials, $this->plugin->client()), new JobStore(), static fn (): int => 7);
        [$lines, $isGood] = $commands->test();
        self::assertTrue($isGood);
        self::assertStringContainsString('1.2.3', implode("\n", $lines));
        self::assertSame('Nothing here.', $commands->stats(30));
        $this->backend = static fn (): array => self::http(200, ['days' => []]);
        self::assertContains(['figure' => 'jobs failed', 'value' => '0'], $commands->stats(30));
        $this->backend = static fn (): \WP_Error => self::down();
        self::assertFalse($commands->test()[1]);
    }

    public function testSiteHealthAsksTheBackendLaterAndWarnsOfASecretInTheDatabase(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-site-health.php';
        $tests = apply_filters('site_status_tests', ['direct' => [], 'async' => []]);
        self::assertArrayHasKey('deskhand_connection', $tests['async']);
        self::assertSame([], $this->requests, 'nobody was asked for the list');
        $this->connect();
        $store = $this->plugin->credentials;
        (new \ReflectionProperty($store, 'current'))->setValue($store, self::credentials('https://1.1.1.1', fixed: false));
        self::assertSame('recommended', $tests['direct']['deskhand_secret']['test']()['status']);
        (new \ReflectionProperty($store, 'current'))->setValue($store, self::credentials());
        delete_option(CredentialStore::OPTION);
        self::assertSame('good', $tests['direct']['deskhand_secret']['test']()['status']);
        $this->backend = static fn (): \WP_Error => self::down();
        self::assertSame('critical', $tests['async']['deskhand_connection']['async_direct_test']()['status']);
        self::assertSame(401, self::rest('GET', '/site-health/connection')->get_status());
        wp_set_current_user(self::user('editor'));
        self::assertSame(403, self::rest('GET', '/site-health/connection')->get_status());
        wp_set_current_user(1);
        self::assertSame(200, self::rest('GET', '/site-health/connection')->get_status());
    }

    public function testAbilitiesAreReadOnlyAndForAdministrators(): void
    {
        if (!function_exists('wp_get_abilities')) {
            // Before WordPress 6.9 there are none; then at least nothing breaks.
            self::assertTrue(has_action('wp_abilities_api_init') !== false);
            return;
        }
        $ours = array_filter(wp_get_abilities(), static fn ($ability): bool => str_starts_with($ability->get_name(), 'deskhand/'));
        self::assertCount(5, $ours);
        $this->ping();
        foreach ($ours as $ability) {
            self::assertTrue($ability->get_meta()['annotations']['readonly']);
            wp_set_current_user(self::user('editor'));
            self::assertFalse($ability->check_permissions([]) === true, $ability->get_name());
            wp_set_current_user(1);
            self::assertTrue($ability->check_permissions([]), $ability->get_name());
        }
        $state = wp_get_ability('deskhand/test-connection')->execute([]);
        self::assertIsArray($state, is_wp_error($state) ? $state->get_error_message() : '');
        self::assertSame('warning', $state['state']);
        self::assertSame(['pending' => 0, 'running' => 0, 'succeeded' => 0, 'failed' => 0], wp_get_ability('deskhand/count-jobs')->execute(['days' => 3]));
        self::assertInstanceOf(\WP_Error::class, wp_get_ability('deskhand/count-jobs')->execute(['days' => 0]));
    }
}
