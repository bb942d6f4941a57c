<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

use Deskhand\Part;
use Deskhand\Rest\Limit;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * What nobody waits for: jobs that couldn't be sent, callbacks that didn't come, and the end of what is kept.
 */
final class Upkeep implements Part
{
    private const BATCH = 500;

    public function __construct(private readonly JobStore $jobs, private readonly Sender $sender, private readonly Settings $settings)
    {
    }

    public function register(): void
    {
        add_action('deskhand_jobs', $this->sender->run(...));
        add_action('deskhand_sweep', $this->sender->run(...));
        add_action('deskhand_clean', $this->clean(...));
    }

    public function clean(): void
    {
        $before = time() - (int) $this->settings->get('retention_days') * DAY_IN_SECONDS;
        $end = microtime(true) + 20;
        while ($this->jobs->retire($before, $this->settings->get('retention_mode') === 'anonymise', self::BATCH) === self::BATCH && microtime(true) < $end) {
            continue;
        }
        Limit::clean();
    }
}
