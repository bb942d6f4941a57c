<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Install\Lifecycle;
use Deskhand\Knowledge\Sender;

/**
 * Where Action Scheduler is, it runs what waits, and WordPress's cron doesn't.
 */
final class ActionSchedulerTest extends TestCase
{
    protected function setUp(): void
    {
        require_once __DIR__ . '/action-scheduler.php';
        parent::setUp();
        \ActionScheduler::$isOn = true;
        \ActionScheduler::$actions = [];
        $this->connect();
    }

    protected function tearDown(): void
    {
        \ActionScheduler::$isOn = false;
        parent::tearDown();
    }

    /** @return list<int|null> */
    private static function pending(): array
    {
        return array_column(array_filter(\ActionScheduler::$actions, static fn (array $a): bool => $a['status'] === 'pending'), 'when');
    }

    public function testAnEventIsSentAtOnceAndAskedForLater(): void
    {
        self::post();
        self::assertSame([null], self::pending(), 'once, however many changes there were');
        self::assertFalse(wp_next_scheduled(Sender::HOOK));
        self::assertSame([], $this->requests);
        \ActionScheduler::run();
        self::assertCount(1, $this->sent());
        // While it ran it planned the next one: what became of the document.
        self::assertCount(1, self::pending());
        self::assertEqualsWithDelta(time() + 5, self::pending()[0], 2);
    }

    public function testWhatIsNewDoesNotWaitForWhatComesLater(): void
    {
        self::post();
        \ActionScheduler::run();
        self::post();
        self::assertSame([null], array_values(self::pending()));
    }

    public function testABackendThatIsAwayIsAskedAgainAfterThePause(): void
    {
        self::post();
        $this->backend = static fn (): \WP_Error => self::down();
        \ActionScheduler::run();
        self::assertCount(1, self::pending());
        self::assertGreaterThanOrEqual(Sender::pausedUntil(), self::pending()[0] ?? 0);
    }

    public function testAFullSyncRunsThere(): void
    {
        self::post();
        $this->plugin->sync->start();
        self::assertFalse(wp_next_scheduled('deskhand_sync'));
        \ActionScheduler::run();
        self::assertSame('done', $this->plugin->sync::state()['state']);
    }

    public function testDeactivatingEndsItThereToo(): void
    {
        self::post();
        Lifecycle::deactivate();
        self::assertSame([], self::pending());
        Lifecycle::activate();
    }
}
