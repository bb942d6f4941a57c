<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Capability;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * What admin pages ask while they are open: how far documents are, and the first full sync.
 */
final class DocumentRoutes implements Part
{
    public function __construct(
        private readonly Documents $documents,
        private readonly Sender $sender,
        private readonly FullSync $sync,
    ) {
    }

    public function register(): void
    {
        Routes::onInit($this->routes(...));
    }

    private function routes(): void
    {
        Routes::add('/documents', [
            'methods' => 'GET',
            'callback' => $this->states(...),
            'permission_callback' => static fn (): bool => current_user_can('edit_posts') || current_user_can('upload_files'),
            'args' => [
                'source' => ['type' => 'string', 'enum' => array_column(Source::cases(), 'value'), 'required' => true],
                'ids' => ['type' => 'array', 'items' => ['type' => 'integer', 'minimum' => 1], 'minItems' => 1, 'maxItems' => 100, 'required' => true],
            ],
        ]);
        Routes::add('/documents/sync', [
            [
                'methods' => 'GET',
                'callback' => $this->progress(...),
                'permission_callback' => Capability::isAdmin(...),
            ],
            [
                'methods' => 'POST',
                'callback' => $this->steer(...),
                'permission_callback' => Capability::isAdmin(...),
                'args' => ['do' => ['type' => 'string', 'enum' => ['start', 'stop'], 'required' => true]],
            ],
        ]);
    }

    private function states(\WP_REST_Request $request): \WP_REST_Response
    {
        $source = Source::from((string) $request->get_param('source'));
        $ids = array_values(array_filter((array) $request->get_param('ids'), static fn (int $id): bool => current_user_can('read_post', $id)));
        $passing = array_filter($this->documents->of($source, $ids), static fn (Row $r): bool => $r->state->isPassing() && $r->dueAt === 0);
        if ($passing !== []) {
            $this->sender->check(array_values($passing));
        }
        $rows = $this->documents->of($source, $ids);
        return new \WP_REST_Response(['documents' => array_map(Badge::json(...), array_values($rows))], 200, ['Cache-Control' => 'no-store']);
    }

    private function progress(): \WP_REST_Response
    {
        return new \WP_REST_Response(self::report($this->documents), 200, ['Cache-Control' => 'no-store']);
    }

    private function steer(\WP_REST_Request $request): \WP_REST_Response
    {
        if ($request->get_param('do') === 'stop') {
            $this->sync->stop();
        } elseif (FullSync::state()['state'] === 'running') {
            return Problem::response(409, 'already_running', __('It is running already.', 'deskhand'));
        } else {
            $this->sync->start();
        }
        return new \WP_REST_Response(self::report($this->documents), 202, ['Cache-Control' => 'no-store']);
    }

    /** @return array<string, mixed> */
    public static function report(Documents $documents): array
    {
        $sync = FullSync::state();
        $counts = $documents->counts();
        $pause = Sender::pause();
        return [
            'state' => $sync['state'],
            'seen' => $sync['seen'],
            'total' => $sync['total'],
            'counts' => $counts,
            'waiting' => $counts['queued'] ?? 0,
            'trouble' => $pause !== null && ($counts['queued'] ?? 0) > 0 ? $pause['detail'] : '',
        ];
    }
}
