<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Capability;
use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;
use Deskhand\Hours\BackendHours;
use Deskhand\Hours\HoursInWords;
use Deskhand\Hours\OpeningHours;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;
use Deskhand\Text;

defined('ABSPATH') || exit;

/**
 * When somebody is in. The backend keeps that, says so to visitors, and counts by it until when tickets are due; here it
 * is read and written as people write it.
 */
final class HoursRoute implements Part
{
    public function __construct(private readonly Client $client)
    {
    }

    public function register(): void
    {
        $may = static fn () => Capability::isAdmin()
            ? true
            : Problem::error(is_user_logged_in() ? 403 : 401, 'forbidden', __('Your account may not do this.', 'deskhand'));
        Routes::onInit(fn () => Routes::add('/hours', [
            ['methods' => 'GET', 'callback' => fn () => self::told($this->client->ask('GET', '/api/site')), 'permission_callback' => $may],
            [
                'methods' => 'POST',
                'callback' => $this->save(...),
                'permission_callback' => $may,
                'args' => [
                    'hours' => ['type' => 'string', 'maxLength' => 500, 'required' => true],
                    'closed' => ['type' => 'string', 'maxLength' => 2000, 'required' => true],
                    'away' => ['type' => 'string', 'maxLength' => 1200, 'required' => true],
                ],
            ],
        ]));
    }

    private function save(\WP_REST_Request $request): \WP_REST_Response
    {
        $line = self::line(trim((string) $request['hours']), Text::lines($request['closed'], 60));
        return $line instanceof \WP_REST_Response
            ? $line
            : self::told($this->client->ask('PATCH', '/api/site', ['hours' => $line, 'away' => trim((string) $request['away'])]));
    }

    /** @param list<string> $closed as it was typed */
    private static function line(string $hours, array $closed): string|\WP_REST_Response
    {
        $wrong = static fn (string $why): \WP_REST_Response => Problem::response(422, 'invalid_field', $why);
        if ($hours === '') {
            return $closed === [] ? '' : $wrong(__('Closed on: write the opening hours, too, since without them somebody is always in.', 'deskhand'));
        }
        $week = OpeningHours::week($hours, OpeningHours::language());
        if ($week === null) {
            return $wrong(__('These words can\'t be read as hours. Write them such as: Mon–Fri 9:00–17:00, Sat 10–14.', 'deskhand'));
        }
        $days = [];
        foreach ($closed as $typed) {
            $days[] = BackendHours::closed($typed) ?? $typed;
            if (BackendHours::closed($typed) === null) {
                /* translators: %s: what was typed */
                return $wrong(sprintf(__('“%s” is no day. Write one such as 2026-12-24, or several such as 2026-12-24..2026-12-26.', 'deskhand'), $typed));
            }
        }
        $zone = BackendHours::zone();
        return $zone === null
            ? $wrong(__('This site\'s time zone is a difference in hours and minutes. Choose a city under Settings → General first.', 'deskhand'))
            : BackendHours::line($zone, $week, $days);
    }

    private static function told(Answer $answer): \WP_REST_Response
    {
        $site = is_array($answer->json) ? $answer->json : [];
        $isKnown = $answer->isOk() && array_key_exists('hours', $site);
        $hours = is_string($site['hours'] ?? null) && $site['hours'] !== '' ? BackendHours::read($site['hours']) : ['zone' => '', 'week' => [], 'closed' => []];
        if (!$isKnown || $hours === null) {
            return SiteProblem::of($answer, 'deskhand site set', $answer->isOk() && !$isKnown);
        }
        return new \WP_REST_Response([
            'hours' => $hours['week'] === [] ? '' : HoursInWords::of($hours['week']),
            'closed' => implode("\n", $hours['closed']),
            'away' => is_string($site['away'] ?? null) ? $site['away'] : '',
            // Whose clock they go by, where it isn't this site's.
            'zone' => in_array($hours['zone'], ['', BackendHours::zone()], true) ? '' : $hours['zone'],
        ], 200, ['Cache-Control' => 'no-store']);
    }
}
