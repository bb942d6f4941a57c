<?php

declare(strict_types=1);

namespace Deskhand\Hours;

defined('ABSPATH') || exit;

/**
 * Opening hours, read as people write them in English, German and French: "Mon–Fri 9:00–12:00, 13:00–17:00; Sat 10-14".
 * In the site's time zone. All of a text has to be understood, or none of it counts: a half that was read would say that
 * nobody is in while somebody is.
 */
final class OpeningHours
{
    public const DAY = 24 * 60;
    private const CLOSED = 'closed';
    /** A night that is longer than this is an evening and a morning the wrong way round. */
    public const NIGHT = 12 * 60;

    /** Each language's words, as patterns. */
    private const WORDS = [
        'en' => [
            'days' => ['mon(?:days?)?', 'tue(?:s|sdays?)?', 'wed(?:s|nesdays?)?', 'thu(?:r|rs|rsdays?)?', 'fri(?:days?)?', 'sat(?:urdays?)?', 'sun(?:days?)?'],
            'short' => ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'],
            'groups' => ['daily|every ?day' => [1, 2, 3, 4, 5, 6, 7], '(?:on )?(?:weekdays|working days)' => [1, 2, 3, 4, 5], '(?:on )?(?:weekends?|the weekend)' => [6, 7]],
            'to' => 'to|till|until|through|thru',
            'and' => 'and',
            'closed' => 'closed',
            'fill' => 'from|open|on|hours|o\'clock|uhr',
        ],
        'de' => [
            'days' => ['montags?', 'dienstags?', 'mittwochs?', 'donnerstags?', 'freitags?', '(?:samstags?|sonnabends?)', 'sonntags?'],
            'short' => ['mo', 'di', 'mi', 'do', 'fr', 'sa', 'so'],
            // By law Saturday is a Werktag; who means otherwise names it beside.
            'groups' => ['täglich|jeden tag' => [1, 2, 3, 4, 5, 6, 7], 'werktags|(?:an )?werktagen' => [1, 2, 3, 4, 5, 6], 'wochentags|unter der woche' => [1, 2, 3, 4, 5], '(?:am )?wochenende' => [6, 7]],
            'to' => 'bis',
            'and' => 'und|sowie|u\.',
            'closed' => 'geschlossen|zu|ruhetag',
            'fill' => 'von|ab|jeweils|geöffnet|offen|uhr|am',
        ],
        'fr' => [
            'days' => ['lun(?:di)?s?', 'mar(?:di)?s?', 'mer(?:credi)?s?', 'jeu(?:di)?s?', 'ven(?:dredi)?s?', 'sam(?:edi)?s?', 'dim(?:anche)?s?'],
            'short' => ['lu', 'ma', 'me', 'je', 've', 'sa', 'di'],
            'groups' => ['tous les jours' => [1, 2, 3, 4, 5, 6, 7], 'en semaine' => [1, 2, 3, 4, 5], '(?:le )?week-?end' => [6, 7]],
            'to' => 'à|au|jusqu\'à',
            'and' => 'et',
            'closed' => 'fermé',
            'fill' => 'du|de|le|les|ouvert|heures',
        ],
    ];

    /** The language that a text of this site is in where it could be in two. */
    public static function language(): string
    {
        return substr(get_locale(), 0, 2);
    }

    /**
     * The periods of each day from Monday, 1, to Sunday, 7, in minutes from midnight; null when the words can't be read,
     * or could mean two things.
     *
     * @param string $language the site's, such as "de": what could be two languages is this one
     * @return array<int, list<array{int, int}>>|null
     */
    public static function week(string $hours, string $language = ''): ?array
    {
        if (trim($hours, " .\n") === '24/7') {
            return array_fill(1, 7, [[0, self::DAY]]);
        }
        $read = array_filter(array_map(static fn (array $words): ?array => self::read($hours, $words), self::WORDS));
        if (isset($read[$language])) {
            return $read[$language];
        }
        $weeks = array_values(array_unique($read, SORT_REGULAR));
        return count($weeks) === 1 ? $weeks[0] : null;
    }

