<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Admin\JobsTable;
use Deskhand\Chat\Visitor;
use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;
use Deskhand\Jobs\Sender;

/**
 * AI jobs: what a failed one's next try is, and what leaves with a prompt.
 */
final class JobsTest extends TestCase
{
    /** @var array<string, array{id: string, json: array<string, mixed>}> what the backend has, by key */
    private array $there = [];

    private JobStore $jobs;

    protected function setUp(): void
    {
        parent::setUp();
        $this->jobs = new JobStore();
        $this->there = [];
        $this->connect();
        // As the backend does it: a key that it knows is the job that it knows, whatever came of that.
        $this->backend = function (array $request): array {
            if ($request['method'] === 'GET') {
                return self::http(200, ['status' => 'failed', 'error' => ['code' => 'provider_failed', 'detail' => 'No model answered.']]);
            }
            $claims = json_decode((string) base64_decode(strtr(explode('.', $request['headers']['authorization'])[1], '-_', '+/')), true);
            $this->there[$claims['jti']] ??= ['id' => wp_generate_uuid4(), 'json' => $request['json']];
            return self::http(202, ['job_id' => $this->there[$claims['jti']]['id']]);
        };
    }

    private function sender(): Sender
    {
        return new Sender($this->jobs, $this->plugin->credentials, $this->plugin->client());
    }

    /** Sends a job, and lets it fail there. */
    private function failThere(Job $job, string $code = 'provider_failed'): Job
    {
        $this->sender()->advance($this->due($job));
        $this->sender()->take($this->jobs->find($job->uid), ['status' => 'failed', 'error' => ['code' => $code, 'detail' => 'No.'], 'usage' => ['tokens_in' => 7]], 1);
        $failed = $this->jobs->find($job->uid);
        self::assertSame([Job::FAILED, $code], [$failed->status, $failed->error]);
        return $failed;
    }

    public function testWhatFailedAtTheBackendIsSentAgainAsAnotherJob(): void
    {
        [$job] = $this->jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'key-1');
        $failed = $this->failThere($job);
        $next = $this->jobs->again($failed);
        self::assertInstanceOf(Job::class, $next);
        self::assertSame([Job::PENDING, $failed->uid, 1, 'infer', ['prompt' => 'x']], [$next->status, $next->againOf, $next->userId, $next->route, $next->request]);
        $this->sender()->advance($next);
        self::assertCount(2, $this->there, 'the backend has a job of its own for each try');
        $this->sender()->take($this->jobs->find($next->uid), ['status' => 'succeeded', 'result_json' => ['text' => 'Done.']], 2);
        self::assertSame('Done.', $this->jobs->find($next->uid)->result['text']);

