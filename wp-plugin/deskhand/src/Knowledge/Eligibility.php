<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * What may be taken in: what every visitor may read, and nobody has left out. In doubt not.
 */
final class Eligibility
{
    public const EXCLUDED = '_deskhand_exclude';

    /** Files that have text in them, by their type. */
    private const TYPES = [
        'application/pdf', 'application/msword', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        'application/vnd.openxmlformats-officedocument.presentationml.presentation', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
        'application/vnd.oasis.opendocument.text', 'application/epub+zip', 'application/rtf', 'text/rtf', 'text/plain', 'text/csv', 'text/markdown',
        'text/html', 'message/rfc822',
    ];

    /** Types of posts that hold people's data or what visitors or WordPress itself wrote; the backend refuses the same ones. */
    private const NEVER = __DIR__ . '/never-taken-in.json';

    public function __construct(private readonly Settings $settings)
    {
    }

    /** Whether a post is of a kind that is taken in at all. */
    public function isCandidate(\WP_Post $post): bool
    {
        return $post->post_type === 'attachment'
            ? $this->settings->get('media') && in_array($post->post_mime_type, self::mimeTypes(), true)
            : in_array($post->post_type, $this->postTypes(), true);
    }

    /** Why a candidate isn't taken in: a code, or null when it is. */
    public function obstacle(\WP_Post $post): ?string
    {
        // A file is as public as what it was uploaded to.
        $status = get_post_status($post);
        $holder = $post->post_type === 'attachment' && $post->post_parent > 0 ? get_post($post->post_parent) : null;
        $why = match (true) {
            (bool) get_post_meta($post->ID, self::EXCLUDED, true) => 'excluded',
            $post->post_status === 'trash' || $status === 'trash' => 'trashed',
            $status !== 'publish' => 'not_public',
            $post->post_password !== '' || ($holder && $holder->post_password !== '') => 'password',
            default => null,
        };
        if ($why === null && $this->isForMembers($post, $holder)) {
            $why = 'members_only';
        }
        /**
         * Why a post or file must not be answered from: a code, or null when it may be.
         *
         * @param string|null $why
         * @param \WP_Post $post
         */
        $why = apply_filters('deskhand_obstacle', $why, $post);
        return is_string($why) && $why !== '' ? $why : null;
    }

    private function isForMembers(\WP_Post $post, ?\WP_Post $holder): bool
    {
        $type = get_post_type_object(($holder ?? $post)->post_type);
        $is = $type !== null && !is_post_type_viewable($type);
        /**
         * Whether only members may read this: for plugins that guard pages.
         *
         * @param bool $is
         * @param \WP_Post $post
         */
        return (bool) apply_filters('deskhand_members_only', $is, $post);
    }

    /** @return list<string> */
    public function postTypes(): array
    {
        $types = array_filter((array) $this->settings->get('post_types'), static fn (string $type): bool => post_type_exists($type));
        return array_values(array_diff($types, self::never()));
    }

    /** What is never taken in, whatever the settings say. @return list<string> */
    private static function never(): array
    {
        static $types = null;
        return $types ??= array_filter((array) wp_json_file_decode(self::NEVER, ['associative' => true]), 'is_string');
    }

    /** Types that the settings may offer. @return list<string> */
    public static function offered(): array
    {
        return array_values(array_diff(array_keys(get_post_types(['public' => true])), self::never()));
    }

    /** @return list<string> */
    public static function mimeTypes(): array
    {
        /**
         * Types of files that are taken in.
         *
         * @param list<string> $types
         */
        return array_values(array_filter((array) apply_filters('deskhand_mime_types', self::TYPES), 'is_string'));
    }

    public static function explain(string $code): string
    {
        return match ($code) {
            'excluded' => __('You have left this out.', 'deskhand'),
            'trashed' => __('It is in the trash.', 'deskhand'),
            'not_public' => __('It isn\'t public, or belongs to a page that isn\'t.', 'deskhand'),
            'password' => __('It is protected by a password.', 'deskhand'),
            'members_only' => __('Only members may read it.', 'deskhand'),
            'kind' => __('The settings leave out what is of this kind.', 'deskhand'),
            default => __('Another plugin has left this out.', 'deskhand'),
        };
    }
}
