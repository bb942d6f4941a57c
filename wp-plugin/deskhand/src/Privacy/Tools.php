<?php

declare(strict_types=1);

namespace Deskhand\Privacy;

use Deskhand\Chat\Visitor;
use Deskhand\Connection\Client;
use Deskhand\Connection\CredentialStore;
use Deskhand\Events\Outbox;
use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * WordPress's privacy tools, which reach what the backend holds as well.
 */
final class Tools implements Part
{
    private const PAGE = 100;
    /** Erasure goes over all tables. */
    private const SECONDS = 15.0;

    public function __construct(private readonly CredentialStore $credentials, private readonly Client $client, private readonly JobStore $jobs, private readonly Outbox $events)
    {
    }

    public function register(): void
    {
        add_filter('wp_privacy_personal_data_exporters', function (array $exporters): array {
            $exporters['deskhand'] = ['exporter_friendly_name' => __('Deskhand', 'deskhand'), 'callback' => $this->export(...)];
            return $exporters;
        });
        add_filter('wp_privacy_personal_data_erasers', function (array $erasers): array {
            $erasers['deskhand'] = ['eraser_friendly_name' => __('Deskhand', 'deskhand'), 'callback' => $this->erase(...)];
            return $erasers;
        });
        add_action('admin_init', self::policy(...));
    }

    /**
     * @return array{data: list<array<string, mixed>>, done: bool}
     */
    public function export(string $email, int $page = 1): array
    {
        $user = get_user_by('email', $email);
        $jobs = $this->jobsOf($user ? (int) $user->ID : 0, $email, $page);
        $data = [];
        foreach ($jobs as $job) {
            $data[] = self::item('deskhand-jobs', __('AI jobs (Deskhand)', 'deskhand'), "job-$job->uid", [
                __('Created', 'deskhand') => gmdate('Y-m-d H:i', $job->createdAt) . ' UTC',
                __('Asked', 'deskhand') => (string) ($job->request['user_msg'] ?? $job->request['prompt'] ?? ''),
                __('Answered', 'deskhand') => (string) ($job->result['text'] ?? ''),
            ]);
        }
        foreach ($page === 1 ? $this->events->ofPerson($email) : [] as $event) {
            $data[] = self::item('deskhand-events', __('Events (Deskhand)', 'deskhand'), "event-$event->id", [__('Happened', 'deskhand') => $event->happened(), __('What', 'deskhand') => $event->type] + self::flat($event->data, __('Told', 'deskhand')));
        }
        if ($page === 1 && $this->credentials->current() !== null) {
            $data = [...$data, ...$this->remote($email)];
        }
        return ['data' => $data, 'done' => count($jobs) < self::PAGE];
    }

    /** @return list<Job> a page of a person's jobs */
    private function jobsOf(int $user, string $email, int $page): array
    {
        return array_slice($this->jobs->ofPerson($user, $email, $page * self::PAGE), ($page - 1) * self::PAGE);
    }

    /**
     * @return array{items_removed: bool|int, items_retained: bool|int, messages: list<string>, done: bool}
     */
    public function erase(string $email, int $page = 1): array
    {
        $user = get_user_by('email', $email);
        $removed = $this->jobs->erasePerson($user ? (int) $user->ID : 0, $email) + $this->events->erasePerson($email);
        $messages = [];
        $retained = false;
        if ($this->credentials->current() !== null) {
            $answer = $this->client->ask('POST', '/api/privacy/erase', $this->person($email), self::SECONDS);
            if ($answer->isOk() && is_array($answer->json)) {
                $counts = array_filter(array_map('intval', array_filter((array) ($answer->json['counts'] ?? []), 'is_numeric')));
                $removed += array_sum($counts);
                $messages[] = self::receipt((array) $answer->json, $counts);
            } else {
                $retained = true;
                /* translators: %s: a sentence of the backend's */
                $messages[] = sprintf(__('Deskhand\'s backend has erased nothing: %s Please erase once more when it can be reached.', 'deskhand'), $answer->detail);
            }
        }
        return ['items_removed' => $removed > 0, 'items_retained' => $retained, 'messages' => $messages, 'done' => true];
    }

