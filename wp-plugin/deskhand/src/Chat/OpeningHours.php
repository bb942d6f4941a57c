<?php

declare(strict_types=1);

namespace Deskhand\Chat;

defined('ABSPATH') || exit;

/**
 * Reads opening hours as people write them: "Mon–Fri 9:00–17:00, Sat 10-14". In the site's time zone.
 */
final class OpeningHours
{
    private const DAYS = ['mo' => 1, 'tu' => 2, 'di' => 2, 'we' => 3, 'mi' => 3, 'th' => 4, 'do' => 4, 'fr' => 5, 'sa' => 6, 'su' => 7, 'so' => 7];

    /** Whether somebody is in; null when the words can't be read as hours. */
    public static function isOpen(string $hours, \DateTimeImmutable $now): ?bool
    {
        $spans = self::spans($hours);
        if ($spans === []) {
            return null;
        }
        $day = (int) $now->format('N');
        $minute = (int) $now->format('G') * 60 + (int) $now->format('i');
        foreach ($spans as [$days, $from, $to]) {
            if (in_array($day, $days, true) && $minute >= $from && $minute < $to) {
                return true;
            }
        }
        return false;
    }

    /** @return list<array{list<int>, int, int}> days, first minute, the minute after the last */
    private static function spans(string $hours): array
    {
        $day = '(mo|tu|di|we|mi|th|do|fr|sa|su|so)\p{L}*\.?';
        $time = '(\d{1,2})(?:[:.h](\d{2}))?';
        $to = '\s*(?:-|–|—|to|bis)\s*';
        preg_match_all("/\\b$day(?:$to$day)?\\s*:?\\s*$time$to$time/iu", $hours, $found, PREG_SET_ORDER | PREG_UNMATCHED_AS_NULL);
        $spans = [];
        foreach ($found as [, $first, $last, $hour, $minute, $endHour, $endMinute]) {
            $start = self::DAYS[strtolower($first)];
            $end = self::DAYS[strtolower($last ?? $first)];
            $days = $start <= $end ? range($start, $end) : [...range($start, 7), ...range(1, $end)];
            $from = (int) $hour * 60 + (int) $minute;
            $until = (int) $endHour * 60 + (int) $endMinute;
            if ($from >= $until || $until > 24 * 60) {
                return [];
            }
            $spans[] = [$days, $from, $until];
        }
        return $spans;
    }
}
