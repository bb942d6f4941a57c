<?php

declare(strict_types=1);

namespace Deskhand\Chat;

use Deskhand\Connection\CredentialStore;
use Deskhand\Part;
use Deskhand\Rest\Routes;
use Deskhand\Settings;
use Deskhand\Translations;

defined('ABSPATH') || exit;

/**
 * The chat on a page: shortcode and block. What is printed is the same for every visitor and has nothing secret, so
 * pages may be cached.
 */
final class Embed implements Part
{
    public const MODULE = 'deskhand-widget';
    private const OWN = ['heading', 'greeting', 'suggestions', 'consent', 'accent', 'theme'];
    private const SIZES = ['medium', 'small', 'large'];

    /** @var array<string, true> modules whose tags the footer prints, where WordPress is older than 6.5 */
    private static array $modules = [];

    private bool $isOnPage = false;

    public function __construct(private readonly Settings $settings, private readonly CredentialStore $credentials)
    {
    }

    public function register(): void
    {
        add_action('init', $this->init(...));
    }

    private function init(): void
    {
        if (function_exists('wp_register_script_module')) {
            wp_register_script_module(self::MODULE, self::asset('deskhand-widget.js'), [], DESKHAND_VERSION);
        }
        add_shortcode('deskhand_chat', $this->shortcode(...));
        if (!shortcode_exists('ai_chat')) {
            add_shortcode('ai_chat', $this->shortcode(...));
        }
        $editor = ['wp-blocks', 'wp-block-editor', 'wp-components', 'wp-element', 'wp-i18n'];
        wp_register_script('deskhand-chat-editor', plugins_url('blocks/chat/editor.js', DESKHAND_FILE), $editor, DESKHAND_VERSION, true);
        Translations::ofScript('deskhand-chat-editor');
        // What a field that is left empty means.
        $shown = array_intersect_key($this->settings->all(), ['heading' => 1, 'greeting' => 1, 'suggestions' => 1, 'accent' => 1]);
        wp_add_inline_script('deskhand-chat-editor', 'window.deskhandChat = ' . wp_json_encode($shown, JSON_HEX_TAG | JSON_HEX_AMP) . ';', 'before');
        wp_register_style('deskhand-chat-editor', plugins_url('blocks/chat/editor.css', DESKHAND_FILE), [], DESKHAND_VERSION);
        register_block_type(dirname(DESKHAND_FILE) . '/blocks/chat', ['render_callback' => $this->block(...)]);
    }

    /** @param array<string, string>|string $given */
    private function shortcode(array|string $given): string
    {
        $given = is_array($given) ? $given : [];
        $given = shortcode_atts(array_fill_keys([...self::OWN, 'size'], null), $given, 'deskhand_chat');
        if (is_string($given['suggestions'])) {
            $given['suggestions'] = explode('|', $given['suggestions']);
        }
        $given = array_filter($given, static fn ($v): bool => $v !== null);
        return $this->html($given, 'class="' . self::classes($given) . '"');
    }

    /** @param array<string, mixed> $given */
    private function block(array $given): string
    {
        $given = array_filter($given, static fn ($v): bool => $v !== '' && $v !== []);
        return $this->html($given, get_block_wrapper_attributes(['class' => self::classes($given)]));
    }

    /** @param array<string, mixed> $given over the site's settings */
    private function html(array $given, string $wrapper): string
    {
        if (\Deskhand\Knowledge\Reader::$isReading || is_feed()) {
            // The site's pages are read into the knowledge base without the chat itself.
            return '';
        }
        if ($this->credentials->current() === null) {
            return current_user_can('manage_options')
                ? '<p><em>' . esc_html__('The chat appears here once Deskhand is connected (only you, as an administrator, see this line).', 'deskhand') . '</em></p>'
                : '';
        }
        $this->isOnPage = true;
        self::load(self::MODULE, 'deskhand-widget.js');
        wp_enqueue_style('deskhand-page', self::asset('deskhand-page.css'), [], DESKHAND_VERSION);
        return "<div $wrapper>" . $this->element($given) . '</div>';
    }

    /**
     * Sizes are classes: a strict policy forbids inline styles.
     *
     * @param array<string, mixed> $given
     */
    private static function classes(array $given): string
    {
        $size = in_array($given['size'] ?? '', self::SIZES, true) ? $given['size'] : self::SIZES[0];
        return "deskhand-chat deskhand-chat-$size";
    }

    /** Whether the page that is being made has the chat in its text. */
    public function isOnPage(): bool
    {
        return $this->isOnPage;
    }

    /** @param array<string, mixed> $given */
    public function element(array $given = [], string $mode = 'inline'): string
    {
        $html = '<deskhand-chat';
        foreach ($this->attributes($given, $mode) as $name => $value) {
            $html .= sprintf(' %s="%s"', $name, esc_attr($value));
        }
        return $html . '><noscript>' . esc_html__('The chat needs JavaScript.', 'deskhand') . '</noscript></deskhand-chat>';
    }

    /**
     * @param array<string, mixed> $given
     * @return array<string, string>
     */
    private function attributes(array $given, string $mode): array
    {
        $chosen = Settings::cleaned(array_intersect_key($given, array_flip(self::OWN))) + $this->settings->all();
        $attributes = [
            'session-url' => Routes::url('/session'),
            'token-url' => Routes::url('/token'),
            'mode' => $mode,
            'lang' => str_replace('_', '-', determine_locale()),
            'dir' => is_rtl() ? 'rtl' : 'ltr',
        ];
        foreach (self::OWN as $name) {
            $value = $chosen[$name];
            if ($value !== '' && $value !== []) {
                $attributes[$name] = is_array($value) ? (string) wp_json_encode($value, JSON_UNESCAPED_UNICODE) : (string) $value;
            }
        }
        $words = Words::of(determine_locale());
        if ($words !== []) {
            $attributes['strings'] = (string) wp_json_encode($words, JSON_UNESCAPED_UNICODE);
        }
        if ($this->settings->get('access') === 'members') {
            $attributes['log-in'] = wp_login_url((string) get_permalink());
            $attributes['log-in-label'] = __('Please log in to chat with us.', 'deskhand');
        }
        if ($mode === 'launcher') {
            $attributes['label'] = __('Open the help chat', 'deskhand');
        }
        /**
         * The attributes of the chat's element.
         *
         * @param array<string, string> $attributes
         */
        return array_map('strval', (array) apply_filters('deskhand_chat_attributes', $attributes));
    }

    /** Loads a module of the chat, by a tag of its own where WordPress can't. */
    public static function load(string $id, string $file): void
    {
        if (function_exists('wp_enqueue_script_module')) {
            wp_enqueue_script_module($id, self::asset($file), [], DESKHAND_VERSION);
            return;
        }
        if (self::$modules === []) {
            add_action('wp_footer', static function (): void {
                foreach (array_keys(self::$modules) as $src) {
                    wp_print_script_tag(['type' => 'module', 'src' => esc_url_raw($src)]);
                }
            });
        }
        self::$modules[add_query_arg('ver', DESKHAND_VERSION, self::asset($file))] = true;
    }

    private static function asset(string $file): string
    {
        return plugins_url("assets/$file", DESKHAND_FILE);
    }
}
