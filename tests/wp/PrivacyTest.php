<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Chat\Visitor;
use Deskhand\Install\Schema;
use Deskhand\Jobs\JobStore;

final class PrivacyTest extends TestCase
{
    private function tool(string $which): callable
    {
        return apply_filters("wp_privacy_personal_data_$which", [])['deskhand']['callback'];
    }

    /** @return array{int, string} somebody with an account and jobs */
    private function somebody(): array
    {
        $user = self::user('author');
        $jobs = new JobStore();
        for ($i = 0; $i < 3; $i++) {
            $jobs->add('infer', $user, '', ['prompt' => "Prompt $i <b>"], 'h', "mine-$user-$i");
        }
        $jobs->add('infer', 1, '', ['prompt' => 'Another\'s'], 'h', "another-$user");
        // Somebody without an account who left the address in the chat, and one who left another.
        $jobs->add('chat', 0, self::SITE, ['user_msg' => '', 'contact' => ['email' => strtoupper(get_userdata($user)->user_email)]], 'h', "left-$user");
        $jobs->add('chat', 0, self::SITE, ['user_msg' => 'Another\'s', 'contact' => ['email' => 'other@example.com']], 'h', "other-$user");
        return [$user, get_userdata($user)->user_email];
    }

    public function testTheExportHoldsWhatTheBackendHoldsAsText(): void
    {
        $this->connect();
        [$user, $email] = $this->somebody();
        $this->backend = static fn (): array => self::http(200, [
            'threads' => [['id' => 't1', 'messages' => [['author' => 'visitor', 'text' => 'Where is my <script>parcel</script>?']]]],
            'tickets' => [['subject' => 'Parcel']], 'feedback' => [],
        ]);
        $told = $this->tool('exporters')($email, 1);
        self::assertTrue($told['done']);
        $text = (string) json_encode($told['data']);
        self::assertStringContainsString('Parcel', $text);
        self::assertStringContainsString('Conversation: message 1: text', $text);
        self::assertStringContainsString('Prompt 2', $text);
        self::assertStringNotContainsString('Another', $text);
        self::assertStringNotContainsString('<script', $text);
        [$request] = $this->requests;
        self::assertSame('/api/privacy/export', $request['path']);
        self::assertSame(['email' => $email, 'visitor_ids' => [Visitor::ofUser(self::SITE, $user)]], $request['json']);
        self::assertStringStartsWith('Bearer ' . self::KEY_ID . '.', $request['headers']['authorization']);
    }

    public function testTheErasureShowsTheBackendsReceipt(): void
    {
        $this->connect();
        [$user, $email] = $this->somebody();
        $this->backend = static fn (): array => self::http(200, ['receipt_id' => '0192-abc', 'at' => '2026-11-27T10:00:00Z', 'counts' => ['threads' => 2, 'messages' => 5, 'vault' => 3, 'turns' => 0, 'odd' => 'x', 'new_things' => 1]]);
        $told = $this->tool('erasers')($email, 1);
        self::assertSame([true, false, true], [$told['items_removed'], $told['items_retained'], $told['done']]);
        self::assertStringContainsString('0192-abc', $told['messages'][0]);
        self::assertStringContainsString('2 conversations, 5 messages, 3 hidden personal details, 1 new things', $told['messages'][0], 'words, not names of tables');
        self::assertSame([], (new JobStore())->ofPerson($user, $email, 10));
        self::assertCount(1, (new JobStore())->ofPerson(1, '', 10));
        self::assertCount(1, (new JobStore())->ofPerson(0, 'other@example.com', 10));
        self::assertSame([], (new JobStore())->ofPerson(0, '', 10));
        self::assertSame('/api/privacy/erase', $this->requests[0]['path']);
    }

    public function testWhatTheBackendCouldntEraseIsToldAsRetained(): void
    {
        $this->connect();
        [, $email] = $this->somebody();
        $this->backend = static fn (): \WP_Error => self::down();
        $told = $this->tool('erasers')($email, 1);
        self::assertSame([true, true], [$told['items_removed'], $told['items_retained']]);
        self::assertStringContainsString('once more', $told['messages'][0]);
        self::assertStringContainsString('later', (string) json_encode($this->tool('exporters')($email, 1)));
    }

    public function testSomebodyWithoutAnAccountIsFoundByAddress(): void
    {
        $this->connect();
        $this->backend = static fn (): array => self::http(200, ['receipt_id' => 'r', 'at' => 'now', 'counts' => []]);
        $told = $this->tool('erasers')('stranger@example.com', 1);
        self::assertSame([false, false], [$told['items_removed'], $told['items_retained']]);
        self::assertSame(['email' => 'stranger@example.com', 'visitor_ids' => []], $this->requests[0]['json']);
    }

