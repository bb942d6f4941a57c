<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * What the site's owner has chosen: one option, read through the table of what there is.
 * The connection's secret is not among it (Connection\CredentialStore).
 */
final class Settings
{
    public const OPTION = 'deskhand_settings';

    /** @var array<string, mixed>|null */
    private ?array $stored = null;

    /**
     * Every setting: its default, and what makes a valid value of anything; `wrong` says what is wrong with what was
     * typed, where a valid value would be another one.
     *
     * @return array<string, array{default: mixed, clean: callable(mixed): mixed, wrong?: callable(mixed): string}>
     */
    public static function table(): array
    {
        // Made once a request: each look at a setting asks for it.
        static $table = null;
        return $table ??= self::make();
    }

    /** @return array<string, array{default: mixed, clean: callable(mixed): mixed, wrong?: callable(mixed): string}> */
    private static function make(): array
    {
        $flag = static fn (bool $default): array => ['default' => $default, 'clean' => static fn ($v): bool => in_array($v, [true, 1, '1', 'on', 'true', 'yes'], true)];
        $line = static fn (string $default, int $most): array => [
            'default' => $default,
            'clean' => static fn ($v): string => Text::of($v, $most),
            'wrong' => static fn ($v): string => Text::isTooLong($v, $most),
        ];
        $number = static fn (int $default, int $least, int $most): array => [
            'default' => $default,
            'clean' => static fn ($v): int => is_numeric($v) ? max($least, min($most, (int) $v)) : $default,
            'wrong' => static fn ($v): string => Text::isNoNumber($v, $least, $most),
        ];
        $choice = static fn (string ...$of): array => ['default' => $of[0], 'clean' => static fn ($v): string => in_array($v, $of, true) ? $v : $of[0]];
        $lines = static fn (array $default, int $most, int $long): array => [
            'default' => $default,
            'clean' => static fn ($v): array => array_slice(Text::lines($v, $long), 0, $most),
            'wrong' => static fn ($v): string => Text::areTooMany($v, $most, $long),
        ];
        $ranges = ['wrong' => static fn ($v): string => Text::areTooMany($v, 20, 50) ?: Text::areNoRanges($v)] + $lines([], 20, 50);

        return [
            // Who may chat, and where
            'access' => $choice('public', 'members'),
            'launcher' => $flag(false),
            // What the chat looks like and says first
            'heading' => $line('', 80),
            'greeting' => $line('', 400),
            'suggestions' => $lines([], 6, 120),
            'consent' => $line('', 400),
            'accent' => ['default' => '', 'clean' => static fn ($v): string => (string) sanitize_hex_color(is_string($v) ? trim($v) : ''), 'wrong' => Text::isNoColour(...)],
            // Most themes are light whatever the visitor's system is.
            'theme' => $choice('light', 'auto', 'dark'),
            // What is known
            'post_types' => ['default' => ['post', 'page', 'product'], 'clean' => static fn ($v): array => array_values(array_unique(array_filter(array_map('sanitize_key', array_slice(Text::lines($v, 40), 0, 30)))))],
            'media' => $flag(true),
            // What is told of: forms hold what people wrote, so that is for the owner to switch on
            'forms' => $flag(false),
            'orders' => $flag(true),
            // Limits, each in a window: addresses, sessions and users
            'token_limit' => $number(30, 1, 1000),
            'chat_limit' => $number(30, 1, 1000),
            'job_limit' => $number(60, 1, 1000),
            'trusted_proxies' => $ranges,
            'callback_addresses' => $ranges,
            // What leaves this site, and with what words before it
            'masking' => $lines([], 50, 100),
            'prompt_addition' => $line('', 1000),
            // How long
            'retention_days' => $number(30, 1, 3650),
            'retention_mode' => $choice('delete', 'anonymise'),
            'jobs' => $flag(true),
        ];
    }

    public function get(string $key): mixed
    {
        $table = self::table();
        if (!isset($table[$key])) {
            throw new \InvalidArgumentException("there is no setting \"$key\"");
        }
        $this->stored ??= self::read();
        return array_key_exists($key, $this->stored) ? $table[$key]['clean']($this->stored[$key]) : $table[$key]['default'];
    }

    /** @return array<string, mixed> all of them, as they are in force */
    public function all(): array
    {
        $all = [];
        foreach (array_keys(self::table()) as $key) {
            $all[$key] = $this->get($key);
        }
        return $all;
    }

    /** @param array<string, mixed> $changes others stay as they are; what isn't in the table is dropped */
    public function save(array $changes): void
    {
        $all = self::cleaned($changes) + $this->all();
        // Who hears of the change reads what is so now.
        $this->stored = null;
        update_option(self::OPTION, $all, true);
        $this->stored = null;
    }

    /**
     * What of this is a setting, in its valid form.
     *
     * @param array<string, mixed> $given
     * @return array<string, mixed>
     */
    public static function cleaned(array $given): array
    {
        $table = self::table();
        $clean = [];
        foreach (array_intersect_key($given, $table) as $key => $value) {
            $clean[$key] = $table[$key]['clean']($value);
        }
        return $clean;
    }

    /**
     * What can't be taken as it was typed, and why, for people; what stays unsaid can be saved as it is.
     *
     * @param array<string, mixed> $given
     * @return array<string, string>
     */
    public static function wrong(array $given): array
    {
        $wrong = [];
        foreach (array_intersect_key(self::table(), $given) as $key => $setting) {
            $wrong[$key] = isset($setting['wrong']) ? $setting['wrong']($given[$key]) : '';
        }
        return array_filter($wrong, static fn (string $why): bool => $why !== '');
    }

    /** @return array<string, mixed> */
    private static function read(): array
    {
        $stored = get_option(self::OPTION, []);
        return is_array($stored) ? $stored : [];
    }
}
