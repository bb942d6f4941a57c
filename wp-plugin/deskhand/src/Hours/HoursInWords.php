<?php

declare(strict_types=1);

namespace Deskhand\Hours;

defined('ABSPATH') || exit;

/**
 * Opening hours as people write them: "Mon–Fri 9:00–12:00, 13:00–17:00; Sat 10:00–14:00", such that they are read again
 * as the same ones.
 */
final class HoursInWords
{
    private const ENGLISH = [1 => 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

    /** @param array<int, list<array{int, int}>> $week as OpeningHours reads one */
    public static function of(array $week): string
    {
        $words = self::words($week, self::day(...));
        // Days of languages that aren't read would be lost when they are saved again.
        return OpeningHours::week($words, OpeningHours::language()) === $week
            ? $words
            : self::words($week, static fn (int $day): string => self::ENGLISH[$day]);
    }

    /**
     * @param array<int, list<array{int, int}>> $week
     * @param callable(int): string $name a day's
     */
    private static function words(array $week, callable $name): string
    {
        $week = self::nights($week);
        $parts = [];
        for ($day = 1; $day <= 7; $day = $last + 1) {
            $last = $day;
            while ($last < 7 && $week[$last + 1] === $week[$day]) {
                $last++;
            }
            if ($week[$day] !== []) {
                $days = $name($day) . ($last > $day ? '–' . $name($last) : '');
                $parts[] = $days . ' ' . implode(', ', array_map(static fn (array $span): string => self::time($span[0]) . '–' . self::time($span[1]), $week[$day]));
            }
        }
        return implode('; ', $parts);
    }

    /**
     * A night is one period of the evening that it begins on.
     *
     * @param array<int, list<array{int, int}>> $week
     * @return array<int, list<array{int, int}>>
     */
    private static function nights(array $week): array
    {
        $told = $week;
        foreach ($week as $day => $spans) {
            $evening = end($spans);
            $next = $day % 7 + 1;
            $morning = $week[$next][0] ?? [1, 1];
            if ($evening !== false && $evening[1] === OpeningHours::DAY && $morning[0] === 0 && $evening[0] >= OpeningHours::DAY / 2 && OpeningHours::DAY - $evening[0] + $morning[1] <= OpeningHours::NIGHT) {
                $told[$day][array_key_last($told[$day])] = [$evening[0], $morning[1]];
                array_shift($told[$next]);
            }
        }
        return $told;
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
