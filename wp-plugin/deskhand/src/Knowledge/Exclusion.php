<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * Leaving a post or file out of what the chat knows: a panel in the block editor, a box in the classic one, a tick
 * beside a file's other details.
 */
final class Exclusion implements Part
{
    private const FIELD = 'deskhand_exclude';

    public function __construct(private readonly Eligibility $eligibility)
    {
    }

    public function register(): void
    {
        add_action('init', $this->registerMeta(...), 20);
        add_action('enqueue_block_editor_assets', $this->enqueue(...));
        add_action('add_meta_boxes', $this->addBox(...), 10, 2);
        add_action('save_post', self::save(...));
        add_filter('attachment_fields_to_edit', $this->field(...), 10, 2);
        add_filter('attachment_fields_to_save', self::saveField(...), 10, 2);
    }

    private function registerMeta(): void
    {
        foreach ([...$this->eligibility->postTypes(), 'attachment'] as $type) {
            register_post_meta($type, Eligibility::EXCLUDED, [
                'type' => 'boolean',
                'single' => true,
                'default' => false,
                'show_in_rest' => true,
                'description' => 'Whether the help chat leaves this out.',
                'auth_callback' => static fn ($allowed, $key, $id): bool => current_user_can('edit_post', $id),
            ]);
        }
    }

    private function enqueue(): void
    {
        $type = get_current_screen()?->post_type ?? '';
        if (in_array($type, $this->eligibility->postTypes(), true) && post_type_supports($type, 'custom-fields')) {
            $needs = ['wp-components', 'wp-core-data', 'wp-data', 'wp-editor', 'wp-edit-post', 'wp-element', 'wp-i18n', 'wp-plugins'];
            wp_enqueue_script('deskhand-exclude', plugins_url('assets/admin/exclude.js', DESKHAND_FILE), $needs, DESKHAND_VERSION, true);
            Translations::ofScript('deskhand-exclude');
        }
    }

    private function addBox(string $type, mixed $post): void
    {
        if (!$post instanceof \WP_Post || !in_array($type, $this->eligibility->postTypes(), true)) {
            return;
        }
        // The block editor has its panel, which is saved in one piece with the post.
        $onlyClassic = post_type_supports($type, 'custom-fields');
        add_meta_box('deskhand', __('Help chat', 'deskhand'), self::box(...), $type, 'side', 'default', ['__back_compat_meta_box' => $onlyClassic]);
    }

    private static function box(\WP_Post $post): void
    {
        wp_nonce_field('deskhand_exclude', 'deskhand_exclude_nonce');
        printf(
            '<label><input type="checkbox" name="%1$s" value="1"%2$s> %3$s</label><p class="description">%4$s</p>',
            esc_attr(self::FIELD),
            checked(self::isOut($post->ID), true, false),
            esc_html__('Leave this out', 'deskhand'),
            esc_html__('The help chat won\'t answer from it.', 'deskhand'),
        );
    }

    private static function save(int $id): void
    {
        $nonce = isset($_POST['deskhand_exclude_nonce']) ? sanitize_key(wp_unslash($_POST['deskhand_exclude_nonce'])) : '';
        if (!wp_verify_nonce($nonce, 'deskhand_exclude') || !current_user_can('edit_post', $id) || wp_is_post_revision($id)) {
            return;
        }
        // Another post may be saved within this request.
        if ((int) ($_POST['post_ID'] ?? 0) === $id) {
            self::set($id, !empty($_POST[self::FIELD]));
        }
    }

    /**
     * @param array<string, mixed> $fields
     * @return array<string, mixed>
     */
    private function field(array $fields, \WP_Post $file): array
    {
        if (!$this->eligibility->isCandidate($file)) {
            return $fields;
        }
        $name = "attachments[{$file->ID}][" . self::FIELD . ']';
        $fields[self::FIELD] = [
            'label' => __('Help chat', 'deskhand'),
            'input' => 'html',
            'html' => sprintf(
                '<input type="hidden" name="%1$s" value="0"><label><input type="checkbox" name="%1$s" value="1"%2$s> %3$s</label>',
                esc_attr($name),
                checked(self::isOut($file->ID), true, false),
                esc_html__('Leave this out', 'deskhand'),
            ),
        ];
        return $fields;
    }

    /**
     * WordPress has checked nonce and capability before it calls this.
     *
     * @param array<string, mixed> $file
     * @param array<string, mixed> $given
     * @return array<string, mixed>
     */
    private static function saveField(array $file, array $given): array
    {
        if (isset($given[self::FIELD]) && current_user_can('edit_post', (int) $file['ID'])) {
            self::set((int) $file['ID'], (bool) $given[self::FIELD]);
        }
        return $file;
    }

    private static function isOut(int $id): bool
    {
        return (bool) get_post_meta($id, Eligibility::EXCLUDED, true);
    }

    private static function set(int $id, bool $out): void
    {
        if ($out !== self::isOut($id)) {
            $out ? update_post_meta($id, Eligibility::EXCLUDED, true) : delete_post_meta($id, Eligibility::EXCLUDED);
        }
    }
}
