<?php

declare(strict_types=1);

namespace Deskhand\Events;

use Deskhand\Jobs\Mask;
use Deskhand\Part;
use Deskhand\Settings;

defined('ABSPATH') || exit;

/**
 * Forms of other plugins that were filled in become events, from which the backend makes tickets: Contact Form 7,
 * WPForms, Gravity Forms, by the actions that they document. Only where the settings say so.
 */
final class Forms implements Part
{
    /** Kinds of fields that hold nothing to read, or what must not leave this site. */
    private const LEFT_OUT = [
        'password', 'captcha', 'recaptcha', 'hcaptcha', 'turnstile', 'quiz', 'creditcard', 'credit-card', 'stripe-credit-card', 'authorize_net', 'square',
        'file', 'fileupload', 'file-upload', 'signature', 'html', 'section', 'page', 'pagebreak', 'divider', 'content', 'submit', 'hidden', 'honeypot',
    ];
    private const MOST = 100;

    public function __construct(private readonly Settings $settings)
    {
    }

    public function register(): void
    {
        add_action('wpcf7_mail_sent', $this->contactForm7(...));
        add_action('wpforms_process_complete', $this->wpForms(...), 10, 4);
        add_action('gform_after_submission', $this->gravityForms(...), 10, 2);
    }

    /** Contact Form 7: after its mail was sent, so not what it took for spam. */
    private function contactForm7(mixed $form): void
    {
        $submission = class_exists('WPCF7_Submission') ? \WPCF7_Submission::get_instance() : null;
        if (!$this->isOn() || !$submission || !is_object($form)) {
            return;
        }
        $kinds = [];
        foreach (method_exists($form, 'scan_form_tags') ? (array) $form->scan_form_tags() : [] as $tag) {
            $kinds[(string) ($tag->name ?? '')] = (string) ($tag->basetype ?? '');
        }
        $fields = [];
        foreach ((array) $submission->get_posted_data() as $name => $value) {
            // Names that begin so are its own.
            if (is_string($name) && !str_starts_with($name, '_')) {
                $fields[] = ['name' => $name, 'value' => $value, 'kind' => $kinds[$name] ?? ''];
            }
        }
        $this->tell('contact-form-7', (string) $form->id(), (string) $form->title(), $fields, (string) $submission->get_meta('url'));
    }

    private function wpForms(mixed $fields, mixed $entry, mixed $formData, mixed $entryId = 0): void
    {
        if (!$this->isOn() || !is_array($fields) || !is_array($formData)) {
            return;
        }
        $told = array_map(static fn (array $field): array => ['name' => $field['name'] ?? '', 'value' => $field['value'] ?? '', 'kind' => $field['type'] ?? ''], array_values(array_filter($fields, 'is_array')));
        $this->tell('wpforms', (string) ($formData['id'] ?? ''), (string) ($formData['settings']['form_title'] ?? ''), $told, (string) wp_get_referer());
    }

    private function gravityForms(mixed $entry, mixed $form): void
    {
        if (!$this->isOn() || !is_array($entry) || !is_array($form) || ($entry['status'] ?? '') === 'spam') {
            return;
        }
        $told = [];
        foreach ((array) ($form['fields'] ?? []) as $field) {
            if (!is_object($field)) {
                continue;
            }
            // A name or an address is several inputs: 1.3, 1.6.
            $ids = is_array($field->inputs ?? null) && $field->inputs !== [] ? array_column($field->inputs, 'id') : [$field->id ?? ''];
            $values = array_filter(array_map(static fn (mixed $id): string => self::text($entry[(string) $id] ?? ''), $ids), static fn (string $v): bool => $v !== '');
            $told[] = ['name' => (string) ($field->label ?? ''), 'value' => implode(' ', $values), 'kind' => (string) ($field->type ?? '')];
        }
        $this->tell('gravity-forms', (string) ($form['id'] ?? ''), (string) ($form['title'] ?? ''), $told, (string) ($entry['source_url'] ?? ''));
    }

    private function isOn(): bool
    {
        return (bool) $this->settings->get('forms');
    }

    /** @param list<array{name: mixed, value: mixed, kind: mixed}> $fields */
    private function tell(string $plugin, string $id, string $title, array $fields, string $page): void
    {
        $data = ['plugin' => $plugin, 'form_title' => mb_substr(sanitize_text_field($title), 0, 200), 'fields' => []];
        foreach ($fields as $field) {
            [$name, $value, $kind] = [sanitize_text_field(self::text($field['name'])), self::text($field['value']), strtolower(self::text($field['kind']))];
            if ($value === '' || in_array($kind, self::LEFT_OUT, true) || count($data['fields']) >= self::MOST) {
                continue;
            }
            $value = mb_substr(Mask::apply($value, (array) $this->settings->get('masking')), 0, 8000);
            $data['fields'][] = ['name' => mb_substr($name, 0, 200), 'value' => $value];
            $as = self::meaning($kind, $name, $value);
            // A form may ask for an address twice, and for several texts: the first counts, of texts the longest.
            if ($as !== '' && (!isset($data[$as]) || ($as === 'message' && mb_strlen($value) > mb_strlen($data[$as])))) {
                $data[$as] = mb_substr($value, 0, ['message' => 8000, 'email' => 254][$as] ?? 200);
            }
        }
        if ($data['fields'] === []) {
            return;
        }
        if (wp_http_validate_url($page) || str_starts_with($page, home_url())) {
            // Query and fragment are nobody's business.
            $data['page'] = mb_substr((string) strtok($page, '?#'), 0, 2000);
        }
        /**
         * What the backend is told of a form that was filled in; null keeps it here.
         *
         * @param array<string, mixed>|null $data
         * @param string $plugin contact-form-7, wpforms or gravity-forms
         * @param string $id the form's, there
         */
        $data = apply_filters('deskhand_form', $data, $plugin, $id);
        if (is_array($data)) {
            do_action('deskhand_event', 'form.submitted', mb_substr("form:$plugin:$id", 0, 200), $data);
        }
    }

    /** What a field is for the ticket: email, name, company, subject, message, or nothing in particular. */
    private static function meaning(string $kind, string $name, string $value): string
    {
        return match (true) {
            is_email($value) !== false && ($kind === 'email' || preg_match('/mail/i', $name)) => 'email',
            $kind === 'textarea' || preg_match('/message|nachricht|comment|kommentar|anliegen/i', $name) === 1 => 'message',
            preg_match('/subject|betreff|topic|thema/i', $name) === 1 => 'subject',
            preg_match('/company|firma|organi[sz]ation|unternehmen/i', $name) === 1 => 'company',
            $kind === 'name' || preg_match('/name/i', $name) === 1 => 'name',
            default => '',
        };
    }

    private static function text(mixed $value): string
    {
        if (is_array($value)) {
            return implode(', ', array_filter(array_map(self::text(...), $value), static fn (string $v): bool => $v !== ''));
        }
        return is_scalar($value) ? trim(sanitize_textarea_field((string) $value)) : '';
    }
}
