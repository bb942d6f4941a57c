<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * One thing that must be so for the chat to work, and what to do when it isn't.
 */
final class Check
{
    public const GOOD = 'good';
    public const WARNING = 'warning';
    public const BAD = 'bad';

    public function __construct(
        public readonly string $id,
        public readonly string $label,
        public readonly string $state,
        public readonly string $detail,
        public readonly string $mend = '',
    ) {
    }

    /** @return array{id: string, label: string, state: string, detail: string, mend: string} */
    public function toArray(): array
    {
        return ['id' => $this->id, 'label' => $this->label, 'state' => $this->state, 'detail' => $this->detail, 'mend' => $this->mend];
    }
}
