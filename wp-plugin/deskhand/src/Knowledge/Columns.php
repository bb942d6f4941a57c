<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * What the chat knows, as a column of the media library and of the lists of posts, with a way to send one again.
 */
final class Columns implements Part
{
    private const COLUMN = 'deskhand';
    private const ACTION = 'deskhand_reindex';

    public function __construct(
        private readonly Documents $documents,
        private readonly Eligibility $eligibility,
        private readonly Recorder $recorder,
    ) {
    }

    public function register(): void
    {
        add_action('admin_init', $this->hook(...));
        add_action('admin_post_' . self::ACTION, $this->again(...));
        add_action('admin_enqueue_scripts', $this->enqueue(...));
        add_action('admin_notices', self::tell(...));
        // Said once, and not at each reload.
        add_filter('removable_query_args', static fn (array $names): array => [...$names, 'deskhand_again']);
    }

    private function hook(): void
    {
        add_filter('manage_media_columns', self::add(...));
        add_action('manage_media_custom_column', $this->show(...), 10, 2);
        add_filter('media_row_actions', $this->actions(...), 10, 2);
        foreach ($this->eligibility->postTypes() as $type) {
            add_filter("manage_{$type}_posts_columns", self::add(...));
            add_action("manage_{$type}_posts_custom_column", $this->show(...), 10, 2);
        }
        add_filter('post_row_actions', $this->actions(...), 10, 2);
        add_filter('page_row_actions', $this->actions(...), 10, 2);
    }

    /**
     * @param array<string, string> $columns
     * @return array<string, string>
     */
    private static function add(array $columns): array
    {
        return $columns + [self::COLUMN => __('Help chat', 'deskhand')];
    }

    private function show(string $column, int $id): void
    {
        if ($column !== self::COLUMN) {
            return;
        }
        $post = get_post($id);
        $source = $post->post_type === 'attachment' ? Source::Media : Source::Post;
        // One query for the whole page of a list.
        static $known = [];
        if (!isset($known[$source->value][$id])) {
            $shown = array_map(static fn ($p): int => $p->ID, array_filter((array) ($GLOBALS['wp_query']->posts ?? []), 'is_object'));
            $known[$source->value] = $this->documents->of($source, array_values(array_unique([...$shown, $id]))) + [$id => null];
        }
        $row = $known[$source->value][$id];
        $obstacle = $row === null && $this->eligibility->isCandidate($post) ? $this->eligibility->obstacle($post) : null;
        $otherwise = $obstacle === 'excluded' ? Eligibility::explain($obstacle) : '';
        // phpcs:ignore WordPress.Security.EscapeOutput -- escaped there
        printf('<div data-deskhand-source="%s" data-deskhand-id="%d" data-deskhand-state="%s">%s</div>', esc_attr($source->value), $id, esc_attr($row->state->value ?? ''), Badge::html($row, $otherwise));
    }

    /**
     * @param array<string, string> $actions
     * @return array<string, string>
     */
    private function actions(array $actions, \WP_Post $post): array
    {
        if ($this->eligibility->isCandidate($post) && $this->eligibility->obstacle($post) === null && current_user_can('edit_post', $post->ID)) {
            $actions['deskhand'] = sprintf(
                '<a href="%s" aria-label="%s">%s</a>',
                esc_url(self::link($post->ID)),
                /* translators: %s: a title */
                esc_attr(sprintf(__('Read again: “%s”, for the help chat', 'deskhand'), get_the_title($post))),
                esc_html__('Read again', 'deskhand'),
            );
        }
        return $actions;
    }

    /** Where pressing "Read again" leads. */
    public static function link(int $id): string
    {
        return wp_nonce_url(admin_url('admin-post.php?action=' . self::ACTION . "&post=$id"), self::ACTION . "_$id");
    }

    private function again(): void
    {
        $id = isset($_GET['post']) ? absint(wp_unslash($_GET['post'])) : 0;
        check_admin_referer(self::ACTION . "_$id");
        if (!current_user_can('edit_post', $id)) {
            wp_die(esc_html__('You may not do this.', 'deskhand'), '', ['response' => 403]);
        }
        $this->recorder->note($id, 'updated');
        wp_safe_redirect(add_query_arg('deskhand_again', '1', wp_get_referer() ?: admin_url('upload.php?mode=list')));
        exit;
    }

    private static function tell(): void
    {
        // phpcs:ignore WordPress.Security.NonceVerification -- only words
        if (isset($_GET['deskhand_again'])) {
            wp_admin_notice(__('The help chat will read it again in a moment.', 'deskhand'), ['type' => 'success', 'dismissible' => true]);
        }
    }

    private function enqueue(string $page): void
    {
        if (in_array($page, ['upload.php', 'edit.php'], true) || str_contains($page, 'deskhand-documents')) {
            wp_enqueue_style('deskhand-documents', plugins_url('assets/admin/documents.css', DESKHAND_FILE), [], DESKHAND_VERSION);
            wp_enqueue_script('deskhand-documents', plugins_url('assets/admin/documents.js', DESKHAND_FILE), ['wp-api-fetch', 'wp-i18n'], DESKHAND_VERSION, ['strategy' => 'defer', 'in_footer' => true]);
            Translations::ofScript('deskhand-documents');
        }
    }
}
