<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Events\Event;
use Deskhand\Events\Outbox;
use Deskhand\Events\Sender;
use Deskhand\Privacy\Tools;

/**
 * What happens on the site reaches the backend's bridge: in the background, signed, at least once.
 */
final class EventsTest extends TestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        require_once __DIR__ . '/forms.php';
        require_once __DIR__ . '/shop.php';
        $this->connect();
        $this->backend = static fn (): array => self::http(202, ['request_id' => wp_generate_uuid4()]);
    }

    private static function outbox(): Outbox
    {
        return new Outbox();
    }

    /** Makes what waits due now, and sends. */
    private function send(): void
    {
        global $wpdb;
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_events SET due_at = 1, claimed_until = 0");
        delete_option(Sender::PAUSE);
        do_action(Sender::HOOK);
    }

    /** @return list<array<string, mixed>> requests to the bridge */
    private function bridged(): array
    {
        return array_values(array_filter($this->requests, static fn (array $r): bool => $r['path'] === '/ingest'));
    }

    /** @return array<string, mixed> */
    private static function claims(string $token): array
    {
        return (array) json_decode((string) base64_decode(strtr(explode('.', $token)[1], '-_', '+/')), true);
    }

    public function testAnythingCanBeToldAndIsSentLater(): void
    {
        do_action('deskhand_event', 'booking.moved', 'booking:12', ['to' => '2026-12-01', 'deep' => ['a' => 1]]);
        self::assertSame([], $this->requests, 'nothing is sent in the request in which it happens');
        self::assertNotFalse(wp_next_scheduled(Sender::HOOK));
        $this->send();
        [$request] = $this->bridged();
        $body = $request['json'];
        self::assertSame(['booking.moved', 'booking:12', ['to' => '2026-12-01', 'deep' => ['a' => 1]]], [$body['event_type'], $body['object_ref'], $body['data']]);
        self::assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/', $body['occurred_at']);
        self::assertSame($body['idempotency_key'], $request['headers']['x-idempotency-key']);
        self::assertSame('sha256=' . hash_hmac('sha256', $request['raw'], self::credentials()->keys()->webhook()), $request['headers']['x-signature']);
        $claims = self::claims(substr($request['headers']['authorization'], 7));
        self::assertSame(['deskhand-events', self::SITE], [$claims['aud'], $claims['iss']]);
        self::assertLessThanOrEqual(300, $claims['exp'] - $claims['iat']);
        self::assertSame([2.0, 0], [$request['args']['timeout'], $request['args']['redirection']]);
        // What the backend has is no longer here.
        self::assertSame(0, self::outbox()->count(Event::WAITING));
        $this->send();
        self::assertCount(1, $this->bridged());
        // An empty object stays one.
        do_action('deskhand_event', 'a.b', 'x', []);
        $this->send();
        self::assertStringContainsString('"data":{}', $this->bridged()[1]['raw']);
    }

    public function testEachTryHasATokenOfItsOwnAndTheSameKeyAndBody(): void
    {
        $this->backend = static fn (): \WP_Error => self::down();
        do_action('deskhand_event', 'a.b', 'x', ['n' => 1]);
        $this->send();
        $this->send();
        [$first, $second] = $this->bridged();
        self::assertSame($first['raw'], $second['raw']);
        self::assertNotSame(self::claims($first['headers']['authorization'])['jti'] ?? 1, self::claims($second['headers']['authorization'])['jti'] ?? 1);
    }

    public function testABackendThatIsAwayLosesNothingAndIsLeftAlone(): void
    {
        $this->backend = static fn (): \WP_Error => self::down();
        foreach (range(1, 5) as $n) {
            do_action('deskhand_event', 'a.b', "x:$n", ['n' => $n]);
        }
        wp_clear_scheduled_hook(Sender::HOOK);
        do_action(Sender::HOOK);
        self::assertCount(1, $this->bridged(), 'one try tells that it is away');
        do_action(Sender::HOOK);
        self::assertCount(1, $this->bridged(), 'and then there is a pause');
        self::assertSame(5, self::outbox()->count(Event::WAITING));
        self::assertGreaterThan(time(), wp_next_scheduled(Sender::HOOK));
        $this->backend = static fn (): array => self::http(200, ['request_id' => 'x']);
        $this->send();
        self::assertSame(['x:1', 'x:1', 'x:2', 'x:3', 'x:4', 'x:5'], array_map(static fn (array $r): string => $r['json']['object_ref'], $this->bridged()));
        self::assertSame(0, self::outbox()->count(Event::WAITING));
    }

    public function testWhatTakesTheOldWordsPlaceHasAllItsDaysBeforeIt(): void
    {
        global $wpdb;
        self::outbox()->add('order.updated', 'order:1', ['total' => 1], 'order:1');
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_events SET created_at = 1000");
        self::outbox()->add('order.updated', 'order:1', ['total' => 2], 'order:1');
        do_action('deskhand_sweep');
        [$event] = self::outbox()->list(10, 0);
        self::assertSame([Event::WAITING, ['total' => 2]], [$event->state, $event->data]);
    }

    public function testWhatTheBackendAsksToWaitForIsWaitedFor(): void
    {
        $this->backend = static fn (): array => self::http(429, ['code' => 'rate_limited', 'detail' => 'Later.', 'retry_after' => 40]);
        do_action('deskhand_event', 'a.b', 'x');
        do_action(Sender::HOOK);
        self::assertGreaterThanOrEqual(time() + 39, self::outbox()->nextDue());
    }

    public function testWhatIsRefusedFailsAtOnceAndOthersGoOn(): void
    {
        $this->backend = static fn (array $r): array => $r['json']['object_ref'] === 'bad'
            ? self::http(422, ['code' => 'invalid_field', 'detail' => 'No such field.'])
            : self::http(202, ['request_id' => 'x']);
        do_action('deskhand_event', 'a.b', 'bad', ['n' => 1]);
        do_action('deskhand_event', 'a.b', 'good', ['n' => 2]);
        $this->send();
        self::assertCount(2, $this->bridged());
        [$failed] = self::outbox()->list(10, 0);
        self::assertSame([Event::FAILED, 'invalid_field', 'No such field.'], [$failed->state, $failed->code, $failed->detail]);
        // By hand it is tried again, or goes.
        self::assertFalse(self::outbox()->again($failed->id + 1));
        self::assertTrue(self::outbox()->again($failed->id));
        $this->send();
        self::assertTrue(self::outbox()->discard($failed->id));
        self::assertSame([], self::outbox()->list(10, 0));
    }

    public function testABrokenBackendIsGivenUpAfterEightTriesAndAnAbsentOneAfterThreeDays(): void
    {
        global $wpdb;
        $this->backend = static fn (): array => self::http(500, ['code' => 'internal', 'detail' => 'Broken.']);
        do_action('deskhand_event', 'a.b', 'x');
        foreach (range(1, 9) as $ignored) {
            $this->send();
        }
        self::assertCount(8, $this->bridged());
        self::assertSame(1, self::outbox()->count(Event::FAILED));
        do_action('deskhand_event', 'a.b', 'y');
        $wpdb->query($wpdb->prepare("UPDATE {$wpdb->prefix}deskhand_events SET created_at = %d WHERE object_ref = 'y'", time() - 3 * DAY_IN_SECONDS - 1));
        do_action('deskhand_sweep');
        self::assertSame(2, self::outbox()->count(Event::FAILED));
        // And forgotten after as long as jobs are.
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_events SET created_at = 1");
        do_action('deskhand_clean');
        self::assertSame(0, self::outbox()->count(Event::FAILED));
    }

    public function testASiteThatIsntConnectedKeepsNothing(): void
    {
        $this->plugin->credentials->forget();
        do_action('deskhand_event', 'a.b', 'x');
        do_action('woocommerce_order_status_changed', 1, 'a', 'b', new \DeskhandTestOrder(1, 7, 'processing', '1.00', 1));
        self::assertSame(0, self::outbox()->count(Event::WAITING));
        // One whose secret can't be read just now is to be mended.
        update_option(\Deskhand\Connection\CredentialStore::OPTION, 'unreadable');
        self::fresh();
        do_action('deskhand_event', 'a.b', 'x');
        self::assertSame(1, self::outbox()->count(Event::WAITING));
    }

    public function testNoTwoRunsSendTheSame(): void
    {
        do_action('deskhand_event', 'a.b', 'x');
        self::assertCount(1, self::outbox()->claim(10));
        self::assertCount(0, self::outbox()->claim(10));
    }

    /** @dataProvider misuses */
    public function testWhatCantBeSentIsSaidToItsDeveloper(array $arguments): void
    {
        $said = [];
        $listen = static function (string $function, string $message) use (&$said): void {
            $said[] = $message;
        };
        add_action('doing_it_wrong_run', $listen, 10, 2);
        add_filter('doing_it_wrong_trigger_error', '__return_false');
        do_action('deskhand_event', ...$arguments);
        remove_action('doing_it_wrong_run', $listen);
        remove_filter('doing_it_wrong_trigger_error', '__return_false');
        self::assertCount(1, $said);
        self::assertSame(0, self::outbox()->count(Event::WAITING));
    }

    public function misuses(): iterable
    {
        yield [['Form Submitted', 'x', []]];
        yield [['form', 'x', []]];
        yield [["a.b\n", 'x', []]];
        yield [['a.b', '', []]];
        yield [['a.b', str_repeat('x', 201), []]];
        yield [['a.b', 'x', 'text']];
        yield [['a.b', 'x', [1, 2]]];
        yield [['a.b', ['x'], []]];
        yield [['a.b', 'x', ['large' => str_repeat('x', 210 * 1024)]]];
    }

    // Forms

    private function submit(): void
    {
        \WPCF7_Submission::$posted = [
            'your-name' => 'Anna Huber', 'your-email' => 'anna@shop.example', 'your-subject' => 'My lamp', 'your-message' => "It flickers.\nWhat now? <b>x</b>",
            'topics' => ['Lamps', 'Returns'], 'secret' => 'hunter2', 'upload' => '/tmp/x.pdf', '_wpcf7' => '12', '_wpcf7_unit_tag' => 'x', 'empty' => '',
        ];
        do_action('wpcf7_mail_sent', new \DeskhandTestContactForm());
    }

    public function testFormsStayHereUntilTheOwnerSaysSo(): void
    {
        $this->submit();
        self::assertSame(0, self::outbox()->count(Event::WAITING));
    }

    public function testAFormOfContactForm7IsTold(): void
    {
        $this->plugin->settings->save(['forms' => true, 'masking' => ['flickers']]);
        $this->submit();
        $this->send();
        $event = $this->bridged()[0]['json'];
        self::assertSame(['form.submitted', 'form:contact-form-7:12'], [$event['event_type'], $event['object_ref']]);
        $data = $event['data'];
        self::assertSame(['contact-form-7', 'Contact us', 'Anna Huber', 'anna@shop.example', 'My lamp'], [$data['plugin'], $data['form_title'], $data['name'], $data['email'], $data['subject']]);
        self::assertStringContainsString('What now? x', $data['message']);
        self::assertStringNotContainsString('flickers', (string) json_encode($data), 'what may never be sent is blanked');
        self::assertSame(home_url('/contact/'), $data['page']);
        self::assertSame(['your-name', 'your-email', 'your-subject', 'your-message', 'topics'], array_column($data['fields'], 'name'));
        self::assertSame('Lamps, Returns', $data['fields'][4]['value']);
        self::assertStringNotContainsString('hunter2', (string) json_encode($event));
    }

    public function testAFormOfWPFormsIsTold(): void
    {
        $this->plugin->settings->save(['forms' => true]);
        do_action('wpforms_process_complete', [
            1 => ['id' => 1, 'name' => 'Name', 'value' => 'Ben', 'type' => 'name'],
            2 => ['id' => 2, 'name' => 'E-mail', 'value' => 'ben@shop.example', 'type' => 'email'],
            3 => ['id' => 3, 'name' => 'Your wish', 'value' => 'A new shade, please.', 'type' => 'textarea'],
            4 => ['id' => 4, 'name' => 'Card', 'value' => '4111 1111 1111 1111', 'type' => 'credit-card'],
            5 => ['id' => 5, 'name' => 'Pass', 'value' => 'hunter2', 'type' => 'password'],
        ], [], ['id' => 7, 'settings' => ['form_title' => 'Wishes']], 99);
        $this->send();
        $event = $this->bridged()[0]['json'];
        self::assertSame('form:wpforms:7', $event['object_ref']);
        self::assertSame(['Ben', 'ben@shop.example', 'A new shade, please.', 'Wishes'], [$event['data']['name'], $event['data']['email'], $event['data']['message'], $event['data']['form_title']]);
        self::assertCount(3, $event['data']['fields']);
    }

    public function testAFormOfGravityFormsIsToldUnlessItIsSpam(): void
    {
        $this->plugin->settings->save(['forms' => true]);
        $form = ['id' => 3, 'title' => 'Quote', 'fields' => [
            (object) ['id' => 1, 'label' => 'Name', 'type' => 'name', 'inputs' => [['id' => '1.3'], ['id' => '1.6']]],
            (object) ['id' => 2, 'label' => 'Email', 'type' => 'email', 'inputs' => null],
            (object) ['id' => 4, 'label' => 'Message', 'type' => 'textarea', 'inputs' => null],
            (object) ['id' => 5, 'label' => 'Card', 'type' => 'creditcard', 'inputs' => [['id' => '5.1']]],
        ]];
        $entry = ['id' => 8, 'status' => 'active', 'source_url' => home_url('/quote/'), '1.3' => 'Clara', '1.6' => 'Meier', '2' => 'clara@shop.example', '4' => 'How much?', '5.1' => '4111111111111111'];
        do_action('gform_after_submission', ['status' => 'spam'] + $entry, $form);
        self::assertSame(0, self::outbox()->count(Event::WAITING));
        do_action('gform_after_submission', $entry, $form);
        $this->send();
        $data = $this->bridged()[0]['json']['data'];
        self::assertSame(['Clara Meier', 'clara@shop.example', 'How much?', home_url('/quote/')], [$data['name'], $data['email'], $data['message'], $data['page']]);
        self::assertStringNotContainsString('4111', (string) json_encode($data));
    }

    public function testAFilterKeepsAFormHere(): void
    {
        $this->plugin->settings->save(['forms' => true]);
        add_filter('deskhand_form', '__return_null');
        $this->submit();
        remove_filter('deskhand_form', '__return_null');
        self::assertSame(0, self::outbox()->count(Event::WAITING));
    }

    public function testAPersonsEventsAreExportedAndErased(): void
    {
        $this->plugin->settings->save(['forms' => true]);
        $this->backend = static fn (): \WP_Error => self::down();
        $this->submit();
        do_action('deskhand_event', 'a.b', 'x', ['of' => 'nobody']);
        $tools = new Tools($this->plugin->credentials, $this->plugin->client(), new \Deskhand\Jobs\JobStore(), self::outbox());
        $exported = (string) json_encode($tools->export('Anna@shop.example')['data']);
        self::assertStringContainsString('What now?', $exported);
        self::assertStringNotContainsString('nobody', $exported);
        $tools->erase('Anna@shop.example');
        self::assertSame(['a.b'], array_map(static fn (Event $e): string => $e->type, self::outbox()->list(10, 0)));
    }

    // The shop

    public function testAnOrderThatIsPaidIsToldOnceAndChangesByTheirNewestWord(): void
    {
        $order = new \DeskhandTestOrder(1001, 7, 'processing', '89.00', 1_700_000_000);
        do_action('woocommerce_payment_complete', 1001, 'tx');
        do_action('woocommerce_order_status_changed', 1001, 'pending', 'processing', $order);
        do_action('woocommerce_update_order', 1001, $order);
        $order->status = 'completed';
        do_action('woocommerce_order_status_changed', 1001, 'processing', 'completed', $order);
        $this->backend = static fn (array $r): array => $r['path'] === '/webhooks/order_updated' ? self::http(204, '') : self::http(202, ['request_id' => 'x']);
        $this->send();
        $paid = $this->bridged()[0]['json'];
        self::assertSame(['order.paid', 'order:1001', ['order_id' => 1001, 'status' => 'processing', 'total' => '89.00', 'currency' => 'EUR', 'wp_user_id' => 7]], [$paid['event_type'], $paid['object_ref'], $paid['data']]);
        $changed = array_values(array_filter($this->requests, static fn (array $r): bool => $r['path'] === '/webhooks/order_updated'));
        self::assertCount(1, $changed);
        self::assertSame(['completed', 7, self::SITE], [$changed[0]['json']['status'], $changed[0]['json']['wp_user_id'], $changed[0]['json']['site_id']]);
        self::assertSame('sha256=' . hash_hmac('sha256', $changed[0]['raw'], self::credentials()->keys()->webhook()), $changed[0]['headers']['x-wp-signature']);
        self::assertSame(0, self::outbox()->count(Event::WAITING) + self::outbox()->count(Event::FAILED));
    }

    public function testAChangeWhileTheLastIsOnItsWayIsStillSent(): void
    {
        $order = new \DeskhandTestOrder(1002, 7, 'processing', '1.00', 1);
        do_action('woocommerce_order_status_changed', 1002, 'a', 'b', $order);
        $this->backend = static function () use ($order): array {
            if ($order->status === 'processing') {
                $order->status = 'completed';
                do_action('woocommerce_order_status_changed', 1002, 'b', 'c', $order);
            }
            return self::http(204, '');
        };
        $this->send();
        $this->send();
        self::assertSame(['processing', 'completed'], array_map(static fn (array $r): string => $r['json']['status'], $this->requests));
        self::assertSame(0, self::outbox()->count(Event::WAITING));
    }

    public function testSubscriptionsAreToldAndGuestsAndUnknownOrdersAreNot(): void
    {
        do_action('woocommerce_order_status_changed', 1, 'a', 'b', new \DeskhandTestOrder(1, 0, 'processing', '1.00', 1));
        do_action('woocommerce_order_status_changed', 404, 'a', 'b', null);
        self::assertSame(0, self::outbox()->count(Event::WAITING));
        do_action('woocommerce_subscription_status_updated', new \DeskhandTestOrder(55, 7, 'active', '9.00', 1), 'active', 'on-hold');
        self::assertSame('subscription:55', self::outbox()->list(1, 0)[0]->objectRef);
        $this->plugin->settings->save(['orders' => false]);
        do_action('woocommerce_payment_complete', 55);
        self::assertSame(1, self::outbox()->count(Event::WAITING));
    }

    public function testACustomersProfileHasTheLastOrders(): void
    {
        \DeskhandTestOrder::$all = [];
        $user = self::user('customer');
        foreach (range(1, 7) as $n) {
            new \DeskhandTestOrder($n, $user, 'completed', "$n.00", 1_700_000_000 + $n);
        }
        new \DeskhandTestOrder(99, $user + 1, 'completed', '5.00', 1_800_000_000);
        $profile = apply_filters('deskhand_profile', ['name' => 'x', 'email' => 'x', 'orders' => []], get_userdata($user));
        self::assertSame(['S-7', 'S-6', 'S-5', 'S-4', 'S-3'], array_column($profile['orders'], 'number'));
        self::assertSame(['number' => 'S-7', 'status' => 'completed', 'total' => '7.00', 'currency' => 'EUR', 'items' => 2, 'created_at' => '2023-11-14T22:13:27Z'], $profile['orders'][0]);
        $this->plugin->settings->save(['orders' => false]);
        self::assertSame([], apply_filters('deskhand_profile', ['orders' => []], get_userdata($user))['orders']);
    }
}
