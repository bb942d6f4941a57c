<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * Where a document comes from, by its name on the wire.
 */
enum Source: string
{
    case Media = 'wp_media';
    case Post = 'wp_post';

    public static function of(\WP_Post $post): self
    {
        return $post->post_type === 'attachment' ? self::Media : self::Post;
    }
}
