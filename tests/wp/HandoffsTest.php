<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Admin\Handoffs;

/**
 * Staff who are in wp-admin hear that conversations wait, and no page waits for the backend.
 */
final class HandoffsTest extends TestCase
{
    private function handoffs(): Handoffs
    {
        return new Handoffs($this->plugin->credentials, $this->plugin->client());
    }

    private function html(string $role): string
    {
        wp_set_current_user(self::user($role));
        set_current_screen('dashboard');
        ob_start();
        (new \ReflectionMethod(Handoffs::class, 'show'))->invoke($this->handoffs());
        return (string) ob_get_clean();
    }

    public function testStaffAreToldWhatTheBackendSaidInTheBackground(): void
    {
        $this->connect();
        $oldest = gmdate('Y-m-d\TH:i:s\Z', time() - 12 * MINUTE_IN_SECONDS);
        $this->backend = static fn (): array => self::http(200, ['count' => 3, 'oldest' => $oldest, 'reasons' => ['needs_approval' => 1, 'visitor_asked' => 2, '<script>' => 1], 'tickets' => 1, 'console' => '/console']);
        self::assertSame('', $this->html('administrator'), 'nothing is known yet');
        self::assertSame([], $this->requests, 'and no page asks');
        do_action(Handoffs::HOOK);
        self::assertSame(['GET', '/api/handoffs'], [$this->requests[0]['method'], $this->requests[0]['path']]);
        $html = $this->html('administrator');
        self::assertStringContainsString('3 conversations wait for your team. The longest for 12 minutes', str_replace('12 mins', '12 minutes', $html));
        self::assertStringContainsString('Why: something is to be approved, a person is wanted (2), the agent got stuck.', $html);
        self::assertStringContainsString('<code>deskhand inbox list</code>', $html);
        self::assertStringNotContainsString('/console', $html, 'there is none yet');
        self::assertStringNotContainsString('<script', $html);
        self::assertStringContainsString('count-3', $this->handoffs()->bubble());
        self::assertSame('', $this->html('editor'), 'who isn\'t staff hears nothing');
        self::assertSame('', $this->handoffs()->bubble());
        get_role('editor')->add_cap('deskhand_staff');
        self::assertStringContainsString('3 conversations', $this->html('editor'));
        get_role('editor')->remove_cap('deskhand_staff');
    }

    public function testABackendThatIsAwayIsNoNewsAndOldNewsIsNone(): void
    {
        $this->connect();
        $this->backend = static fn (): array => self::http(200, ['count' => 1, 'oldest' => null, 'reasons' => []]);
        do_action(Handoffs::HOOK);
        $this->backend = static fn (): \WP_Error => self::down();
        do_action(Handoffs::HOOK);
        self::assertStringContainsString('1 conversation waits', $this->html('administrator'));
        update_option(Handoffs::OPTION, ['at' => time() - HOUR_IN_SECONDS - 1] + get_option(Handoffs::OPTION));
        self::assertSame('', $this->html('administrator'));
        $this->backend = static fn (): array => self::http(200, ['count' => 0, 'oldest' => null, 'reasons' => []]);
        do_action(Handoffs::HOOK);
        self::assertSame('', $this->html('administrator'));
    }

    public function testItIsAskedOnceAMinuteAtMost(): void
    {
        $this->connect();
        $refresh = fn () => (new \ReflectionMethod(Handoffs::class, 'refresh'))->invoke($this->handoffs());
        wp_set_current_user(self::user('subscriber'));
        $refresh();
        self::assertFalse(wp_next_scheduled(Handoffs::HOOK));
        wp_set_current_user(self::user('administrator'));
        $refresh();
        self::assertNotFalse(wp_next_scheduled(Handoffs::HOOK));
        wp_clear_scheduled_hook(Handoffs::HOOK);
        $this->backend = static fn (): array => self::http(200, ['count' => 0]);
        do_action(Handoffs::HOOK);
        $refresh();
        self::assertFalse(wp_next_scheduled(Handoffs::HOOK));
    }
}
