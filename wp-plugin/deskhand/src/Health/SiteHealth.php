<?php

declare(strict_types=1);

namespace Deskhand\Health;

use Deskhand\Admin\Menu;
use Deskhand\Connection\Check;
use Deskhand\Connection\CredentialStore;
use Deskhand\Connection\Test;
use Deskhand\Jobs\Job;
use Deskhand\Jobs\JobStore;
use Deskhand\Knowledge\Row;
use Deskhand\Knowledge\Sender;
use Deskhand\Part;
use Deskhand\Rest\Problem;
use Deskhand\Rest\Routes;

defined('ABSPATH') || exit;

/**
 * Deskhand in Tools → Site Health. What has to ask the backend is asked after the page is there.
 */
final class SiteHealth implements Part
{
    public function __construct(private readonly CredentialStore $credentials, private readonly Test $test, private readonly JobStore $jobs, private readonly Sender $sender)
    {
    }

    public function register(): void
    {
        add_filter('site_status_tests', $this->tests(...));
        add_filter('debug_information', $this->facts(...));
        Routes::onInit(fn () => Routes::add('/site-health/connection', [
            'methods' => 'GET',
            'callback' => fn (): array => $this->connection(),
            'permission_callback' => static fn () => current_user_can('view_site_health_checks')
                ? true
                : Problem::error(is_user_logged_in() ? 403 : 401, 'forbidden', __('Your account may not do this.', 'deskhand')),
        ]));
    }

    /**
     * @param array<string, array<string, mixed>> $tests
     * @return array<string, array<string, mixed>>
     */
    private function tests(array $tests): array
    {
        $tests['async']['deskhand_connection'] = [
            'label' => __('Deskhand: connection', 'deskhand'),
            'test' => rest_url('deskhand/v1/site-health/connection'),
            'has_rest' => true,
            'async_direct_test' => $this->connection(...),
        ];
        $tests['direct']['deskhand_secret'] = ['label' => __('Deskhand: secret', 'deskhand'), 'test' => $this->secret(...)];
        $tests['direct']['deskhand_jobs'] = ['label' => __('Deskhand: AI jobs', 'deskhand'), 'test' => $this->waiting(...)];
        $tests['direct']['deskhand_removals'] = ['label' => __('Deskhand: what is to be forgotten', 'deskhand'), 'test' => $this->removals(...)];
        return $tests;
    }

    /** @return array<string, mixed> */
    public function connection(): array
    {
        $checks = $this->test->run();
        $wrong = array_filter($checks, static fn (Check $check): bool => $check->state !== Check::GOOD);
        $text = '';
        foreach ($wrong as $check) {
            $text .= sprintf('<p><strong>%s</strong>: %s %s</p>', esc_html($check->label), esc_html($check->detail), esc_html($check->mend));
        }
        $worst = Test::worst($checks);
        return self::result(
            'deskhand_connection',
            match ($worst) {
                Check::GOOD => __('Deskhand is connected to its backend', 'deskhand'),
                Check::WARNING => __('Deskhand\'s connection works, and could be better', 'deskhand'),
                default => __('Deskhand\'s connection doesn\'t work', 'deskhand'),
            },
            [Check::GOOD => 'good', Check::WARNING => 'recommended', Check::BAD => 'critical'][$worst],
            $text ?: '<p>' . esc_html__('Every part of the connection was tried and is as it should be.', 'deskhand') . '</p>',
        );
    }

    /** @return array<string, mixed> */
    private function secret(): array
    {
        if ($this->credentials->hasNeedlessCopy()) {
            return self::result('deskhand_secret', __('A copy of Deskhand\'s secret still lies in the database', 'deskhand'), 'recommended', '<p>' . esc_html__('The site is connected by wp-config.php or the environment, and the sealed copy isn\'t used. Delete it in the settings.', 'deskhand') . '</p>');
        }
        $as = $this->credentials->current();
        return $as !== null && !$as->fixed
            ? self::result('deskhand_secret', __('Deskhand\'s secret lies in the database', 'deskhand'), 'recommended', '<p>' . esc_html__('It is sealed with the keys of wp-config.php. Safer still: put DESKHAND_URL, DESKHAND_SITE_ID, DESKHAND_KEY_ID and DESKHAND_SECRET into wp-config.php or the environment, and disconnect in the settings.', 'deskhand') . '</p>')
            : self::result('deskhand_secret', __('Deskhand\'s secret isn\'t in the database', 'deskhand'), 'good', '<p>' . esc_html__('A copy of the database tells nothing about the connection.', 'deskhand') . '</p>');
    }

