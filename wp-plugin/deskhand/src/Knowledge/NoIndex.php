<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Tells the backend's crawl on the page itself that it isn't to be taken in. Search engines don't heed this name.
 */
final class NoIndex implements Part
{
    public function __construct(private readonly Eligibility $eligibility)
    {
    }

    public function register(): void
    {
        add_action('wp_head', $this->say(...));
    }

    private function say(): void
    {
        $post = is_singular() ? get_queried_object() : null;
        if ($post instanceof \WP_Post && (!$this->eligibility->isCandidate($post) || $this->eligibility->obstacle($post) !== null)) {
            echo "<meta name=\"deskhand\" content=\"noindex\">\n";
        }
    }
}