    /**
     * @param array<string, mixed> $words one language's
     * @return array<int, list<array{int, int}>>|null
     */
    private static function read(string $hours, array $words): ?array
    {
        $tokens = self::tokens($hours, $words);
        $entries = $tokens === null ? null : self::entries($tokens);
        if ($entries === null || array_filter($entries, static fn (array $e): bool => $e[2] !== []) === []) {
            return null;
        }
        $named = [];
        foreach ($entries as [$days, $isGroup]) {
            $named = $isGroup ? $named : [...$named, ...$days];
        }
        $own = array_fill(1, 7, []);
        foreach ($entries as [$days, $isGroup, $spans]) {
            // "Daily 9-17, Sat 10-14": what is said of a day itself counts for it.
            foreach ($isGroup ? array_diff($days, $named) : $days as $day) {
                array_push($own[$day], ...$spans);
            }
        }
        foreach ($entries as [$days, , $spans]) {
            foreach ($spans === [] ? $days : [] as $day) {
                $own[$day] = [];
            }
        }
        $week = array_fill(1, 7, []);
        foreach ($own as $day => $spans) {
            foreach ($spans as [$from, $to]) {
                $week[$day][] = [$from, min($to, self::DAY)];
                if ($to > self::DAY) {
                    // A night belongs to the evening that it began on, whatever is said of the day after.
                    $week[$day % 7 + 1][] = [0, $to - self::DAY];
                }
            }
        }
        return array_map(self::merged(...), $week);
    }

    /**
     * @param list<array{int, int}> $spans
     * @return list<array{int, int}> in order, none touches another
     */
    private static function merged(array $spans): array
    {
        sort($spans);
        $merged = [];
        foreach ($spans as [$from, $to]) {
            $last = array_key_last($merged);
            if ($last !== null && $from <= $merged[$last][1]) {
                $merged[$last][1] = max($merged[$last][1], $to);
            } else {
                $merged[] = [$from, $to];
            }
        }
        return $merged;
    }

    /**
     * @param array<string, mixed> $words
     * @return list<array{string, mixed}>|null what the text is made of; null when there is something else in it
     */
    private static function tokens(string $hours, array $words): ?array
    {
        $text = mb_strtolower(trim((string) preg_replace('/[\s\x{a0}\x{2009}\x{202f}]+/u', ' ', $hours)));
        $text = str_replace(['–', '—', '−', '‐', '‑', '’'], ['-', '-', '-', '-', '-', '\''], $text);
        $patterns = [];
        foreach ($words['groups'] as $pattern => $days) {
            $patterns["(?:$pattern)(?!\\pL)"] = ['group', $days];
        }
        foreach ($words['days'] as $n => $pattern) {
            $patterns["(?:$pattern|{$words['short'][$n]})(?!\\pL)\\.?"] = ['day', $n + 1];
        }
        $patterns += [
            "(?:{$words['closed']})(?!\\pL)" => [self::CLOSED, null],
            "(?:-|(?:{$words['to']})(?!\\pL))" => ['to', null],
            "(?:[,;&+|\\/]|(?:{$words['and']})(?!\\pL))" => ['and', null],
            "(?:{$words['fill']})(?!\\pL)" => ['fill', null],
            ':' => ['fill', null],
        ];
        $tokens = [];
        while (($text = ltrim($text)) !== '' && $text !== '.') {
            if (preg_match('/^(\d{1,2})(?:[:.]([0-5]\d)(?!\d)|\s?h\s?([0-5]\d)?(?!\pL|\d))?(?!\d)\s?([ap]\.?m\b\.?)?/u', $text, $found, PREG_UNMATCHED_AS_NULL)) {
                $tokens[] = ['time', [(int) $found[1], (int) ($found[2] ?? $found[3] ?? 0), $found[4] === null ? '' : $found[4][0]]];
                $text = substr($text, strlen((string) $found[0]));
                continue;
            }
            $token = null;
            foreach ($patterns as $pattern => $what) {
                if (preg_match("/^$pattern/u", $text, $found)) {
                    $token = $what;
                    $text = substr($text, strlen($found[0]));
                    break;
                }
            }
            if ($token === null) {
                return null;
            }
            if ($token[0] !== 'fill') {
                $tokens[] = $token;
            }
        }
        return $tokens;
    }

