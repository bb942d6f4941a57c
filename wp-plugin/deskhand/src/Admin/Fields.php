<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Knowledge\Eligibility;

defined('ABSPATH') || exit;

/**
 * The settings as fields of a form, by tab.
 */
final class Fields
{
    /** @return array<string, string> */
    public static function tabs(): array
    {
        return [
            'connection' => __('Connection', 'deskhand'),
            'rollout' => __('Rollout', 'deskhand'),
            'chat' => __('Chat', 'deskhand'),
            'hours' => __('Opening hours', 'deskhand'),
            'knowledge' => __('Knowledge', 'deskhand'),
            'events' => __('Forms and orders', 'deskhand'),
            'jobs' => __('AI jobs', 'deskhand'),
            'limits' => __('Limits and privacy', 'deskhand'),
        ];
    }

    /**
     * @return list<array{key: string, label: string, as: string, help?: string, choices?: array<string, string>}>
     */
    public static function of(string $tab): array
    {
        return match ($tab) {
            'chat' => self::chat(),
            'knowledge' => self::knowledge(),
            'events' => self::events(),
            'jobs' => self::jobs(),
            'limits' => self::limits(),
            default => [],
        };
    }

    /** @return list<array<string, mixed>> */
    private static function chat(): array
    {
        return [
            ['key' => 'launcher', 'label' => __('Chat button', 'deskhand'), 'as' => 'check', 'help' => __('Show the chat\'s button on every page. Without it, put the block "Help chat" or the shortcode [deskhand_chat] on a page.', 'deskhand')],
            ['key' => 'access', 'label' => __('Who may chat', 'deskhand'), 'as' => 'choice', 'choices' => ['public' => __('Everyone', 'deskhand'), 'members' => __('Logged-in users only', 'deskhand')]],
            ['key' => 'heading', 'label' => __('Title', 'deskhand'), 'as' => 'line'],
            ['key' => 'greeting', 'label' => __('Greeting', 'deskhand'), 'as' => 'text'],
            ['key' => 'suggestions', 'label' => __('Suggested questions', 'deskhand'), 'as' => 'lines', 'help' => __('One a line, six at most.', 'deskhand')],
            ['key' => 'consent', 'label' => __('Consent line', 'deskhand'), 'as' => 'text', 'help' => __('Stands below the input. A link: [Privacy](https://…).', 'deskhand')],
            ['key' => 'accent', 'label' => __('Colour', 'deskhand'), 'as' => 'colour', 'help' => __('Such as #1f5f5b. Empty: Deskhand\'s own.', 'deskhand')],
            ['key' => 'theme', 'label' => __('Light or dark', 'deskhand'), 'as' => 'choice', 'choices' => ['auto' => __('As the visitor\'s device', 'deskhand'), 'light' => __('Light', 'deskhand'), 'dark' => __('Dark', 'deskhand')]],
        ];
    }

    /** @return list<array<string, mixed>> */
    private static function knowledge(): array
    {
        $types = [];
        foreach (Eligibility::offered() as $name) {
            $types[$name] = (string) (get_post_type_object($name)->labels->name ?? $name);
        }
        return [
            ['key' => 'post_types', 'label' => __('What answers come from', 'deskhand'), 'as' => 'checks', 'choices' => $types, 'help' => __('Published content only. Drafts, private and password-protected posts are never sent; a single post can be left out in its editor. Of what isn\'t ticked any more the chat forgets what it knew.', 'deskhand')],
            ['key' => 'media', 'label' => __('Files of the media library', 'deskhand'), 'as' => 'check', 'help' => __('PDF, Word and other documents, as they are uploaded.', 'deskhand')],
        ];
    }

    /** @return list<array<string, mixed>> */
    private static function events(): array
    {
        return [
            ['key' => 'forms', 'label' => __('Forms become tickets', 'deskhand'), 'as' => 'check', 'help' => __('What visitors write in forms of Contact Form 7, WPForms and Gravity Forms is sent to your backend, where your team finds it as a ticket. Passwords, cards, files and hidden fields are left out. Say so in your privacy policy.', 'deskhand')],
            ['key' => 'orders', 'label' => __('Orders of WooCommerce', 'deskhand'), 'as' => 'check', 'help' => __('Where WooCommerce is active: a customer who is logged in is known with the last orders (number, state, total), and the backend hears when an order is paid or has changed.', 'deskhand')],
        ];
    }

    /** @return list<array<string, mixed>> */
    private static function jobs(): array
    {
        return [
            ['key' => 'jobs', 'label' => __('AI jobs', 'deskhand'), 'as' => 'check', 'help' => __('Who can edit posts may have prompts answered, by REST.', 'deskhand')],
            ['key' => 'prompt_addition', 'label' => __('Before each prompt', 'deskhand'), 'as' => 'text', 'help' => __('Put before the prompt of each AI job: the house style, for example.', 'deskhand')],
            ['key' => 'masking', 'label' => __('Never send', 'deskhand'), 'as' => 'lines', 'help' => __('Words and patterns that are blanked in prompts, in forms, and in questions that go by WordPress, one a line. * stands for letters and digits, # for one digit. Pages and files are public and are sent as they are, and a browser that reaches the backend sends its visitor\'s questions there itself. Personal data is hidden from language models in any case.', 'deskhand')],
            ['key' => 'callback_addresses', 'label' => __('Results come from', 'deskhand'), 'as' => 'lines', 'help' => __('IP addresses or ranges of the backend, one a line. Empty: from anywhere, if signed.', 'deskhand')],
        ];
    }