    /** Somebody's own rows, and nobody's whose address only ends or begins so. */
    public function testAnAddressIsFoundAsAWhole(): void
    {
        $jobs = new JobStore();
        $mine = [
            ['user_msg' => '', 'contact' => ['email' => 'Ann@Example.com']], ['user_msg' => 'Write to ann@example.com.'], ['user_msg' => "'ann@example.com'"],
            ['prompt' => 'mailto:ann@example.com?subject=x'], ['prompt' => 'Ann <ann@example.com>, please'], ['user_msg' => 'ann@example.com'],
        ];
        $others = [
            ['contact' => ['email' => 'joann@example.com']], ['user_msg' => 'ann@example.com.au'], ['user_msg' => 'mary-ann@example.com'], ['user_msg' => 'jo.ann@example.com'],
            ['user_msg' => 'x+ann@example.com'], ['user_msg' => 'ann@example.community'], ['user_msg' => 'ann@example.com-shop.de'], ['user_msg' => 'böann@example.com'], ['user_msg' => "o'ann@example.com"],
        ];
        foreach ([...$mine, ...$others] as $i => $request) {
            $jobs->add('chat', 0, self::SITE, $request, 'h', "k$i");
        }
        [$told] = $jobs->add('chat', 0, self::SITE, ['user_msg' => 'Who?'], 'h', 'told');
        $jobs->finish($told, 'succeeded', ['text' => 'We write to ann@example.com then.'], '', '');
        $outbox = $this->plugin->events;
        foreach (['ann@example.com', 'joann@example.com'] as $email) {
            $outbox->add('form.submitted', 'form:1', ['fields' => [['name' => 'Mail', 'value' => $email]]]);
        }
        self::assertCount(count($mine) + 1, $jobs->ofPerson(0, 'ann@example.com', 100));
        self::assertSame(array_slice($mine, 0, 2), array_column($jobs->ofPerson(0, 'ann@example.com', 2), 'request'));
        $told = $this->tool('exporters')('ann@example.com', 1);
        self::assertCount(count($mine) + 2, $told['data']);
        self::assertStringNotContainsString('joann', (string) json_encode($told));
        $this->tool('erasers')('ann@example.com', 1);
        self::assertSame(count($others), $jobs->count());
        self::assertSame(1, $outbox->count('waiting'));
        self::assertSame([], $jobs->ofPerson(0, 'ann@example.com', 100));
        self::assertCount(1, $outbox->ofPerson('JOANN@example.com'));
    }

    public function testAnAddressInOtherLettersIsFoundToo(): void
    {
        $jobs = new JobStore();
        $jobs->add('chat', 0, self::SITE, ['contact' => ['email' => 'Jörg@Bücher.example']], 'h', 'mine');
        $jobs->add('chat', 0, self::SITE, ['contact' => ['email' => 'anna@Bücher.example']], 'h', 'other');
        $jobs->add('chat', 0, self::SITE, ['user_msg' => 'JÖRG@BÜCHER.EXAMPLE'], 'h', 'loud');
        self::assertSame(['mine', 'loud'], array_column($jobs->ofPerson(0, 'jörg@bücher.example', 10), 'idempotencyKey'));
    }

    /** However much somebody wrote, it goes by a few statements, and ends where the database deletes nothing. */
    public function testMuchIsErasedAtOnce(): void
    {
        global $wpdb;
        $jobs = new JobStore();
        for ($i = 0; $i < 60; $i++) {
            $jobs->add('chat', 7, self::SITE, ['user_msg' => "Question $i"], 'h', "mine-$i");
            $jobs->add('chat', 8, self::SITE, ['user_msg' => "Question $i"], 'h', "other-$i");
        }
        $refused = static fn (string $query): string => str_starts_with($query, 'DELETE') ? 'DELETE FROM ' . Schema::table('jobs') . ' WHERE id = 0' : $query;
        add_filter('query', $refused);
        self::assertSame(0, $jobs->erasePerson(7, 'ann@example.com'));
        remove_filter('query', $refused);
        $before = $wpdb->num_queries;
        self::assertSame(60, $jobs->erasePerson(7, 'ann@example.com'));
        self::assertLessThan(6, $wpdb->num_queries - $before);
        self::assertSame(60, $jobs->count());
        $outbox = $this->plugin->events;
        for ($i = 0; $i < 60; $i++) {
            $outbox->add('form.submitted', "form:$i", ['fields' => [['name' => 'Mail', 'value' => 'ann@example.com']]]);
        }
        $before = $wpdb->num_queries;
        self::assertSame(60, $outbox->erasePerson('ann@example.com'));
        self::assertLessThan(4, $wpdb->num_queries - $before);
    }
}
