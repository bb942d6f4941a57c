<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Notes what happens to posts and files, as it happens: one row each. What it means is decided when it is sent.
 */
final class Recorder implements Part
{
    public function __construct(
        private readonly Documents $documents,
        private readonly Eligibility $eligibility,
        private readonly Sender $sender,
    ) {
    }

    public function register(): void
    {
        add_action('add_attachment', fn (int $id) => $this->note($id, 'added'));
        add_action('attachment_updated', fn (int $id) => $this->note($id, 'updated'));
        // What replaces a file under the same name tells so by one of these.
        add_action('enable-media-replace-upload-done', fn ($new, $old, $id = 0) => $this->note((int) $id, 'updated'), 10, 3);
        add_action('deskhand_changed', fn ($id) => $this->note((int) $id, 'updated'));
        add_action('wp_after_insert_post', $this->saved(...), 10, 4);
        add_action('woocommerce_update_product', fn ($id) => $this->note((int) $id, 'updated'));
        add_action('deleted_post', $this->deleted(...), 10, 2);
        foreach (['added_post_meta', 'updated_post_meta', 'deleted_post_meta'] as $hook) {
            add_action($hook, $this->metaChanged(...), 10, 3);
        }
    }

    /** Something about a post or file that is, or was, taken in has changed. */
    public function note(int $id, string $what): void
    {
        $post = get_post($id);
        if (!$post instanceof \WP_Post || wp_is_post_revision($post)) {
            return;
        }
        $source = Source::of($post);
        // What was never taken in and won't be now is nobody's business.
        $wanted = $this->eligibility->isCandidate($post) && $this->eligibility->obstacle($post) === null;
        if ($wanted || $this->documents->find($source, $id) !== null) {
            $this->documents->record($source, $id, ($source === Source::Media ? 'media.' : 'post.') . $what);
            $this->sender->wake();
        }
    }

    private function saved(int $id, \WP_Post $post, bool $update, ?\WP_Post $before): void
    {
        if ($post->post_type === 'attachment' || wp_is_post_revision($post) || wp_is_post_autosave($post)) {
            return;
        }
        $wasPublic = $before !== null && $before->post_status === 'publish' && $before->post_password === '';
        $isPublic = $post->post_status === 'publish' && $post->post_password === '';
        $this->note($id, match (true) {
            $post->post_status === 'trash' => 'trashed',
            $isPublic && !$wasPublic => 'published',
            default => 'updated',
        });
        if ($before !== null && $isPublic !== $wasPublic) {
            // Files are as public as what they were uploaded to.
            foreach (get_children(['post_parent' => $id, 'post_type' => 'attachment', 'fields' => 'ids', 'numberposts' => 500]) as $file) {
                $this->note((int) $file, 'updated');
            }
        }
    }

    private function deleted(int $id, \WP_Post $post): void
    {
        $source = Source::of($post);
        if ($this->documents->find($source, $id) !== null) {
            $this->documents->record($source, $id, $source === Source::Media ? 'media.deleted' : 'post.deleted');
            $this->sender->wake();
        }
    }

    /** @param int|list<int> $metaId */
    private function metaChanged(int|array $metaId, int $id, string $key): void
    {
        if ($key === Eligibility::EXCLUDED || $key === '_wp_attached_file') {
            $this->note($id, 'updated');
        }
    }
}
