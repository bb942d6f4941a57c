<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * A key for each purpose, derived from the root secret by HKDF-SHA256 with the site's id as salt and
 * the purpose as label, as the backend derives them.
 */
final class Keys
{
    public function __construct(private readonly string $siteId, #[\SensitiveParameter] private readonly string $secret)
    {
    }

    /** Signs visitors' tokens. */
    public function token(): string
    {
        return $this->derive('token');
    }

    /** Signs what this site tells the backend. */
    public function webhook(): string
    {
        return $this->derive('webhook');
    }

    /** Signs what the backend tells this site. */
    public function callback(): string
    {
        return $this->derive('callback');
    }

    /** Signs links to the console. */
    public function console(): string
    {
        return $this->derive('console');
    }

    /** Shows who asks, from server to server. */
    public function api(): string
    {
        return $this->derive('api');
    }

    private function derive(string $purpose): string
    {
        $salt = (string) hex2bin(str_replace('-', '', $this->siteId));
        return hash_hkdf('sha256', $this->secret, 32, "deskhand/v1/$purpose", $salt);
    }

    /** @return array<string, string> */
    public function __debugInfo(): array
    {
        return ['siteId' => $this->siteId];
    }
}
