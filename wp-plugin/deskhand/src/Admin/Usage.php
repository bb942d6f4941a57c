<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Answer;
use Deskhand\Connection\Client;

defined('ABSPATH') || exit;

/**
 * What the chat did and cost, day by day, as the backend counted it.
 */
final class Usage
{
    public const FIGURES = ['turns', 'answered', 'handoffs', 'degraded', 'tokens_in', 'tokens_out', 'cost_micro'];

    public function __construct(private readonly Client $client)
    {
    }

    /**
     * @return list<array<string, int|string>>|Answer a row for each day, those without any too; or what the backend answered instead
     */
    public function of(int $days): array|Answer
    {
        $to = current_datetime();
        $from = $to->modify('-' . ($days - 1) . ' days');
        $answer = $this->client->ask('GET', '/api/usage?from=' . $from->format('Y-m-d') . '&to=' . $to->format('Y-m-d'), null, 5.0);
        if (!$answer->isOk() || !is_array($answer->json['days'] ?? null)) {
            return $answer;
        }
        $rows = [];
        for ($i = 0; $i < $days; $i++) {
            $day = $from->modify("+$i days")->format('Y-m-d');
            $rows[$day] = ['date' => $day, 'currency' => ''] + array_fill_keys(self::FIGURES, 0);
        }
        // A day has a row for each provider.
        foreach ($answer->json['days'] as $told) {
            $day = is_array($told) ? substr((string) ($told['date'] ?? ''), 0, 10) : '';
            if (!isset($rows[$day])) {
                continue;
            }
            foreach (self::FIGURES as $figure) {
                $rows[$day][$figure] += max(0, (int) ($told[$figure] ?? 0));
            }
            $rows[$day]['currency'] = $rows[$day]['currency'] ?: mb_substr(sanitize_text_field((string) ($told['currency'] ?? '')), 0, 3);
        }
        return array_values($rows);
    }

    /**
     * @param list<array<string, int|string>> $rows
     * @return array<string, int|string>
     */
    public static function sum(array $rows): array
    {
        $sum = ['currency' => ''] + array_fill_keys(self::FIGURES, 0);
        foreach ($rows as $row) {
            foreach (self::FIGURES as $figure) {
                $sum[$figure] += (int) $row[$figure];
            }
            $sum['currency'] = $sum['currency'] ?: $row['currency'];
        }
        return $sum;
    }

    public static function money(int $micro, string $currency): string
    {
        return number_format_i18n($micro / 1_000_000, $micro === 0 || $micro >= 100_000 ? 2 : 4) . ' ' . ($currency ?: 'EUR');
    }
}
