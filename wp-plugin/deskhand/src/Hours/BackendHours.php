<?php

declare(strict_types=1);

namespace Deskhand\Hours;

defined('ABSPATH') || exit;

/**
 * Opening hours in the one line that the backend keeps: "Europe/Vienna; Mon 9:00-17:00; closed 2026-12-24..2026-12-26".
 */
final class BackendHours
{
    private const DAYS = [1 => 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

    /**
     * @param array<int, list<array{int, int}>> $week as OpeningHours reads one
     * @param list<string> $closed as `closed` gives them
     */
    public static function line(string $zone, array $week, array $closed): string
    {
        $parts = [$zone];
        foreach (array_filter($week) as $day => $spans) {
            $parts[] = self::DAYS[$day] . ' ' . implode(',', array_map(static fn (array $span): string => self::time($span[0]) . '-' . self::time($span[1]), $spans));
        }
        if ($closed !== []) {
            $parts[] = 'closed ' . implode(',', $closed);
        }
        return implode('; ', $parts);
    }

    /** @return array{zone: string, week: array<int, list<array{int, int}>>, closed: list<string>}|null null when it can't be read */
    public static function read(string $line): ?array
    {
        $parts = array_values(array_filter(array_map('trim', explode(';', $line)), static fn (string $part): bool => $part !== ''));
        $zone = (string) array_shift($parts);
        $closed = [];
        $open = [];
        foreach ($parts as $part) {
            if (str_starts_with($part, 'closed ')) {
                array_push($closed, ...array_map('trim', explode(',', substr($part, strlen('closed ')))));
            } else {
                $open[] = $part;
            }
        }
        $week = OpeningHours::week(implode('; ', $open), 'en');
        return $week === null ? null : ['zone' => $zone, 'week' => $week, 'closed' => $closed];
    }

    /** The site's time zone by a name that the backend knows; null where it is a difference that has none. */
    public static function zone(): ?string
    {
        $zone = wp_timezone()->getName();
        if (!preg_match('/^([+-])(\d\d):(\d\d)$/', $zone, $found)) {
            return $zone;
        }
        if ($found[3] !== '00') {
            return null;
        }
        // These are named the other way round.
        return (int) $found[2] === 0 ? 'UTC' : sprintf('Etc/GMT%s%d', $found[1] === '+' ? '-' : '+', (int) $found[2]);
    }

    /** A day or several, such as "2026-12-24..2026-12-26" or "24.12.2026 – 26.12.2026"; null when it is none. */
    public static function closed(string $typed): ?string
    {
        $days = array_map(self::date(...), preg_split('/\s*(?:\.{2,}|…|–|—|\s-\s|\b(?:to|until|bis|au)\b)\s*/iu', trim($typed)) ?: []);
        return in_array(null, $days, true) || count($days) > 2 ? null : implode('..', $days);
    }

    private static function date(string $typed): ?string
    {
        if (preg_match('/^(\d{4})-(\d{1,2})-(\d{1,2})$/', $typed, $found)) {
            [, $year, $month, $day] = $found;
        } elseif (preg_match('/^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})$/', $typed, $found)) {
            [, $day, $month, $year] = $found;
        } else {
            return null;
        }
        return checkdate((int) $month, (int) $day, (int) $year) ? sprintf('%04d-%02d-%02d', $year, $month, $day) : null;
    }

    private static function time(int $minutes): string
    {
        return sprintf('%d:%02d', intdiv($minutes, 60), $minutes % 60);
    }
}