    /**
     * @param list<array{string, mixed}> $tokens
     * @return list<array{list<int>, bool, list<array{int, int}>}>|null days, whether by a name for several, and their
     *     periods, none when closed
     */
    private static function entries(array $tokens): ?array
    {
        $entries = [];
        $at = 0;
        $is = static function (string $what, int $ahead = 0) use ($tokens, &$at): bool {
            return ($tokens[$at + $ahead][0] ?? '') === $what;
        };
        while ($at < count($tokens)) {
            if ($is('and')) {
                $at++;
                continue;
            }
            $days = [];
            $isGroup = false;
            while ($is('day') || $is('group') || ($days !== [] && $is('and') && ($is('day', 1) || $is('group', 1)))) {
                $at += $is('and') ? 1 : 0;
                $what = $tokens[$at][1];
                if ($is('group')) {
                    $isGroup = true;
                    array_push($days, ...$what);
                } elseif ($is('to', 1) && $is('day', 2)) {
                    $end = $tokens[$at + 2][1];
                    array_push($days, ...($what <= $end ? range($what, $end) : [...range($what, 7), ...range(1, $end)]));
                    $at += 2;
                } else {
                    $days[] = $what;
                }
                $at++;
            }
            // "Mon-Fri, 9-17"
            $at += $days !== [] && $is('and') && $is('time', 1) ? 1 : 0;
            $spans = [];
            while ($is('time') || ($spans !== [] && $is('and') && $is('time', 1))) {
                $at += $is('and') ? 1 : 0;
                if (!$is('to', 1) || !$is('time', 2)) {
                    return null;
                }
                $span = self::span($tokens[$at][1], $tokens[$at + 2][1]);
                if ($span === null) {
                    return null;
                }
                $spans[] = $span;
                $at += 3;
            }
            $isClosed = $spans === [] && $is(self::CLOSED);
            $at += $isClosed ? 1 : 0;
            if ($days === [] || ($spans === [] && !$isClosed)) {
                return null;
            }
            $entries[] = [$days, $isGroup, $spans];
        }
        return $entries;
    }

    /**
     * @param array{int, int, string} $start hour, minute, and "a", "p" or nothing
     * @param array{int, int, string} $end
     * @return array{int, int}|null minutes from midnight; past midnight the end is more than a day
     */
    private static function span(array $start, array $end): ?array
    {
        if ($start[2] === '' && $end[2] === '') {
            [$from, $to] = [self::minutes($start), self::minutes($end)];
            // "18-2" is a night; "9-5" may be one, or an afternoon.
            $isNight = $from !== null && $to !== null && $to <= $from && ($from >= 12 * 60 || $to === 0);
            $to = $isNight ? $to + self::DAY : $to;
        } elseif ($end[2] === '') {
            $from = self::minutes($start);
            $to = self::minutes([$end[0], $end[1], $start[2]]);
            $to = $to !== null && $to <= $from ? self::minutes([$end[0], $end[1], 'p']) : $to;
        } else {
            $to = self::minutes($end);
            $from = self::minutes($start[2] === '' ? [$start[0], $start[1], $end[2]] : $start);
            $from = $start[2] === '' && $from !== null && $from >= $to ? self::minutes([$start[0], $start[1], 'a']) : $from;
            $to = $to !== null && $end[2] === 'a' && $from !== null && $to <= $from ? $to + self::DAY : $to;
        }
        return $from === null || $to === null || $from >= $to || $to - $from > ($to > self::DAY ? self::NIGHT : self::DAY) ? null : [$from, $to];
    }

    /** @param array{int, int, string} $time */
    private static function minutes(array $time): ?int
    {
        [$hour, $minute, $half] = $time;
        if ($half !== '') {
            if ($hour < 1 || $hour > 12) {
                return null;
            }
            $hour = $hour % 12 + ($half === 'p' ? 12 : 0);
        }
        $all = $hour * 60 + $minute;
        return $all <= self::DAY ? $all : null;
    }
}
