<?php

declare(strict_types=1);

namespace Deskhand\Events;

use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Connection\CredentialStore;
use Deskhand\Knowledge\Timetable;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Takes what happens on this site to the backend's bridge, in the background: at least once, in the order in which it
 * happened as far as it goes, and never in the request in which it happened.
 */
final class Sender implements Part
{
    public const HOOK = 'deskhand_events';
    /** Until when the backend is left alone, and how often it was away in a row. */
    public const PAUSE = 'deskhand_events_pause';
    private const SECONDS = 20;
    private const LONGEST_PAUSE = 15 * MINUTE_IN_SECONDS;
    private const MOST_ATTEMPTS = 8;
    private const KEPT = 3 * DAY_IN_SECONDS;

    public function __construct(
        private readonly Outbox $outbox,
        private readonly CredentialStore $credentials,
        private readonly Client $client,
        private readonly Settings $settings,
    ) {
    }

    public function register(): void
    {
        /*
         * Tells the backend of something: do_action('deskhand_event', 'booking.moved', 'booking:12', ['to' => '…']).
         * form.submitted opens a ticket; what it knows nothing of it keeps and shows.
         */
        add_action('deskhand_event', $this->tell(...), 10, 3);
        add_action(self::HOOK, $this->run(...));
        add_action('deskhand_sweep', $this->sweep(...));
        add_action('deskhand_clean', fn () => $this->outbox->retire(time() - (int) $this->settings->get('retention_days') * DAY_IN_SECONDS));
    }

    public function tell(mixed $type, mixed $objectRef = '', mixed $data = []): void
    {
        if (!$this->isListenedTo()) {
            return;
        }
        $problem = is_string($type) && is_scalar($objectRef) && is_array($data)
            ? $this->outbox->add($type, (string) $objectRef, $data)
            : 'it takes a type, an object\'s reference, and an array';
        if ($problem !== null) {
            _doing_it_wrong("do_action('deskhand_event')", esc_html($problem), '0.1.0');
            return;
        }
        Timetable::soon(self::HOOK);
    }

    /**
     * That an order has changed: the newest word alone matters, and it goes by a webhook of its own.
     *
     * @param array<string, mixed> $data
     */
    public function orderUpdated(string $objectRef, array $data): void
    {
        if ($this->isListenedTo() && $this->outbox->add('order.updated', $objectRef, $data, $objectRef) === null) {
            Timetable::soon(self::HOOK);
        }
    }

    /** Whether there is a backend, even if its secret can't be read just now: without one nothing waits for anybody. */
    private function isListenedTo(): bool
    {
        return $this->credentials->current() !== null || $this->credentials->problem() !== '';
    }

    public function run(): void
    {
        $end = time() + self::SECONDS;
        while (self::pause()['until'] <= time() && time() < $end) {
            $events = $this->outbox->claim(10);
            if ($events === []) {
                break;
            }
            foreach ($events as $i => $event) {
                if (time() >= $end || !$this->send($event)) {
                    $this->outbox->release(array_slice($events, $i + (time() >= $end ? 0 : 1)));
                    break 2;
                }
            }
        }
        $this->plan();
    }

    /** Sees that what waits goes on waiting for a run that comes, and not for ever. */
    public function sweep(): void
    {
        $this->outbox->giveUpOlderThan(time() - self::KEPT, __('The backend couldn\'t be reached for three days. Send it again when it can.', 'deskhand'));
        $this->plan();
    }

    /** @return bool whether to go on with others */
    private function send(Event $event): bool
    {
        $answer = $event->isNewest()
            ? $this->client->tell('/webhooks/order_updated', $event->data)
            : $this->client->event([
                'event_type' => $event->type,
                'object_ref' => $event->objectRef,
                'idempotency_key' => $event->uid,
                'occurred_at' => $event->happened(),
                'data' => $event->data === [] ? new \stdClass() : $event->data,
            ], $event->uid);
        if ($answer->isOk()) {
            delete_option(self::PAUSE);
            $this->outbox->delivered($event);
            return true;
        }
        return $this->failed($event, $answer);
    }

    private function failed(Event $event, Answer $answer): bool
    {
        if ($answer->isPassing() && ($answer->status < 500 || $answer->status === 503)) {
            $this->outbox->postpone($event, $this->halt($answer), $answer->code, $answer->detail);
            return false;
        }
        if (!$answer->isPassing() || $event->attempts + 1 >= self::MOST_ATTEMPTS) {
            $this->outbox->giveUp($event, $answer->code, $answer->detail);
            return true;
        }
        $this->outbox->postpone($event, min(HOUR_IN_SECONDS, 60 * 2 ** $event->attempts) + wp_rand(0, 10), $answer->code, $answer->detail);
        return true;
    }

    /** Leaves the backend alone for a while that grows. @return int seconds */
    private function halt(Answer $answer): int
    {
        $failures = self::pause()['failures'] + 1;
        $seconds = max($answer->retryAfter, min(self::LONGEST_PAUSE, 5 * 2 ** min($failures, 12)));
        $seconds += wp_rand(0, max(1, intdiv($seconds, 10)));
        update_option(self::PAUSE, ['until' => time() + $seconds, 'failures' => $failures], false);
        return $seconds;
    }

    /** @return array{until: int, failures: int} */
    private static function pause(): array
    {
        $pause = get_option(self::PAUSE);
        return ['until' => (int) ($pause['until'] ?? 0), 'failures' => (int) ($pause['failures'] ?? 0)];
    }

    private function plan(): void
    {
        $next = $this->outbox->nextDue();
        if ($next > 0) {
            Timetable::at(self::HOOK, max($next, self::pause()['until'], time() + 1));
        }
    }
}
