<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * How far a document is, as this site knows it. The first three are this side's, the others the backend's words.
 */
enum State: string
{
    case Queued = 'queued';
    case Sent = 'sent';
    case LeftOut = 'left_out';
    case Waiting = 'waiting';
    case Processing = 'processing';
    case Live = 'live';
    case Review = 'pending_review';
    case Failed = 'failed';
    case Removed = 'removed';

    /** Whether it will be something else soon. */
    public function isPassing(): bool
    {
        return in_array($this, [self::Queued, self::Sent, self::Waiting, self::Processing], true);
    }

    public function label(): string
    {
        return match ($this) {
            self::Queued => __('Waiting to be sent', 'deskhand'),
            self::Sent, self::Waiting => __('Waiting to be read', 'deskhand'),
            self::Processing => __('Being read', 'deskhand'),
            self::Live => __('Known', 'deskhand'),
            self::Review => __('Waiting for approval', 'deskhand'),
            self::Failed => __('Failed', 'deskhand'),
            self::Removed => __('Removed', 'deskhand'),
            self::LeftOut => __('Left out', 'deskhand'),
        };
    }
}