    /** @return array<string, mixed> */
    private function waiting(): array
    {
        $late = $this->jobs->count(['status' => Job::PENDING, 'to' => time() - HOUR_IN_SECONDS]);
        return $late > 0
            ? self::result('deskhand_jobs', __('AI jobs of Deskhand wait for longer than an hour', 'deskhand'), 'recommended', '<p>' . esc_html__('Either the backend is away, or WP-Cron doesn\'t run on this site.', 'deskhand') . '</p>')
            : self::result('deskhand_jobs', __('No AI job of Deskhand waits for long', 'deskhand'), 'good', '<p>' . esc_html__('Jobs are sent as they come.', 'deskhand') . '</p>');
    }

    /** @return array<string, mixed> */
    private function removals(): array
    {
        $late = $this->sender->lateRemovals(time() - HOUR_IN_SECONDS);
        if ($late === []) {
            return self::result('deskhand_removals', __('What was taken from this site is forgotten by Deskhand', 'deskhand'), 'good', '<p>' . esc_html__('The backend has heard of everything that was deleted, made private or left out.', 'deskhand') . '</p>');
        }
        $since = min(array_map(static fn (Row $row): int => $row->waitsSince, $late));
        $text = sprintf(
            /* translators: 1: a number, 2: a time such as "3 days", 3: what the backend said, or why it said nothing */
            _n(
                'The backend couldn\'t be told of %1$s page or file that was deleted, made private or left out, and may still answer from it; it has waited for %2$s. %3$s',
                'The backend couldn\'t be told of %1$s pages or files that were deleted, made private or left out, and may still answer from them; the first has waited for %2$s. %3$s',
                count($late),
                'deskhand',
            ),
            number_format_i18n(count($late)),
            human_time_diff($since),
            $late[0]->detail,
        );
        return self::result(
            'deskhand_removals',
            __('Deskhand\'s backend may still know what was taken from this site', 'deskhand'),
            $since < time() - DAY_IN_SECONDS ? 'critical' : 'recommended',
            '<p>' . esc_html(trim($text)) . '</p><p>' . esc_html__('Nothing of it is given up: it is sent as soon as the backend takes it. Test the connection, or have the backend\'s operator erase it there.', 'deskhand') . '</p>',
        );
    }

    /** @return array<string, mixed> */
    private static function result(string $test, string $label, string $status, string $html): array
    {
        return [
            'test' => $test,
            'label' => $label,
            'status' => $status,
            'badge' => ['label' => __('Deskhand', 'deskhand'), 'color' => 'blue'],
            'description' => $html,
            'actions' => $status === 'good' ? '' : '<p><a href="' . esc_url(Menu::url()) . '">' . esc_html__('Open Deskhand\'s settings', 'deskhand') . '</a></p>',
        ];
    }

    /**
     * @param array<string, mixed> $facts
     * @return array<string, mixed>
     */
    private function facts(array $facts): array
    {
        $as = $this->credentials->current();
        $facts['deskhand'] = [
            'label' => __('Deskhand', 'deskhand'),
            'fields' => [
                'version' => ['label' => __('Version', 'deskhand'), 'value' => DESKHAND_VERSION],
                'backend' => ['label' => __('Backend', 'deskhand'), 'value' => $as->url ?? __('not connected', 'deskhand')],
                'site' => ['label' => __('Site id', 'deskhand'), 'value' => $as->siteId ?? '—', 'private' => true],
                'secret' => ['label' => __('Secret', 'deskhand'), 'value' => $as === null ? '—' : ($as->fixed ? 'wp-config.php' : 'option')],
                'jobs' => ['label' => __('AI jobs', 'deskhand'), 'value' => (string) $this->jobs->count()],
            ],
        ];
        return $facts;
    }
}
