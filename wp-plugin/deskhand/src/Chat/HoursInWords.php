<?php

declare(strict_types=1);

namespace Deskhand\Chat;

defined('ABSPATH') || exit;

/**
 * How opening hours were understood, for who typed them.
 */
final class HoursInWords
{
    /** A sentence; empty where no hours are set. */
    public static function of(string $hours): string
    {
        if (trim($hours) === '') {
            return '';
        }
        $week = OpeningHours::week($hours, OpeningHours::language());
        return $week === null
            ? __('These words can\'t be read as hours: visitors are never told that nobody is in.', 'deskhand')
            /* translators: %s: opening hours, such as "Mon–Fri 9:00–17:00; Sat 10:00–14:00" */
            : sprintf(__('Understood as: %s.', 'deskhand'), self::week($week));
    }

    /** @param array<int, list<array{int, int}>> $week */
    private static function week(array $week): string
    {
        $parts = [];
        for ($day = 1; $day <= 7; $day = $last + 1) {
            $last = $day;
            while ($last < 7 && $week[$last + 1] === $week[$day]) {
                $last++;
            }
            if ($week[$day] !== []) {
                $days = self::day($day) . ($last > $day ? '–' . self::day($last) : '');
                $parts[] = $days . ' ' . implode(', ', array_map(static fn (array $span): string => self::time($span[0]) . '–' . self::time($span[1]), $week[$day]));
            }
        }
        return implode('; ', $parts);
    }

    private static function day(int $day): string
    {
        global $wp_locale;
        return $wp_locale->get_weekday_abbrev($wp_locale->get_weekday($day % 7));
    }

    private static function time(int $minutes): string
    {
        return sprintf('%d:%02d', intdiv($minutes, 60), $minutes % 60);
    }
}