    /** @return array{email: string, visitor_ids: list<string>} */
    private function person(string $email): array
    {
        $as = $this->credentials->current();
        $user = get_user_by('email', $email);
        return ['email' => $email, 'visitor_ids' => $as !== null && $user ? [Visitor::ofUser($as->siteId, (int) $user->ID)] : []];
    }

    /** @return list<array<string, mixed>> */
    private function remote(string $email): array
    {
        $answer = $this->client->ask('POST', '/api/privacy/export', $this->person($email), self::SECONDS);
        $label = __('Conversations (Deskhand)', 'deskhand');
        if (!$answer->isOk() || !is_array($answer->json)) {
            return [self::item('deskhand', $label, 'deskhand-away', [__('Missing', 'deskhand') => __('What the backend holds can\'t be read now; please export once more later.', 'deskhand') . ' ' . $answer->detail])];
        }
        $data = [];
        foreach ($answer->json as $kind => $things) {
            foreach (is_array($things) ? array_values($things) : [] as $n => $thing) {
                $data[] = self::item('deskhand', $label, 'deskhand-' . sanitize_key((string) $kind) . "-$n", self::flat($thing, InWords::one((string) $kind)));
            }
        }
        return $data;
    }

    /**
     * Whatever it holds, as names and texts.
     *
     * @return array<string, string>
     */
    private static function flat(mixed $thing, string $name): array
    {
        if (!is_array($thing)) {
            return $thing === null || $thing === '' ? [] : [$name => is_bool($thing) ? ($thing ? __('yes', 'deskhand') : __('no', 'deskhand')) : (string) $thing];
        }
        $flat = [];
        foreach ($thing as $key => $value) {
            $flat += self::flat($value, is_int($key) ? "$name " . ($key + 1) : "$name: " . InWords::part($key));
        }
        return $flat;
    }

    /**
     * @param array<string, string> $texts
     * @return array<string, mixed>
     */
    private static function item(string $group, string $label, string $id, array $texts): array
    {
        $data = [];
        foreach ($texts as $name => $value) {
            // WordPress prints these into a file as HTML.
            $data[] = ['name' => esc_html($name), 'value' => esc_html($value)];
        }
        return ['group_id' => $group, 'group_label' => $label, 'item_id' => $id, 'data' => $data];
    }

    /**
     * @param array<string, mixed> $told
     * @param array<string, int> $counts
     */
    private static function receipt(array $told, array $counts): string
    {
        $list = [];
        foreach ($counts as $what => $count) {
            $list[] = number_format_i18n($count) . ' ' . InWords::counted((string) $what);
        }
        $at = is_string($told['at'] ?? null) ? strtotime($told['at']) : false;
        return sprintf(
            /* translators: 1: an id, 2: a time, 3: a list such as "2 conversations, 5 messages" */
            __('Deskhand\'s backend has erased, by its receipt %1$s of %2$s: %3$s.', 'deskhand'),
            sanitize_text_field((string) ($told['receipt_id'] ?? '?')),
            $at === false ? '?' : (string) wp_date(get_option('date_format') . ' ' . get_option('time_format'), $at),
            $list === [] ? __('there was nothing', 'deskhand') : implode(', ', $list),
        );
    }

    private static function policy(): void
    {
        $text = '<p class="privacy-policy-tutorial">' . __('Adapt this to where your deskhand runs and to whether it uses a language model of another company.', 'deskhand') . '</p>'
            . '<p>' . __('When you use the chat, your questions, the page you ask from and its language go to our answering service, which finds answers in our own pages. A cookie (deskhand_visitor, 90 days) holds a random number, so that your conversation is still there on the next page. If you are logged in, the service learns your name and e-mail address.', 'deskhand') . '</p>'
            . '<p>' . __('E-mail addresses, phone, card and account numbers are replaced by placeholders before any language model sees a text. Conversations are kept for 90 days, unless you ask us to erase them sooner.', 'deskhand') . '</p>';
        wp_add_privacy_policy_content(__('Deskhand', 'deskhand'), wp_kses_post($text));
    }
}
