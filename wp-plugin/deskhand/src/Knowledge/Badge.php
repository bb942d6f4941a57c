<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * How a document's state is shown: a word, never a colour alone, and why.
 */
final class Badge
{
    public static function html(?Row $row, string $otherwise = ''): string
    {
        if ($row === null) {
            return $otherwise === '' ? '<span aria-hidden="true">—</span>' : '<span class="deskhand-why">' . esc_html($otherwise) . '</span>';
        }
        $html = sprintf('<span class="deskhand-state deskhand-state-%s">%s</span>', esc_attr($row->state->value), esc_html($row->state->label()));
        $why = self::why($row);
        return $why === '' ? $html : $html . '<span class="deskhand-why">' . esc_html($why) . '</span>';
    }

    public static function why(Row $row): string
    {
        return match ($row->state) {
            State::Failed, State::LeftOut => $row->detail,
            State::Queued => $row->attempts > 0 ? $row->detail : '',
            default => '',
        };
    }

    /** @return array<string, mixed> for scripts */
    public static function json(Row $row): array
    {
        return [
            'source' => $row->source->value,
            'id' => $row->objectId,
            'state' => $row->state->value,
            'label' => $row->state->label(),
            'why' => self::why($row),
            'passing' => $row->state->isPassing(),
        ];
    }
}
