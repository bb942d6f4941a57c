<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Connection\CredentialStore;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Goes through all posts and files once, piece by piece in the background, and goes on where it was when it is cut off.
 */
final class FullSync implements Part
{
    public const HOOK = 'deskhand_sync';
    public const OPTION = 'deskhand_sync_state';
    /** As which site, and where, the backend was told of what the table says. */
    public const TOLD_AS = 'deskhand_told_as';
    private const PIECE = 200;
    private const SECONDS = 15;

    public function __construct(
        private readonly Documents $documents,
        private readonly Eligibility $eligibility,
        private readonly Sender $sender,
        private readonly CredentialStore $credentials,
    ) {
    }

    public function register(): void
    {
        // Before anything is sent.
        add_action(Sender::HOOK, $this->follow(...), 1);
        add_action(Sender::SWEEP, $this->follow(...), 1);
        add_action(self::HOOK, $this->run(...));
        add_action(Sender::SWEEP, $this->goOn(...));
        add_action('update_option_' . Settings::OPTION, $this->kindsChanged(...), 10, 2);
        add_action('add_option_' . Settings::OPTION, fn ($name, $now) => $this->kindsChanged([], $now), 10, 2);
        // Addresses that answers cite have changed.
        foreach (['permalink_structure', 'home'] as $option) {
            add_action("update_option_$option", function (): void {
                if (self::state()['state'] !== 'never') {
                    $this->start();
                }
            });
        }
    }

    /**
     * Connected as another site, of the same backend or of another one, which knows nothing of what the table says: all
     * is sent anew. At another address the same site may have been brought back from a copy; it is told all, too. Looked
     * at where something is sent, since wp-config.php tells nobody when it changes.
     */
    public function follow(): void
    {
        $as = $this->credentials->current();
        if ($as === null) {
            return;
        }
        $before = (string) get_option(self::TOLD_AS, '');
        $now = "$as->siteId $as->url";
        if ($before === $now) {
            return;
        }
        update_option(self::TOLD_AS, $now, false);
        if ($before !== '') {
            if (!str_starts_with($before, "$as->siteId ")) {
                $this->documents->forgetAll();
            }
            $this->start();
        } elseif (self::state()['state'] !== 'never') {
            // From before this was kept: what may be taken in may have changed since, too.
            $this->start();
        }
    }

    /**
     * The plugin was switched off for a while, and nobody saw what happened to pages and files. Where nothing was ever
     * sent, that is left to the owner. Static, since on a network each site is seen to in one request.
     */
    public static function afterAbsence(): void
    {
        if (get_option(self::TOLD_AS, '') !== '') {
            self::begin(0, false);
        }
    }

    /**
     * Other kinds are taken in than before: those that aren't any more are forgotten, new ones are sent.
     *
     * @param mixed $before
     * @param mixed $now
     */
    private function kindsChanged($before, $now): void
    {
        $defaults = Settings::table();
        foreach (['post_types', 'media'] as $key) {
            $of = static fn ($stored): mixed => is_array($stored) && array_key_exists($key, $stored) ? $defaults[$key]['clean']($stored[$key]) : $defaults[$key]['default'];
            if ($of($before) !== $of($now) && (self::state()['state'] !== 'never' || $this->documents->counts() !== [])) {
                // A run that sends all goes on as such.
                self::begin($this->total(), self::state()['state'] !== 'running' || self::state()['only_changes']);
                return;
            }
        }
    }

    public function start(): void
    {
        self::begin($this->total(), false);
    }

    /** @param bool $onlyChanges whether only what is newly taken in, or no longer, is told; what was sent before is left alone */
    private static function begin(int $total, bool $onlyChanges): void
    {
        $state = ['state' => 'running', 'after' => 0, 'seen' => 0, 'total' => $total, 'started_at' => time(), 'finished_at' => 0, 'only_changes' => $onlyChanges];
        update_option(self::OPTION, $state, false);
        Timetable::soon(self::HOOK);
    }

    public function stop(): void
    {
        update_option(self::OPTION, ['state' => 'stopped'] + self::state(), false);
    }

