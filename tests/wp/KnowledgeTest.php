<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Knowledge\Timetable;
use Deskhand\Knowledge\Eligibility;
use Deskhand\Knowledge\Sender;
use Deskhand\Knowledge\Source;
use Deskhand\Knowledge\State;

final class KnowledgeTest extends TestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->connect();
    }

    /** @return list<string> */
    private function events(): array
    {
        return array_column($this->sent(), 'event');
    }

    public function testNothingIsSentInTheRequestThatChangesSomething(): void
    {
        self::file();
        self::post();
        self::assertSame([], $this->requests);
        self::assertNotFalse(wp_next_scheduled(Sender::HOOK));
    }

    public function testAFileIsToldOfWithAllThatTheBackendNeeds(): void
    {
        $id = self::file('guide.pdf');
        wp_update_post(['ID' => $id, 'post_title' => 'A &amp; B <b>guide</b>', 'post_excerpt' => 'For <i>you</i>']);
        $this->run1();
        [$event] = $this->sent();
        self::assertSame('media.added', $event['event']);
        self::assertSame($id, $event['attachment_id']);
        self::assertStringEndsWith('guide.pdf', $event['file_url']);
        self::assertSame('application/pdf', $event['mime_type']);
        self::assertSame('A & B guide', $event['title']);
        self::assertSame('For you', $event['caption']);
        self::assertSame('en-US', $event['lang']);
        self::assertSame(State::Sent, $this->row(Source::Media, $id)->state);
        self::assertTrue(wp_is_uuid($this->row(Source::Media, $id)->documentId));
    }

    public function testPicturesAreNotToldOf(): void
    {
        $id = self::file('a.png', 'image/png');
        $this->run1();
        self::assertSame([], $this->requests);
        self::assertNull($this->row(Source::Media, $id));
    }

    public function testAPostIsReadAsAVisitorSeesIt(): void
    {
        wp_set_current_user(self::user('administrator'));
        add_shortcode('who', static fn (): string => is_user_logged_in() ? 'secret for members' : 'for all');
        $id = self::post(['post_content' => "<!-- wp:paragraph --><p>Within 30 days. [who] [deskhand_chat]</p><!-- /wp:paragraph -->", 'post_excerpt' => 'In short']);
        wp_set_post_tags($id, ['money', 'post']);
        $this->run1();
        [$event] = $this->sent();
        self::assertSame('post.published', $event['event']);
        self::assertSame(['post', 'publish', false, false], [$event['post_type'], $event['status'], $event['password_protected'], $event['members_only']]);
        self::assertStringContainsString('>Within 30 days. for all', $event['content']);
        self::assertStringContainsString('In short', $event['content']);
        self::assertStringNotContainsString('deskhand-chat', $event['content']);
        self::assertStringNotContainsString('secret', $event['content']);
        self::assertStringNotContainsString('wp:paragraph', $event['content']);
        self::assertContains('money', $event['tags']);
        self::assertTrue(is_user_logged_in(), 'the user is who they were');
    }

    /** @dataProvider hidden */
    public function testWhatIsNotPublicNeverLeavesTheSite(array $post): void
    {
        self::post($post + ['post_content' => 'a secret']);
        $this->run1();
        self::assertSame([], $this->requests);
    }

    public function hidden(): iterable
    {
        yield 'draft' => [['post_status' => 'draft']];
        yield 'private' => [['post_status' => 'private']];
        yield 'pending' => [['post_status' => 'pending']];
        yield 'in the future' => [['post_status' => 'future', 'post_date' => gmdate('Y-m-d H:i:s', time() + 90_000)]];
        yield 'password' => [['post_password' => 'x']];
        yield 'left out' => [['meta_input' => [Eligibility::EXCLUDED => true]]];
        yield 'of another kind' => [['post_type' => 'wp_block']];
    }

    /** @dataProvider changes */
    public function testWhatWasPublicIsTakenBack(callable $change, array $expected): void
    {
        $id = self::post();
        $this->run1();
        $this->requests = [];
        $change($id);
        $this->run1();
        self::assertSame([$expected + ['post_id' => $id]], $this->sent(), 'told of its number, and of nothing that it says');
        $row = $this->row(Source::Post, $id);
        self::assertTrue($row === null || $row->state === State::Removed);
        // And once only.
        $this->run1();
        self::assertCount(1, $this->sent());
    }

    public function changes(): iterable
    {
        $out = ['event' => 'post.updated', 'excluded' => true];
        yield 'draft' => [static fn (int $id) => wp_update_post(['ID' => $id, 'post_status' => 'draft']), $out];
        yield 'private' => [static fn (int $id) => wp_update_post(['ID' => $id, 'post_status' => 'private']), $out];
        yield 'password' => [static fn (int $id) => wp_update_post(['ID' => $id, 'post_password' => 'x']), $out];
        yield 'left out' => [static fn (int $id) => update_post_meta($id, Eligibility::EXCLUDED, true), $out];
        yield 'trash' => [static fn (int $id) => wp_trash_post($id), ['event' => 'post.trashed']];
        yield 'deleted' => [static fn (int $id) => wp_delete_post($id, true), ['event' => 'post.deleted']];
        yield 'trashed and deleted' => [static fn (int $id) => wp_trash_post($id) && wp_delete_post($id), ['event' => 'post.deleted']];
        yield 'of another kind' => [static fn (int $id) => set_post_type($id, 'wp_block') && do_action('deskhand_changed', $id), $out];
    }

    public function testMembersOnlyIsWhatAGuardingPluginSays(): void
    {
        $guard = static fn (bool $is, \WP_Post $post): bool => $is || $post->post_title === 'Club';
        add_filter('deskhand_members_only', $guard, 10, 2);
        self::post(['post_title' => 'Club']);
        self::post(['post_title' => 'Open']);
        $this->run1();
        remove_filter('deskhand_members_only', $guard);
        self::assertSame(['Open'], array_column($this->sent(), 'title'));
    }

    public function testAFileIsAsPublicAsThePageItWasUploadedTo(): void
    {
        $post = self::post(['post_status' => 'draft']);
        $file = self::file(parent: $post);
        $this->run1();
        self::assertSame([], $this->requests);
        wp_publish_post($post);
        $this->run1();
        self::assertEqualsCanonicalizing(['post.published', 'media.added'], $this->events());
        $this->requests = [];
        wp_update_post(['ID' => $post, 'post_status' => 'private']);
        $this->run1();
        self::assertContains(['event' => 'media.updated', 'excluded' => true, 'attachment_id' => $file], $this->sent());
    }

    public function testReplacingAndDeletingAFile(): void
    {
        $id = self::file();
        $this->run1();
        $other = wp_upload_bits('other.pdf', null, '%PDF-1.4 other');
        update_attached_file($id, $other['file']);
        $this->run1();
        do_action('enable-media-replace-upload-done', '', '', $id);
        $this->run1();
        wp_delete_attachment($id, true);
        $this->run1();
        self::assertSame(['media.added', 'media.updated', 'media.updated', 'media.deleted'], $this->events());
        self::assertNull($this->row(Source::Media, $id));
        self::assertCount(4, array_unique(array_map(static fn (array $r): string => $r['headers']['idempotency-key'], $this->requests)));
    }

    public function testAFileThatWasReplacedBehindWordPressIsFound(): void
    {
        $id = self::file();
        $this->run1();
        do_action('deskhand_clean');
        $this->run1();
        self::assertCount(1, $this->sent());
        file_put_contents((string) get_attached_file($id), 'longer than before, by far');
        clearstatcache();
        do_action('deskhand_clean');
        $this->run1();
        self::assertCount(2, $this->sent());
    }

    public function testEventsOfOneDocumentMergeAndTheNewestCounts(): void
    {
        $id = self::post(['post_title' => 'One']);
        $first = $this->row(Source::Post, $id)->eventAt;
        wp_update_post(['ID' => $id, 'post_title' => 'Two']);
        wp_update_post(['ID' => $id, 'post_title' => 'Three']);
        self::assertGreaterThan($first, $this->row(Source::Post, $id)->eventAt);
        $this->run1();
        self::assertSame(['Three'], array_column($this->sent(), 'title'));
    }

    public function testWhatIsTakenBackBeforeItWasSentIsNeverMentioned(): void
    {
        $draft = self::post();
        wp_update_post(['ID' => $draft, 'post_status' => 'draft']);
        $gone = self::post();
        wp_delete_post($gone, true);
        $this->run1();
        self::assertSame([], $this->requests);
        self::assertSame([State::LeftOut, 'not_public'], [$this->row(Source::Post, $draft)->state, $this->row(Source::Post, $draft)->code]);
        self::assertNull($this->row(Source::Post, $gone));
    }

    public function testAnAnswerThatWasLostCountsAsKnown(): void
    {
        $id = self::post();
        $this->backend = static fn (): \WP_Error => self::down();
        do_action(Sender::HOOK);
        wp_update_post(['ID' => $id, 'post_status' => 'draft']);
        $this->backend = null;
        $this->requests = [];
        $this->run1();
        self::assertSame([['event' => 'post.updated', 'excluded' => true, 'post_id' => $id]], $this->sent());
    }

    public function testAChangeWhileItsEventIsSentIsSentToo(): void
    {
        $id = self::post(['post_title' => 'One']);
        $this->backend = function () use ($id): array {
            if (count($this->sent()) === 1) {
                wp_update_post(['ID' => $id, 'post_title' => 'Two']);
            }
            return self::http(202, ['document_id' => wp_generate_uuid4()]);
        };
        $this->run1();
        self::assertCount(2, array_unique(array_map(static fn (array $r): string => $r['headers']['idempotency-key'], $this->requests)));
        self::assertSame(['One', 'Two'], array_column($this->sent(), 'title'));
        self::assertSame(State::Sent, $this->row(Source::Post, $id)->state);
    }

    public function testABackendThatIsAwayIsLeftAloneAndNothingIsLost(): void
    {
        $ids = array_map(fn (int $n): int => self::post(['post_title' => "Page $n"]), range(1, 25));
        $this->backend = static fn (): \WP_Error => self::down();
        do_action(Sender::HOOK);
        self::assertCount(1, $this->requests, 'one try tells enough');
        self::assertGreaterThan(time(), Sender::pausedUntil());
        do_action(Sender::HOOK);
        self::assertCount(1, $this->requests, 'not asked during the pause');
        self::assertSame('unreachable', Sender::pause()['code']);
        // An hour later, after as many tries as there were.
        for ($i = 0; $i < 12; $i++) {
            $before = (int) (Sender::pausedUntil() - time());
            update_option(Sender::PAUSE, ['until' => 0] + Sender::pause(), false);
            $this->due();
            do_action(Sender::HOOK);
            self::assertGreaterThanOrEqual(min($before, 800), Sender::pausedUntil() - time() + 200);
        }
        self::assertLessThanOrEqual(15 * 60 * 1.1 + 1, Sender::pausedUntil() - time());
        $this->backend = null;
        $this->requests = [];
        $this->run1();
        $this->run1();
        $this->run1();
        self::assertEqualsCanonicalizing(array_map(static fn (int $n): string => "Page $n", range(1, 25)), array_column($this->sent(), 'title'));
        self::assertNull(Sender::pause());
        self::assertCount(25, $ids);
    }

    private function due(): void
    {
        global $wpdb;
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_documents SET due_at = 1 WHERE due_at > 1");
    }

    public function testARepeatKeepsItsKeyAndIsSignedAnew(): void
    {
        self::post();
        $this->backend = static fn (): \WP_Error => self::down();
        do_action(Sender::HOOK);
        $this->backend = null;
        $this->run1();
        [$first, $second] = $this->requests;
        self::assertSame($first['headers']['idempotency-key'], $second['headers']['idempotency-key']);
        self::assertSame($first['json']['modified_at'], $second['json']['modified_at']);
        self::assertArrayHasKey('timestamp', $second['json']);
    }

    public function testWhatTheBackendRefusesForGoodIsShownAndNotRepeated(): void
    {
        $bad = self::post(['post_title' => 'Bad']);
        self::post(['post_title' => 'Good']);
        $this->backend = static fn (array $r): array => ($r['json']['title'] ?? '') === 'Bad'
            ? self::http(422, ['code' => 'invalid_field', 'detail' => 'The address is too long.'])
            : self::http(202, ['document_id' => wp_generate_uuid4()]);
        $this->run1();
        $row = $this->row(Source::Post, $bad);
        self::assertSame([State::Failed, 'invalid_field', 'The address is too long.'], [$row->state, $row->code, $row->detail]);
        self::assertSame(['Bad', 'Good'], array_column($this->sent(), 'title'), 'others go on');
        $this->run1();
        self::assertCount(2, $this->sent());
        do_action('deskhand_changed', $bad);
        $this->run1();
        self::assertCount(3, $this->sent());
    }

    public function testAnErrorOfTheBackendsOwnIsTriedAgainAndThenGivenUp(): void
    {
        $id = self::post();
        $this->backend = static fn (): array => self::http(500, ['code' => 'internal', 'detail' => 'Something broke.']);
        for ($i = 0; $i < 10; $i++) {
            $this->run1();
        }
        self::assertCount(8, $this->sent());
        self::assertSame(State::Failed, $this->row(Source::Post, $id)->state);
    }

    public function testAWrongSecretStopsEverythingUntilItIsMended(): void
    {
        self::post();
        self::post();
        $this->backend = static fn (): array => self::http(401, ['code' => 'bad_signature', 'detail' => 'The signature is wrong.']);
        do_action(Sender::HOOK);
        self::assertCount(1, $this->requests);
        self::assertSame('bad_signature', Sender::pause()['code']);
        $this->backend = null;
        Sender::resume();
        $this->run1();
        self::assertCount(3, $this->sent());
    }

    public function testWhatWaitedForThreeDaysIsMarkedFailed(): void
    {
        global $wpdb;
        $id = self::post();
        $wpdb->query($wpdb->prepare("UPDATE {$wpdb->prefix}deskhand_documents SET waits_since = %d, due_at = %d", time() - 4 * DAY_IN_SECONDS, time() + 60));
        do_action(Sender::SWEEP);
        self::assertSame([State::Failed, 'unreachable'], [$this->row(Source::Post, $id)->state, $this->row(Source::Post, $id)->code]);
        self::assertNotSame('', $this->row(Source::Post, $id)->detail);
    }

    /** What was deleted here must not be answered from for ever, however long the backend is away or whatever it says. */
    public function testWhatIsToBeForgottenIsNeverGivenUp(): void
    {
        global $wpdb;
        require_once ABSPATH . 'wp-admin/includes/class-wp-site-health.php';
        $health = static fn (): array => apply_filters('site_status_tests', ['direct' => [], 'async' => []])['direct']['deskhand_removals']['test']();
        $ids = array_map(fn (int $n): int => self::post(['post_title' => "Page $n"]), range(1, 4));
        $file = self::file();
        $this->run1();
        self::assertSame('good', $health()['status']);
        wp_delete_post($ids[0], true);
        wp_trash_post($ids[1]);
        wp_update_post(['ID' => $ids[2], 'post_status' => 'private']);
        wp_delete_attachment($file, true);
        wp_update_post(['ID' => $ids[3], 'post_title' => 'A change alone']);
        self::assertSame('good', $health()['status'], 'a moment is no trouble');
        $wpdb->query($wpdb->prepare("UPDATE {$wpdb->prefix}deskhand_documents SET waits_since = %d WHERE due_at > 0", time() - 4 * DAY_IN_SECONDS));
        do_action(Sender::SWEEP);
        self::assertSame('critical', $health()['status']);
        self::assertStringContainsString('4 pages or files', $health()['description']);
        self::assertSame(State::Failed, $this->row(Source::Post, $ids[3])->state, 'what is only older than it was is');
        // Nor after any number of refusals, whatever they say.
        $this->requests = [];
        foreach ([422, 500] as $status) {
            $this->backend = static fn (): array => self::http($status, ['code' => 'no', 'detail' => 'No.']);
            for ($i = 0; $i < 9; $i++) {
                $this->run1();
            }
        }
        self::assertCount(72, $this->sent());
        self::assertSame(1, (int) $wpdb->get_var($wpdb->prepare("SELECT COUNT(DISTINCT state) FROM {$wpdb->prefix}deskhand_documents WHERE due_at > 0 AND due_at <= %d AND attempts = 18", time() + DAY_IN_SECONDS + 10)));
        self::assertStringContainsString('No.', $health()['description']);
        $this->backend = null;
        $this->requests = [];
        $this->run1();
        self::assertEqualsCanonicalizing(['post.deleted', 'post.trashed', 'post.updated', 'media.deleted'], $this->events());
        self::assertSame('good', $health()['status']);
    }

    /** What came due while another run held WordPress's cron is done by who can: that run at its end, or who asked and has their answer. */
    public function testAHeldCronHoldsUpNothing(): void
    {
        self::post(['post_title' => 'One']);
        set_transient('doing_cron', sprintf('%.22F', microtime(true)));
        Timetable::start(Sender::HOOK, false);
        self::assertSame([], $this->sent(), 'somebody still waits for this request');
        Timetable::start(Sender::HOOK, true);
        self::assertSame(['One'], array_column($this->sent(), 'title'));
        self::post(['post_title' => 'Two']);
        Timetable::catchUp([Sender::HOOK]);
        Timetable::catchUp([Sender::HOOK]);
        self::assertSame(['One', 'Two'], array_column($this->sent(), 'title'));
        wp_clear_scheduled_hook(Sender::HOOK);
        Timetable::at(Sender::HOOK, time() + 60);
        self::post(['post_title' => 'Three']);
        wp_clear_scheduled_hook(Sender::HOOK);
        Timetable::at(Sender::HOOK, time() + 60);
        Timetable::catchUp([Sender::HOOK]);
        self::assertCount(2, $this->sent(), 'what is planned for later stays so');
        delete_transient('doing_cron');
    }

    /** What happened while the plugin was switched off, nobody saw. */
    public function testTheSweepPlansARunThatWasLost(): void
    {
        self::post();
        wp_clear_scheduled_hook(Sender::HOOK);
        do_action(Sender::SWEEP);
        self::assertNotFalse(wp_next_scheduled(Sender::HOOK));
    }

    public function testTwoRunsAtOnceSendEachEventOnce(): void
    {
        self::post();
        $first = $this->plugin->documents->claim(10);
        self::assertCount(1, $first);
        self::assertSame([], $this->plugin->documents->claim(10));
        $this->plugin->documents->release($first);
        // Both have read the row before either has claimed it.
        $second = null;
        $meanwhile = function (string $query) use (&$second): string {
            if ($second === null && str_contains($query, 'SET claimed_until')) {
                $second = [];
                $second = $this->plugin->documents->claim(10);
            }
            return $query;
        };
        add_filter('query', $meanwhile);
        $first = $this->plugin->documents->claim(10);
        remove_filter('query', $meanwhile);
        self::assertCount(1, [...$first, ...$second]);
    }

    public function testStatesComeFromTheBackend(): void
    {
        global $wpdb;
        [$a, $b] = [self::file('a.pdf'), self::file('b.pdf')];
        $this->run1();
        $this->backend = static fn (array $r): array => self::http(200, ['documents' => [
            ['id' => wp_generate_uuid4(), 'source' => 'wp_media', 'external_id' => (string) $a, 'state' => 'live', 'chunks' => 3],
            ['id' => wp_generate_uuid4(), 'source' => 'wp_media', 'external_id' => (string) $b, 'state' => 'failed', 'failure' => ['code' => 'encrypted', 'detail' => 'The file is <b>locked</b>.']],
        ]]);
        $wpdb->query("UPDATE {$wpdb->prefix}deskhand_documents SET check_at = 1");
        do_action(Sender::HOOK);
        $asked = end($this->requests);
        self::assertSame('/api/documents/lookup', $asked['path']);
        self::assertSame(['source' => 'wp_media', 'external_ids' => [(string) $a, (string) $b]], $asked['json']);
        self::assertStringStartsWith('Bearer ' . self::KEY_ID . '.', $asked['headers']['authorization']);
        self::assertSame(State::Live, $this->row(Source::Media, $a)->state);
        self::assertSame([State::Failed, 'encrypted', 'The file is locked.'], [$this->row(Source::Media, $b)->state, $this->row(Source::Media, $b)->code, $this->row(Source::Media, $b)->detail]);
        $before = count($this->requests);
        do_action(Sender::HOOK);
        self::assertCount($before, $this->requests, 'settled states are not asked for again');
    }

    public function testALongPostIsLeftToBeFetched(): void
    {
        self::post(['post_content' => str_repeat('<p>word</p>', 150_000)]);
        $this->run1();
        [$event] = $this->sent();
        self::assertArrayNotHasKey('content', $event);
        self::assertStringStartsWith('http', $event['url']);
    }

    public function testATitleThatIsSqlOrScriptIsJustATitle(): void
    {
        $title = "'); DROP TABLE wp_deskhand_documents; -- <script>alert(1)</script> %s %d";
        $id = self::post(['post_title' => wp_slash($title)]);
        self::assertSame(1, $this->plugin->documents->count(null, [], "'); DROP"));
        self::assertSame(0, $this->plugin->documents->count(null, [], '%_%'));
        self::assertCount(1, $this->plugin->documents->page(Source::Post, [State::Queued], '%s', 0, 10));
        $this->run1();
        self::assertSame($id, $this->sent()[0]['post_id']);
        self::assertStringNotContainsString('<script', $this->sent()[0]['title']);
    }
}
