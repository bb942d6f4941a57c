<?php

declare(strict_types=1);

namespace Deskhand\Connection;

defined('ABSPATH') || exit;

/**
 * Who the site is at its backend: where that is, and the root secret that all keys come from.
 */
final class Credentials
{
    public function __construct(
        public readonly string $url,
        public readonly string $siteId,
        public readonly string $keyId,
        #[\SensitiveParameter] private readonly string $secret,
        /** Whether wp-config.php or the environment says so; then private addresses are allowed. Others are looked at where they are typed and whenever they are asked. */
        public readonly bool $fixed,
    ) {
    }

    /**
     * @return self|string the credentials, or what is wrong with them
     */
    public static function of(string $url, string $siteId, string $keyId, #[\SensitiveParameter] string $secret, bool $fixed): self|string
    {
        $siteId = strtolower(trim($siteId));
        $keyId = trim($keyId);
        $secret = strtolower(trim($secret));
        if (!wp_is_uuid($siteId)) {
            return __('The site id must be a UUID, as "deskhand site add" prints it.', 'deskhand');
        }
        if (!preg_match('/^[A-Za-z0-9_-]{1,64}$/', $keyId)) {
            return __('The key id must be as "deskhand site add" prints it: dk_ and letters and digits.', 'deskhand');
        }
        if (!preg_match('/^[0-9a-f]{64}$/', $secret)) {
            return __('The secret must be 64 characters, 0 to 9 and a to f, as "deskhand site add" prints it.', 'deskhand');
        }
        $url = Address::plain($url, $fixed);
        if ($url instanceof \WP_Error) {
            return $url->get_error_message();
        }
        return new self($url, $siteId, $keyId, (string) hex2bin($secret), $fixed);
    }

    public function keys(): Keys
    {
        return new Keys($this->siteId, $this->secret);
    }

    public function sealed(): string
    {
        return Vault::seal((string) wp_json_encode([
            'url' => $this->url,
            'site_id' => $this->siteId,
            'key_id' => $this->keyId,
            'secret' => bin2hex($this->secret),
        ]));
    }

    /** @return array<string, string> nothing secret gets into dumps and traces */
    public function __debugInfo(): array
    {
        return ['url' => $this->url, 'siteId' => $this->siteId, 'keyId' => $this->keyId];
    }
}
