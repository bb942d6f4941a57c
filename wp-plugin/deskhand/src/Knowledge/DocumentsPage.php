<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Capability;
use Deskhand\Connection\Client;
use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * The page of documents: what the chat knows and what it doesn't, why, and the full sync.
 */
final class DocumentsPage implements Part
{
    public const SLUG = 'deskhand-documents';
    public const PARENT = 'deskhand';
    private const APPROVE = 'deskhand_approve';

    public function __construct(
        private readonly Documents $documents,
        private readonly Recorder $recorder,
        private readonly Client $client,
    ) {
    }

    public function register(): void
    {
        // After the menu itself.
        add_action('admin_menu', $this->menu(...), 20);
        add_action('admin_post_' . self::APPROVE, $this->approve(...));
    }

    private function menu(): void
    {
        $page = add_submenu_page(self::PARENT, __('What the chat knows', 'deskhand'), __('Knowledge', 'deskhand'), Capability::forMenu(), self::SLUG, $this->show(...));
        add_action("load-$page", $this->act(...));
    }

    public static function url(): string
    {
        return admin_url('admin.php?page=' . self::SLUG);
    }

    /** Bulk actions, before anything is printed. */
    private function act(): void
    {
        $table = new DocumentsTable($this->documents);
        if ($table->current_action() !== 'again') {
            return;
        }
        check_admin_referer('bulk-' . $table->_args['plural']);
        $ids = isset($_REQUEST['post']) ? array_map('absint', (array) wp_unslash($_REQUEST['post'])) : [];
        foreach (array_slice($ids, 0, 500) as $id) {
            if (current_user_can('edit_post', $id)) {
                $this->recorder->note($id, 'updated');
            }
        }
        wp_safe_redirect(add_query_arg('deskhand_again', '1', remove_query_arg(['action', 'action2', 'post', '_wpnonce', '_wp_http_referer'], self::url())));
        exit;
    }

    /** Where a document is approved; without its content, where that is shown first. */
    public static function approveLink(string $documentId, string $content = ''): string
    {
        $of = $content === '' ? '' : "&content=$content";
        return wp_nonce_url(admin_url('admin-post.php?action=' . self::APPROVE . "&document=$documentId$of"), self::APPROVE . $documentId . $content);
    }

    /** Shows what is to be approved: an approval is for the very content that somebody has seen. */
    private function showContent(string $id): never
    {
        [$content, $texts, $after] = ['', [], ''];
        do {
            $answer = $this->client->ask('GET', "/api/documents/$id/chunks" . ($after === '' ? '' : "?after=$after"));
            $shown = (string) ($answer->json['content_hash'] ?? '');
            if (!$answer->isOk() || $shown === '' || ($content !== '' && $shown !== $content)) {
                wp_die(esc_html($answer->detail ?: __('Its content has just changed, or there is none any more. Please go back and look again.', 'deskhand')), '', ['response' => 502, 'back_link' => true]);
            }
            $content = $shown;
            $texts = [...$texts, ...array_map('strval', array_column((array) ($answer->json['chunks'] ?? []), 'text'))];
            $after = (string) ($answer->json['next'] ?? '');
        } while ($after !== '' && count($texts) < 5000);
        $button = '<p><a class="button" href="' . esc_url(self::approveLink($id, $content)) . '">' . esc_html__('Approve', 'deskhand') . '</a></p>';
        $text = '<div style="white-space: pre-wrap">' . esc_html(implode("\n\n", $texts)) . '</div>';
        // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped just above
        wp_die($button . $text . $button, esc_html__('Approve', 'deskhand'), ['response' => 200, 'back_link' => true]);
    }

    private function approve(): void
    {
        $id = isset($_GET['document']) ? sanitize_text_field(wp_unslash($_GET['document'])) : '';
        $content = isset($_GET['content']) ? sanitize_key(wp_unslash($_GET['content'])) : '';
        check_admin_referer(self::APPROVE . $id . $content);
        if (!Capability::isAdmin() || !wp_is_uuid($id)) {
            wp_die(esc_html__('You may not do this.', 'deskhand'), '', ['response' => 403]);
        }
        if ($content === '') {
            $this->showContent($id);
        }
        $answer = $this->client->ask('POST', "/api/documents/$id/approve", ['content_hash' => $content]);
        if (!$answer->isOk()) {
            wp_die(esc_html($answer->detail), '', ['response' => 502, 'back_link' => true]);
        }
        $this->documents->lookAgain($id);
        Timetable::soon(Sender::HOOK);
        wp_safe_redirect(wp_get_referer() ?: self::url());
        exit;
    }

    private function show(): void
    {
        $table = new DocumentsTable($this->documents);
        $table->prepare_items();
        echo '<div class="wrap deskhand-documents-page"><h1>' . esc_html__('What the chat knows', 'deskhand') . '</h1>';
        $this->sync();
        $table->views();
        echo '<form method="get"><input type="hidden" name="page" value="' . esc_attr(self::SLUG) . '">';
        $table->hidden();
        $table->search_box(__('Search titles', 'deskhand'), 'deskhand-search');
        $table->display();
        echo '</form></div>';
    }

    private function sync(): void
    {
        $report = DocumentRoutes::report($this->documents);
        $figures = [
            'live' => __('known', 'deskhand'),
            'queued sent waiting processing' => __('on their way', 'deskhand'),
            'pending_review' => __('wait for approval', 'deskhand'),
            'failed' => __('failed', 'deskhand'),
        ];
        ?>
        <section class="deskhand-card deskhand-sync" data-deskhand-sync="<?php echo esc_attr((string) wp_json_encode($report)); ?>" aria-labelledby="deskhand-sync-title">
            <h2 id="deskhand-sync-title"><?php esc_html_e('All pages and files', 'deskhand'); ?></h2>
            <p><?php esc_html_e('What changes is sent by itself. Send everything once after connecting, or when something seems to be missing.', 'deskhand'); ?></p>
            <progress value="0" max="1" hidden aria-label="<?php esc_attr_e('Progress', 'deskhand'); ?>"></progress>
            <p role="status"></p>
            <p class="deskhand-trouble" hidden></p>
            <div class="deskhand-figures">
                <?php foreach ($figures as $states => $label) : ?>
                    <span><strong data-count="<?php echo esc_attr($states); ?>"><?php echo esc_html(number_format_i18n(array_sum(array_intersect_key($report['counts'], array_flip(explode(' ', $states)))))); ?></strong> <?php echo esc_html($label); ?></span>
                <?php endforeach; ?>
            </div>
            <button type="button" class="button button-primary" name="start"><?php esc_html_e('Send everything', 'deskhand'); ?></button>
            <button type="button" class="button" name="stop" hidden><?php esc_html_e('Stop', 'deskhand'); ?></button>
        </section>
        <?php
    }
}
