<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Connection\Credentials;
use Deskhand\Install\Lifecycle;
use Deskhand\Install\Schema;
use Deskhand\Knowledge\FullSync;
use Deskhand\Knowledge\Timetable;
use Deskhand\Knowledge\Sender;
use Deskhand\Knowledge\Source;
use Deskhand\Knowledge\State;

/** All that is public is told once more: the first time, to another site, after an absence, when other kinds are ticked. */
final class FullSyncTest extends TestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->connect();
    }

    public function testConnectedAsAnotherSiteAllIsSentAnew(): void
    {
        $id = self::post(['post_title' => 'One']);
        $this->run1();
        $this->run1();
        self::assertCount(1, $this->sent());
        $other = Credentials::of('https://desk.example', '0192d3a0-7c1e-7000-8000-000000000002', self::KEY_ID, self::SECRET, true);
        (new \ReflectionProperty($this->plugin->credentials, 'current'))->setValue($this->plugin->credentials, $other);
        do_action(Sender::HOOK);
        self::assertSame('running', FullSync::state()['state']);
        self::assertNull($this->row(Source::Post, $id), 'what the other was told of counts no more');
        do_action(FullSync::HOOK);
        $this->run1();
        self::assertSame(['One', 'One'], array_column($this->sent(), 'title'));
        self::assertSame($other->siteId, end($this->requests)['headers']['x-site-id']);
        do_action(Sender::HOOK);
        self::assertCount(2, $this->sent(), 'once');
    }

    public function testAtAnotherAddressTheSameSiteIsToldAllOnceMore(): void
    {
        $id = self::post(['post_title' => 'One']);
        $this->run1();
        $moved = self::credentials('https://moved.example');
        (new \ReflectionProperty($this->plugin->credentials, 'current'))->setValue($this->plugin->credentials, $moved);
        do_action(Sender::HOOK);
        self::assertNotNull($this->row(Source::Post, $id), 'it may know it');
        do_action(FullSync::HOOK);
        $this->run1();
        self::assertSame(['One', 'One'], array_column($this->sent(), 'title'));
    }

    public function testKindsThatAreNotTickedAnyMoreAreForgottenAndNewOnesSent(): void
    {
        $page = self::post(['post_type' => 'page', 'post_title' => 'Page']);
        $post = self::post(['post_title' => 'Post']);
        $file = self::file();
        $this->run1();
        self::assertCount(3, $this->sent());
        $this->requests = [];
        $this->plugin->settings->save(['post_types' => ['page'], 'media' => false]);
        self::assertSame(2, $this->plugin->documents->countOfOtherKinds(['page'], false));
        do_action(FullSync::HOOK);
        $this->run1();
        self::assertEqualsCanonicalizing([
            ['event' => 'post.updated', 'excluded' => true, 'post_id' => $post],
            ['event' => 'media.updated', 'excluded' => true, 'attachment_id' => $file],
        ], $this->sent(), 'and nothing of what stays as it was');
        self::assertSame([State::Removed, State::Removed, true], [$this->row(Source::Post, $post)->state, $this->row(Source::Media, $file)->state, $this->row(Source::Post, $page)->known]);
        self::assertSame(0, $this->plugin->documents->countOfOtherKinds(['page'], false));
        $this->requests = [];
        $this->plugin->settings->save(['post_types' => ['page', 'post']]);
        do_action(FullSync::HOOK);
        $this->run1();
        self::assertSame(['Post'], array_column($this->sent(), 'title'));
        $this->plugin->settings->save(['heading' => 'Help']);
        self::assertSame('done', FullSync::state()['state'], 'another setting starts nothing');
    }

    public function testActivatedAgainItCatchesUp(): void
    {
        global $wpdb;
        $activate = static fn () => do_action('activate_' . plugin_basename(DESKHAND_FILE));
        $activate();
        self::assertSame('never', FullSync::state()['state'], 'the first time the owner begins it');
        $gone = self::post(['post_title' => 'Gone']);
        $changed = self::post(['post_title' => 'Changed']);
        $this->run1();
        Lifecycle::deactivate();
        $wpdb->delete($wpdb->posts, ['ID' => $gone]);
        $wpdb->update($wpdb->posts, ['post_title' => 'Changed meanwhile'], ['ID' => $changed]);
        $new = self::post(['post_title' => 'New']);
        $wpdb->delete(Schema::table('documents'), ['object_id' => $new]);
        wp_cache_flush();
        $this->requests = [];
        $activate();
        self::assertTrue(Timetable::isPlanned(FullSync::HOOK));
        do_action(FullSync::HOOK);
        self::assertSame(2, FullSync::state()['total']);
        $this->run1();
        self::assertEqualsCanonicalizing(['Changed meanwhile', 'New'], array_values(array_filter(array_column($this->sent(), 'title'))));
        self::assertContains(['event' => 'post.deleted', 'post_id' => $gone], $this->sent());
    }

    public function testTheFullSyncTakesAllThatIsPublicAndGoesOnWhereItWas(): void
    {
        global $wpdb;
        foreach (range(1, 450) as $n) {
            $wpdb->insert($wpdb->posts, ['post_title' => "P$n", 'post_status' => $n % 9 === 0 ? 'private' : 'publish', 'post_type' => 'page', 'post_content' => 'x', 'post_excerpt' => '', 'to_ping' => '', 'pinged' => '', 'post_content_filtered' => '', 'post_date' => '2026-01-01 00:00:00', 'post_date_gmt' => '2026-01-01 00:00:00', 'post_modified' => '2026-01-01 00:00:00', 'post_modified_gmt' => '2026-01-01 00:00:00']);
        }
        $file = self::file();
        $this->plugin->sync->start();
        self::assertSame(401, $this->plugin->sync::state()['total']);
        // Cut off after one piece.
        $piece = new \ReflectionMethod($this->plugin->sync, 'piece');
        $piece->invoke($this->plugin->sync);
        self::assertSame(['running', 200], [$this->plugin->sync::state()['state'], $this->plugin->sync::state()['seen']]);
        wp_clear_scheduled_hook('deskhand_sync');
        do_action(Sender::SWEEP);
        self::assertNotFalse(wp_next_scheduled('deskhand_sync'), 'the sweep finds that it was cut off');
        do_action('deskhand_sync');
        $state = $this->plugin->sync::state();
        self::assertSame(['done', 401, 401], [$state['state'], $state['seen'], $state['total']]);
        self::assertSame(401, array_sum($this->plugin->documents->counts()));
        self::assertNotNull($this->row(Source::Media, $file));
    }

    public function testTheFullSyncTellsOfWhatIsGoneAndOfWhatIsNoLongerWanted(): void
    {
        global $wpdb;
        $gone = self::post(['post_title' => 'Gone']);
        $page = self::post(['post_title' => 'Page', 'post_type' => 'page']);
        $this->run1();
        $this->requests = [];
        $wpdb->delete($wpdb->posts, ['ID' => $gone]);
        clean_post_cache($gone);
        $this->plugin->settings->save(['post_types' => ['post']]);
        $this->plugin->sync->start();
        do_action('deskhand_sync');
        $this->run1();
        self::assertEqualsCanonicalizing([
            ['event' => 'post.deleted', 'post_id' => $gone],
            ['event' => 'post.updated', 'excluded' => true, 'post_id' => $page],
        ], $this->sent());
    }
}
