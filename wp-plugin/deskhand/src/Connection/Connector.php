<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Connects the site as somebody, after trying whether that works: what worked isn't given up for what doesn't.
 */
final class Connector
{
    /** What can be mended afterwards, and keeps nobody from connecting. */
    private const LATER = ['origin', 'documents', 'https'];

    public function __construct(private readonly CredentialStore $store)
    {
    }

    /** @return array{string, string} a notice's kind and text */
    public function connect(Credentials $new): array
    {
        $trial = CredentialStore::holding($new);
        $checks = (new Test($trial, new Client($trial)))->run(false);
        $wrong = array_values(array_filter($checks, static fn (Check $check): bool => $check->state === Check::BAD && !in_array($check->id, self::LATER, true)))[0] ?? null;
        $before = $this->store->current();
        if ($wrong === null) {
            $this->store->save($new);
            $moved = $before !== null && $before->siteId !== $new->siteId
                ? ' ' . __('All pages and files are sent to it; what the one before knew its operator can erase.', 'deskhand')
                : '';
            return ['success', __('Connected.', 'deskhand') . $moved . ' ' . __('"Test connection" tries the rest of it, from this browser too.', 'deskhand')];
        }
        $why = "$wrong->label: $wrong->detail $wrong->mend";
        if ($before !== null) {
            return ['error', __('Nothing was changed, since the new connection doesn\'t work.', 'deskhand') . " $why " . __('To take it all the same, disconnect first.', 'deskhand')];
        }
        $this->store->save($new);
        return ['warning', __('Saved, but it doesn\'t work yet.', 'deskhand') . " $why"];
    }
}
