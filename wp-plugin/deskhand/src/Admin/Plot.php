<?php

declare(strict_types=1);

namespace Deskhand\Admin;

defined('ABSPATH') || exit;

/**
 * Bars by day, as inline SVG. The table beside it tells the same to who can't see it.
 */
final class Plot
{
    private const WIDTH = 720;
    private const HEIGHT = 180;
    private const LEFT = 64;
    private const BOTTOM = 24;

    /**
     * @param list<string> $days
     * @param array<string, list<float>> $series by the class that colours it; bars stand on one another
     * @param callable(float): string $format of a value at the axis
     */
    public static function bars(string $title, array $days, array $series, callable $format): string
    {
        $sums = array_map(static fn (int $i): float => array_sum(array_map(static fn (array $values): float => $values[$i], $series)), array_keys($days));
        $top = self::round($sums === [] ? 0.0 : max($sums));
        $width = (self::WIDTH - self::LEFT) / max(1, count($days));
        $height = self::HEIGHT - self::BOTTOM - 8;
        $svg = sprintf('<svg class="deskhand-plot" viewBox="0 0 %d %d" role="img" aria-label="%s" preserveAspectRatio="xMinYMid meet">', self::WIDTH, self::HEIGHT, esc_attr($title));
        foreach ([0.0, 0.5, 1.0] as $share) {
            $y = 8 + $height * (1 - $share);
            $svg .= sprintf('<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>', self::LEFT, self::WIDTH, $y, $y, self::LEFT - 6, $y + 4, esc_html($format($top * $share)));
        }
        $every = (int) ceil(count($days) / 8);
        foreach ($days as $i => $day) {
            $x = self::LEFT + $i * $width;
            $base = 8 + $height;
            foreach ($series as $class => $values) {
                $bar = $top > 0 ? $height * $values[$i] / $top : 0;
                $base -= $bar;
                if ($bar > 0) {
                    $svg .= sprintf('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %s</title></rect>', esc_attr($class), $x + $width * 0.12, $base, $width * 0.76, $bar, esc_html($day), esc_html($format($values[$i])));
                }
            }
            if ($i % $every === 0) {
                $svg .= sprintf('<text x="%.1f" y="%d" text-anchor="middle">%s</text>', $x + $width / 2, self::HEIGHT - 6, esc_html(substr($day, 5)));
            }
        }
        return $svg . '</svg>';
    }

    /** The next 1, 2 or 5 with zeros, so that the axis has plain figures. */
    private static function round(float $value): float
    {
        if ($value <= 0) {
            return 1.0;
        }
        $step = 10 ** floor(log10($value));
        foreach ([1, 2, 5, 10] as $factor) {
            if ($value <= $factor * $step) {
                return $factor * $step;
            }
        }
        return $value;
    }
}
