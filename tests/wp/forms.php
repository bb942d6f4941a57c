<?php

// phpcs:disable PSR1.Classes, Squiz.Classes -- others' names

/** A double of what Contact Form 7 documents of a submission, and of a form. */
final class WPCF7_Submission
{
    /** @var array<string, mixed> */
    public static array $posted = [];

    public static function get_instance(): self
    {
        return new self();
    }

    /** @return array<string, mixed> */
    public function get_posted_data(): array
    {
        return self::$posted;
    }

    public function get_meta(string $name): string
    {
        return $name === 'url' ? home_url('/contact/?utm=x#form') : '';
    }
}

final class DeskhandTestContactForm
{
    public function id(): int
    {
        return 12;
    }

    public function title(): string
    {
        return 'Contact us';
    }

    /** @return list<object> */
    public function scan_form_tags(): array
    {
        $tag = static fn (string $name, string $type): object => (object) ['name' => $name, 'basetype' => $type];
        return [$tag('your-name', 'text'), $tag('your-email', 'email'), $tag('your-message', 'textarea'), $tag('your-subject', 'text'), $tag('secret', 'password'), $tag('upload', 'file'), $tag('topics', 'checkbox')];
    }
}
