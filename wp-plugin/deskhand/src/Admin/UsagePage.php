<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Answer;
use Deskhand\Jobs\JobStore;

defined('ABSPATH') || exit;

/**
 * Usage and cost, as plots with the table that they are made of.
 */
final class UsagePage extends Page
{
    private const SPANS = [7, 30, 90];

    public function __construct(private readonly Usage $usage, private readonly JobStore $jobs)
    {
    }

    public function show(): void
    {
        // phpcs:ignore WordPress.Security.NonceVerification -- which days are shown
        $days = isset($_GET['days']) && in_array(absint($_GET['days']), self::SPANS, true) ? absint($_GET['days']) : 30;
        self::open(__('Usage', 'deskhand'));
        echo '<ul class="subsubsub">';
        foreach (self::SPANS as $span) {
            printf(
                '<li><a href="%s"%s>%s</a>%s</li>',
                esc_url(Menu::url('usage', ['days' => (string) $span])),
                $span === $days ? ' class="current" aria-current="page"' : '',
                /* translators: %d: a number of days */
                esc_html(sprintf(__('%d days', 'deskhand'), $span)),
                $span === 90 ? '' : ' | ',
            );
        }
        echo '</ul><br class="clear">';
        $rows = $this->usage->of($days);
        $rows instanceof Answer ? self::away($rows) : $this->figures($rows);
        $this->local($days);
        self::close();
    }

    private static function away(Answer $answer): void
    {
        printf(
            '<div class="notice notice-warning inline"><p>%s %s <a href="%s">%s</a></p></div>',
            esc_html__('The backend\'s figures can\'t be shown.', 'deskhand'),
            esc_html($answer->detail),
            esc_url(Menu::url()),
            esc_html__('Test the connection', 'deskhand'),
        );
    }

    /** @param list<array<string, int|string>> $rows */
    private function figures(array $rows): void
    {
        $sum = Usage::sum($rows);
        $currency = (string) $sum['currency'];
        // Of none there is no share.
        $share = $sum['turns'] > 0 ? number_format_i18n(round(100 * $sum['answered'] / $sum['turns'])) . ' %' : '—';
        echo '<dl class="deskhand-tiles">';
        foreach (
            [
                __('Questions', 'deskhand') => number_format_i18n((int) $sum['turns']),
                __('Answered without your team', 'deskhand') => $share,
                __('Passed on', 'deskhand') => number_format_i18n((int) $sum['handoffs']),
                __('Cost', 'deskhand') => Usage::money((int) $sum['cost_micro'], $currency),
            ] as $name => $value
        ) {
            printf('<div><dt>%s</dt><dd>%s</dd></div>', esc_html($name), esc_html($value));
        }
        echo '</dl>';
        $days = array_column($rows, 'date');
        $column = static fn (string $name): array => array_map('floatval', array_column($rows, $name));
        // phpcs:disable WordPress.Security.EscapeOutput -- Plot escapes what it is given
        echo '<div class="deskhand-card"><h2>' . esc_html__('Questions a day', 'deskhand') . '</h2><p class="deskhand-legend"><span class="answered">' . esc_html__('answered', 'deskhand') . '</span> <span class="handoffs">' . esc_html__('passed on', 'deskhand') . '</span> <span class="degraded">' . esc_html__('not answered in time', 'deskhand') . '</span></p>';
        echo Plot::bars(__('Questions a day, as in the table below', 'deskhand'), $days, ['answered' => $column('answered'), 'handoffs' => $column('handoffs'), 'degraded' => $column('degraded')], static fn (float $v): string => $v === floor($v) ? number_format_i18n($v) : '');
        echo '</div><div class="deskhand-card"><h2>' . esc_html__('Cost a day', 'deskhand') . '</h2>';
        echo Plot::bars(__('Cost a day, as in the table below', 'deskhand'), $days, ['cost' => array_map(static fn (float $v): float => $v / 1e6, $column('cost_micro'))], static fn (float $v): string => number_format_i18n($v, $v > 0 && $v < 1 ? 3 : 0));
        // phpcs:enable
        echo '</div>';
        $this->table($rows);
    }

    /** @param list<array<string, int|string>> $rows */
    private function table(array $rows): void
    {
        $names = ['turns' => __('Questions', 'deskhand'), 'answered' => __('Answered', 'deskhand'), 'handoffs' => __('Passed on', 'deskhand'), 'degraded' => __('Not in time', 'deskhand'), 'tokens_in' => __('Tokens in', 'deskhand'), 'tokens_out' => __('Tokens out', 'deskhand'), 'cost_micro' => __('Cost', 'deskhand')];
        echo '<details class="deskhand-card" open><summary>' . esc_html__('The figures', 'deskhand') . '</summary><div class="deskhand-scroll" tabindex="0" role="region" aria-label="' . esc_attr__('Usage by day', 'deskhand') . '"><table class="widefat striped"><thead><tr><th scope="col">' . esc_html__('Day', 'deskhand') . '</th>';
        foreach ($names as $label) {
            echo '<th scope="col" class="num">' . esc_html($label) . '</th>';
        }
        echo '</tr></thead><tbody>';
        foreach (array_reverse($rows) as $row) {
            echo '<tr><th scope="row">' . esc_html(wp_date(get_option('date_format'), strtotime($row['date'] . ' 12:00')) ?: (string) $row['date']) . '</th>';
            foreach (array_keys($names) as $name) {
                echo '<td class="num">' . esc_html($name === 'cost_micro' ? Usage::money((int) $row[$name], (string) $row['currency']) : number_format_i18n((int) $row[$name])) . '</td>';
            }
            echo '</tr>';
        }
        echo '</tbody></table></div></details>';
    }

    private function local(int $days): void
    {
        $states = $this->jobs->states(time() - $days * DAY_IN_SECONDS);
        echo '<p class="description">' . esc_html(sprintf(
            /* translators: 1, 2, 3: numbers of jobs */
            __('AI jobs of this site in these days: %1$s done, %2$s failed, %3$s waiting or running.', 'deskhand'),
            number_format_i18n($states['succeeded']),
            number_format_i18n($states['failed']),
            number_format_i18n($states['pending'] + $states['running']),
        )) . '</p>';
    }
}