        $first = $this->jobs->find($failed->uid);
        self::assertSame([Job::FAILED, 7], [$first->status, $first->tokensIn], 'what the first try cost stays');
        self::assertNull($this->jobs->again($failed), 'pressed twice, it is one try');
        self::assertSame($next->uid, $this->jobs->newest($first)->uid);
    }

    public function testTheListShowsBothTries(): void
    {
        require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
        set_current_screen('toplevel_page_deskhand');
        $show = function (): string {
            $table = new JobsTable($this->jobs, []);
            $table->prepare_items();
            ob_start();
            $table->display();
            return (string) ob_get_clean();
        };
        [$job] = $this->jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'key-1');
        $failed = $this->failThere($job);
        self::assertStringContainsString("value=\"$failed->uid\"", $show());
        $this->jobs->again($failed);
        $html = $show();
        self::assertStringContainsString('Another try of a job that failed.', $html);
        self::assertStringContainsString('Sent again: ', $html);
        self::assertStringNotContainsString("value=\"$failed->uid\"", $html, 'it has been sent again');
    }

    public function testWhatNeverGotThereGoesUnderItsOwnKey(): void
    {
        [$job] = $this->jobs->add('infer', 1, '', ['prompt' => 'x'], 'h', 'key-1');
        $this->jobs->finish($job, Job::FAILED, null, 'unreachable', 'Away.');
        $again = $this->jobs->again($this->jobs->find($job->uid));
        self::assertSame($job->uid, $again->uid);
        $this->sender()->advance($again);
        self::assertSame(['key-1'], array_keys($this->there));
    }

    public function testAMessageThatEndedWithoutAnAnswerIsAskedUnderAnotherId(): void
    {
        $message = ['message_id' => wp_generate_uuid4(), 'user_msg' => 'How long?'];
        [$job] = $this->jobs->add('chat', 0, self::SITE, $message, 'h', 'key-1');
        $again = $this->jobs->again($this->failThere($job, 'no_answer'));
        self::assertTrue(wp_is_uuid($again->request['message_id'], 4));
        self::assertNotSame($message['message_id'], $again->request['message_id']);
        self::assertSame('How long?', $again->request['user_msg']);
        // What the backend may still have an answer to is asked for under its own.
        [$other] = $this->jobs->add('chat', 0, self::SITE, $message, 'h', 'key-2');
        self::assertSame($message['message_id'], $this->jobs->again($this->failThere($other, 'too_long'))->request['message_id']);
    }

    public function testAVisitorsTryAgainIsRun(): void
    {
        $user = self::user('subscriber');
        wp_set_current_user($user);
        $headers = ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()];
        $asked = ['message_id' => wp_generate_uuid4(), 'user_msg' => 'How long?'];
        $first = self::rest('POST', '/chat', $asked, $headers)->get_data();
        $this->failThere($this->jobs->find($first['id']), 'no_answer');
        $second = self::rest('POST', '/chat', $asked, $headers)->get_data();
        self::assertNotSame($first['id'], $second['id']);
        self::assertSame(Job::PENDING, $second['status']);
        self::assertSame(200, self::rest('GET', "/chat/{$second['id']}", [], $headers)->get_status());
        self::assertSame(Visitor::ofUser(self::SITE, $user), $this->jobs->find($second['id'])->visitor);
        self::assertSame($second['id'], self::rest('POST', '/chat', $asked, $headers)->get_data()['id'], 'while it runs it is the same');
    }

    public function testWhatStandsBeforeAPromptCostsItNothing(): void
    {
        wp_set_current_user(self::user('editor'));
        $ask = static fn (string $prompt, array $headers = []): \WP_REST_Response => self::rest('POST', '/infer', ['prompt' => $prompt], $headers);
        self::assertSame(202, $ask(str_repeat('x', 8000))->get_status());
        $this->plugin->settings->save(['prompt_addition' => 'Be brief.']);
        $refused = $ask(str_repeat('y', 7990));
        self::assertSame(422, $refused->get_status());
        self::assertStringContainsString('7989', $refused->get_data()['detail']);
        $longest = str_repeat('y', 7988) . '!';
        $job = $this->jobs->find($ask($longest)->get_data()['id']);
        // Another word before prompts changes nothing about what was taken.
        $this->plugin->settings->save(['prompt_addition' => 'Be verbose.']);
        $this->sender()->advance($this->due($job));
        $sent = end($this->there)['json'];
        self::assertSame("Be brief.\n\n$longest", $sent['prompt']);
        self::assertArrayNotHasKey('addition', $sent);
        // Under other words it is another job, by its own key it is the same.
        self::assertSame(202, $ask('Same')->get_status());
        $mine = $ask('Same', ['Idempotency-Key' => 'mine'])->get_data()['id'];
        $this->plugin->settings->save(['prompt_addition' => 'Be kind.']);
        self::assertSame(202, $ask('Same')->get_status());
        self::assertSame($mine, $ask('Same', ['Idempotency-Key' => 'mine'])->get_data()['id']);
    }

    /** Three statements: what is counted, how much that is, and the job; in whatever letters. */
    public function testCreatingAJobCostsThreeQueries(): void
    {
        global $wpdb;
        Visitor::remember();
        foreach (['How long?', 'Wie lange für Größe 40?', '何日ですか'] as $text) {
            // As at the beginning of a request.
            (new \ReflectionProperty(\wpdb::class, 'table_charset'))->setValue($wpdb, []);
            (new \ReflectionProperty(\wpdb::class, 'col_meta'))->setValue($wpdb, []);
            $before = $wpdb->num_queries;
            $answer = self::rest('POST', '/chat', ['message_id' => wp_generate_uuid4(), 'user_msg' => $text], ['X-WP-Nonce' => wp_create_nonce('wp_rest'), 'Origin' => home_url()]);
            self::assertSame([202, 3], [$answer->get_status(), $wpdb->num_queries - $before], $text);
            self::assertSame($text, $this->jobs->find($answer->get_data()['id'])->request['user_msg']);
        }
    }

    /** The job, when nobody has it to itself. */
    private function due(Job $job): Job
    {
        global $wpdb;
        $wpdb->update(\Deskhand\Install\Schema::table('jobs'), ['due_at' => 1], ['id' => $job->id]);
        return $this->jobs->find($job->uid);
    }
}