    /** @return array{state: string, after: int, seen: int, total: int, started_at: int, finished_at: int, only_changes: bool} */
    public static function state(): array
    {
        // Not from a cache of this request: another may be at it.
        wp_cache_delete(self::OPTION, 'options');
        $state = get_option(self::OPTION);
        return (is_array($state) ? $state : []) + ['state' => 'never', 'after' => 0, 'seen' => 0, 'total' => 0, 'started_at' => 0, 'finished_at' => 0, 'only_changes' => false];
    }

    /** One run: so many pieces as fit into its time. */
    public function run(): void
    {
        $end = time() + self::SECONDS;
        while (self::state()['state'] === 'running' && time() < $end) {
            $this->piece();
        }
        if (self::state()['state'] === 'running') {
            Timetable::soon(self::HOOK, 1);
        }
        $this->sender->wake();
    }

    /** After a crash, or where cron was cleared. */
    private function goOn(): void
    {
        if (self::state()['state'] === 'running' && !Timetable::isPlanned(self::HOOK)) {
            Timetable::soon(self::HOOK);
        }
    }

    private function piece(): void
    {
        $state = self::state();
        $state['total'] = $state['total'] ?: $this->total();
        $ids = $this->ids($state['after'], self::PIECE);
        foreach ($ids as $id) {
            $post = get_post($id);
            if (!$post instanceof \WP_Post) {
                continue;
            }
            $source = Source::of($post);
            $fits = $this->eligibility->isCandidate($post) && $this->eligibility->obstacle($post) === null;
            $isKnown = $this->documents->find($source, $id)?->known ?? false;
            if ($state['only_changes'] ? $fits !== $isKnown : $fits || $isKnown) {
                $this->documents->record($source, $id, $source === Source::Media ? 'media.updated' : 'post.updated');
            }
            clean_post_cache($id);
        }
        if (count($ids) < self::PIECE) {
            // What is recorded is due, and no orphan any more.
            while (($gone = $this->documents->orphans(500)) !== []) {
                foreach ($gone as $row) {
                    $this->documents->record($row->source, $row->objectId, $row->source === Source::Media ? 'media.deleted' : 'post.deleted');
                }
            }
            $state = ['state' => 'done', 'finished_at' => time()] + $state;
        }
        $now = self::state();
        if ($now['state'] === 'running' && $now['started_at'] === $state['started_at']) {
            $seen = $state['seen'] + count($ids);
            update_option(self::OPTION, ['after' => $ids ? end($ids) : $state['after'], 'seen' => $seen, 'total' => max($seen, $state['total'])] + $state, false);
        }
    }

    /** @return list<int> */
    private function ids(int $after, int $most): array
    {
        global $wpdb;
        [$where, $values] = $this->where();
        // phpcs:ignore WordPress.DB -- a walk over all ids, which WP_Query has no way for
        return array_map('intval', $wpdb->get_col($wpdb->prepare("SELECT ID FROM {$wpdb->posts} WHERE ID > %d AND ($where) ORDER BY ID LIMIT %d", ...[$after, ...$values, $most])));
    }

    private function total(): int
    {
        global $wpdb;
        [$where, $values] = $this->where();
        // phpcs:ignore WordPress.DB
        return (int) $wpdb->get_var($wpdb->prepare("SELECT COUNT(*) FROM {$wpdb->posts} WHERE ID > %d AND ($where)", 0, ...$values));
    }

    /** @return array{string, list<mixed>} what may be taken in, and what was */
    private function where(): array
    {
        $types = $this->eligibility->postTypes();
        $mimes = Eligibility::mimeTypes();
        $table = \Deskhand\Install\Schema::table('documents');
        $where = "ID IN (SELECT object_id FROM $table WHERE known = 1)";
        $values = [];
        if ($types !== []) {
            $where .= " OR (post_status = 'publish' AND post_type IN (" . implode(',', array_fill(0, count($types), '%s')) . '))';
            array_push($values, ...$types);
        }
        if ($mimes !== []) {
            $where .= " OR (post_type = 'attachment' AND post_mime_type IN (" . implode(',', array_fill(0, count($mimes), '%s')) . '))';
            array_push($values, ...$mimes);
        }
        return [$where, $values];
    }
}
