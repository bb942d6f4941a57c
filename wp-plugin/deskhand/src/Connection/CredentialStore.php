<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Where the credentials come from: constants of wp-config.php, else the environment, else a sealed option.
 * For a day after new ones are saved, the ones before still verify what the backend sends (a rotation without a gap).
 */
final class CredentialStore
{
    public const OPTION = 'deskhand_credentials';
    public const PREVIOUS = 'deskhand_credentials_previous';
    private const GRACE = DAY_IN_SECONDS;
    private const NAMES = ['DESKHAND_URL', 'DESKHAND_SITE_ID', 'DESKHAND_KEY_ID', 'DESKHAND_SECRET'];

    private Credentials|string|null $current = null;

    /** A store of these alone, which keeps nothing: to try them. */
    public static function holding(Credentials $credentials): self
    {
        $store = new self();
        $store->current = $credentials;
        return $store;
    }

    /** Those in force, or null: then `problem` says why. */
    public function current(): ?Credentials
    {
        $this->current ??= $this->find();
        return $this->current instanceof Credentials ? $this->current : null;
    }

    /** Why the site isn't connected, for people; empty when nobody has tried yet. */
    public function problem(): string
    {
        $this->current();
        return is_string($this->current) ? $this->current : '';
    }

    /** Whether the site is connected by wp-config.php or the environment, and the settings page can't change it. */
    public function isFixed(): bool
    {
        foreach (self::NAMES as $name) {
            if (self::outside($name) !== '') {
                return true;
            }
        }
        return false;
    }

    /** Whether a secret still lies in the database though the site is connected from outside of it. */
    public function hasNeedlessCopy(): bool
    {
        return ($this->current()->fixed ?? false) && (get_option(self::OPTION, '') !== '' || get_option(self::PREVIOUS, '') !== '');
    }

    /**
     * All whose signature is accepted from the backend, those in force first.
     *
     * @return list<Credentials>
     */
    public function accepted(): array
    {
        $accepted = array_filter([$this->current()]);
        $previous = get_option(self::PREVIOUS);
        if (is_array($previous) && ($previous['until'] ?? 0) > time()) {
            $opened = $this->opened((string) ($previous['sealed'] ?? ''));
            if ($opened instanceof Credentials && $opened->keyId !== ($accepted[0]->keyId ?? null)) {
                $accepted[] = $opened;
            }
        }
        return $accepted;
    }

    public function save(Credentials $credentials): void
    {
        $before = $this->current();
        if ($before !== null && !$before->fixed && $before->siteId === $credentials->siteId && $before->keyId !== $credentials->keyId) {
            update_option(self::PREVIOUS, ['sealed' => $before->sealed(), 'until' => time() + self::GRACE], false);
        }
        update_option(self::OPTION, $credentials->sealed(), true);
        $this->current = null;
    }

    public function forget(): void
    {
        delete_option(self::OPTION);
        delete_option(self::PREVIOUS);
        $this->current = null;
    }

    private function find(): Credentials|string
    {
        if ($this->isFixed()) {
            [$url, $siteId, $keyId, $secret] = array_map(self::outside(...), self::NAMES);
            $missing = array_keys(array_filter(array_combine(self::NAMES, [$url, $siteId, $keyId, $secret]), static fn (string $v): bool => $v === ''));
            if ($missing) {
                /* translators: %s: names of constants */
                return sprintf(__('wp-config.php or the environment sets some of the connection, but not: %s.', 'deskhand'), implode(', ', $missing));
            }
            return Credentials::of($url, $siteId, $keyId, $secret, true);
        }
        $sealed = get_option(self::OPTION, '');
        return is_string($sealed) && $sealed !== '' ? $this->opened($sealed) : '';
    }

    private function opened(string $sealed): Credentials|string
    {
        $plain = json_decode(Vault::open($sealed) ?? '', true);
        if (!is_array($plain)) {
            return __('The stored secret can no longer be read, probably because the salts in wp-config.php have changed. Paste it again.', 'deskhand');
        }
        return Credentials::of((string) ($plain['url'] ?? ''), (string) ($plain['site_id'] ?? ''), (string) ($plain['key_id'] ?? ''), (string) ($plain['secret'] ?? ''), false);
    }

    private static function outside(string $name): string
    {
        if (defined($name)) {
            return trim((string) constant($name));
        }
        $value = getenv($name);
        return is_string($value) ? trim($value) : '';
    }
}