    /** @return list<array<string, mixed>> */
    private static function limits(): array
    {
        return [
            ['key' => 'chat_limit', 'label' => __('Questions in 5 minutes', 'deskhand'), 'as' => 'number', 'help' => __('Of one visitor, where questions go by WordPress; four times as many from one network. The backend has its own limits besides.', 'deskhand')],
            ['key' => 'token_limit', 'label' => __('Chats opened in 5 minutes', 'deskhand'), 'as' => 'number', 'help' => __('By one visitor; four times as many from one network.', 'deskhand')],
            ['key' => 'job_limit', 'label' => __('AI jobs in 10 minutes', 'deskhand'), 'as' => 'number', 'help' => __('Of one user.', 'deskhand')],
            ['key' => 'trusted_proxies', 'label' => __('Trusted proxies', 'deskhand'), 'as' => 'lines', 'help' => __('Addresses or ranges whose X-Forwarded-For is believed, one a line.', 'deskhand')],
            ['key' => 'retention_days', 'label' => __('Keep AI jobs for (days)', 'deskhand'), 'as' => 'number'],
            ['key' => 'retention_mode', 'label' => __('After that', 'deskhand'), 'as' => 'choice', 'choices' => ['delete' => __('Delete them', 'deskhand'), 'anonymise' => __('Keep only their figures', 'deskhand')]],
        ];
    }

    /** @param array<string, mixed> $field */
    public static function row(array $field, mixed $value, bool $isWrong = false): void
    {
        $key = (string) $field['key'];
        $id = 'deskhand-' . str_replace('_', '-', $key);
        $group = $field['as'] === 'checks';
        echo '<tr><th scope="row">' . ($group || $field['as'] === 'check' ? esc_html($field['label']) : sprintf('<label for="%s">%s</label>', esc_attr($id), esc_html($field['label']))) . '</th><td>';
        $described = isset($field['help']) ? sprintf(' aria-describedby="%s-help"', esc_attr($id)) : '';
        $name = sprintf('name="deskhand[%s]" id="%s"%s%s', esc_attr($key), esc_attr($id), $described, $isWrong ? ' aria-invalid="true"' : '');
        // phpcs:disable WordPress.Security.EscapeOutput -- names and ids are escaped above
        match ($field['as']) {
            'check' => printf('<input type="hidden" name="deskhand[%1$s]" value="0"><label><input type="checkbox" value="1" %2$s%3$s> %4$s</label>', esc_attr($key), $name, checked($value, true, false), esc_html__('On', 'deskhand')),
            'text', 'lines' => printf('<textarea class="large-text" rows="%d" %s>%s</textarea>', $field['as'] === 'text' ? 2 : 4, $name, esc_textarea(is_array($value) ? implode("\n", $value) : (string) $value)),
            'number' => printf('<input type="number" class="small-text" min="1" %s value="%s">', $name, esc_attr((string) $value)),
            'colour' => printf('<input type="text" class="code" size="9" placeholder="#1f5f5b" spellcheck="false" %s value="%s">', $name, esc_attr((string) $value)),
            'choice' => self::choice($field['choices'] ?? [], (string) $value, $name),
            'checks' => self::checks($field['choices'] ?? [], (array) $value, $key, (string) $field['label']),
            default => printf('<input type="text" class="regular-text" %s value="%s">', $name, esc_attr((string) $value)),
        };
        // phpcs:enable
        if (isset($field['help'])) {
            printf('<p class="description" id="%s-help">%s</p>', esc_attr($id), esc_html($field['help']));
        }
        echo '</td></tr>';
    }

    /** @param array<string, string> $choices */
    private static function choice(array $choices, string $value, string $name): void
    {
        echo "<select $name>"; // phpcs:ignore WordPress.Security.EscapeOutput -- escaped by who asks
        foreach ($choices as $choice => $label) {
            printf('<option value="%s"%s>%s</option>', esc_attr($choice), selected($value, $choice, false), esc_html($label));
        }
        echo '</select>';
    }

    /**
     * @param array<string, string> $choices
     * @param list<string> $values
     */
    private static function checks(array $choices, array $values, string $key, string $legend): void
    {
        printf('<fieldset><legend class="screen-reader-text">%s</legend><input type="hidden" name="deskhand[%s][]" value="">', esc_html($legend), esc_attr($key));
        foreach ($choices as $choice => $label) {
            printf('<label><input type="checkbox" name="deskhand[%s][]" value="%s"%s> %s</label><br>', esc_attr($key), esc_attr($choice), checked(in_array($choice, $values, true), true, false), esc_html($label));
        }
        echo '</fieldset>';
    }
}
