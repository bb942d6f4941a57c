<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

defined('ABSPATH') || exit;

/**
 * What the backend is told of an event, made when it is sent: of what is gone or isn't public, its number alone.
 */
final class Payload
{
    /** The whole body may have two mebibytes; more than this is fetched from the page. */
    private const MOST_CONTENT = 1_500_000;

    public function __construct(private readonly Eligibility $eligibility)
    {
    }

    /**
     * @return array<string, mixed>|string the body, or why there is nothing to tell, as a code
     */
    public function of(Row $row): array|string
    {
        $post = get_post($row->objectId);
        $obstacle = $this->obstacle($row, $post);
        if ($obstacle !== null || !$post instanceof \WP_Post) {
            $obstacle ??= 'deleted';
            return $row->known ? $this->removal($row, $obstacle) : $obstacle;
        }
        return $row->source === Source::Media ? $this->media($row, $post) : $this->post($row, $post);
    }

    /** Whether the backend has something that it must no longer show. */
    public function removes(Row $row): bool
    {
        return $row->known && $this->obstacle($row, get_post($row->objectId)) !== null;
    }

    /** Why its content isn't for the backend, as a code. */
    private function obstacle(Row $row, ?\WP_Post $post): ?string
    {
        return match (true) {
            $post === null || str_ends_with($row->event, '.deleted') => 'deleted',
            Source::of($post) !== $row->source => 'deleted',
            !$this->eligibility->isCandidate($post) => 'kind',
            default => $this->eligibility->obstacle($post),
        };
    }

    /** @return array<string, mixed> */
    private function removal(Row $row, string $why): array
    {
        $isMedia = $row->source === Source::Media;
        $body = match (true) {
            $why === 'deleted' => ['event' => $isMedia ? 'media.deleted' : 'post.deleted'],
            $why === 'trashed' && !$isMedia => ['event' => 'post.trashed'],
            default => ['event' => $isMedia ? 'media.updated' : 'post.updated', 'excluded' => true],
        };
        return $body + [$isMedia ? 'attachment_id' : 'post_id' => $row->objectId, 'modified_at' => $row->eventAt];
    }

    /** @return array<string, mixed> */
    private function media(Row $row, \WP_Post $file): array
    {
        $page = get_attachment_link($file);
        return array_filter([
            'event' => $row->known && $row->event !== 'media.added' ? 'media.updated' : 'media.added',
            'attachment_id' => $file->ID,
            'file_url' => (string) wp_get_attachment_url($file->ID),
            'title' => self::plain(get_the_title($file)),
            'mime_type' => $file->post_mime_type,
            // Since WordPress 6.4 files have no page of their own unless the site wants them.
            'url' => get_option('wp_attachment_pages_enabled') ? (string) $page : (string) wp_get_attachment_url($file->ID),
            'alt' => (string) get_post_meta($file->ID, '_wp_attachment_image_alt', true),
            'caption' => self::plain($file->post_excerpt),
            'lang' => self::language($file),
            'modified_at' => $row->eventAt,
        ], static fn ($v): bool => $v !== '');
    }

    /** @return array<string, mixed> */
    private function post(Row $row, \WP_Post $post): array
    {
        $content = (new Reader())->read($post);
        $body = [
            'event' => in_array($row->event, ['post.published', 'post.updated'], true) ? $row->event : 'post.updated',
            'post_id' => $post->ID,
            'post_type' => $post->post_type,
            'status' => 'publish',
            'password_protected' => false,
            'members_only' => false,
            'title' => self::plain(get_the_title($post)),
            'url' => (string) get_permalink($post),
            'modified_at' => $row->eventAt,
            'tags' => self::tags($post),
            'lang' => self::language($post),
        ];
        // What is too long here is read from the page itself.
        return strlen($content) > self::MOST_CONTENT ? $body : $body + ['content' => $content];
    }

    /** @return list<string> */
    private static function tags(\WP_Post $post): array
    {
        $names = [];
        foreach (get_object_taxonomies($post->post_type, 'objects') as $taxonomy) {
            if ($taxonomy->public) {
                $terms = get_the_terms($post, $taxonomy->name);
                foreach (is_array($terms) ? $terms : [] as $term) {
                    $names[] = mb_substr(self::plain($term->name), 0, 60);
                }
            }
        }
        return array_slice(array_values(array_unique(array_filter($names, static fn (string $n): bool => $n !== ''))), 0, 32);
    }

    private static function language(\WP_Post $post): string
    {
        // Polylang and WPML know a post's own language.
        $own = function_exists('pll_get_post_language') ? pll_get_post_language($post->ID, 'locale') : null;
        $own ??= apply_filters('wpml_post_language_details', null, $post->ID)['locale'] ?? null;
        $lang = str_replace('_', '-', is_string($own) && $own !== '' ? $own : get_locale());
        // "de-DE-formal" is WordPress's own.
        return preg_match('/^[a-z]{2,3}(-[A-Z]{2})?/', $lang, $found) ? $found[0] : '';
    }

    private static function plain(string $html): string
    {
        return trim(html_entity_decode(wp_strip_all_tags($html), ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    }
}
