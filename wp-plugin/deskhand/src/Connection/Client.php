<?php

declare(strict_types=1);

namespace Deskhand\Connection;

use Deskhand\Chat\Token;

defined('ABSPATH') || exit;

/**
 * The one way to the backend: two seconds, no redirects, an answer of bounded length.
 */
final class Client
{
    public const SECONDS = 2.0;
    private const LARGEST = 2 * MB_IN_BYTES;

    /** @var array<string, list<string>> addresses that were looked at in this request, by the backend's */
    private array $known = [];

    public function __construct(private readonly CredentialStore $store)
    {
    }

    /**
     * Tells the backend something, signed as a webhook. The body gets the site's id and the time.
     *
     * @param array<string, mixed> $body
     */
    public function tell(string $path, array $body, string $idempotencyKey = '', float $seconds = self::SECONDS): Answer
    {
        $as = $this->store->current();
        if ($as === null) {
            return $this->notConnected();
        }
        $raw = (string) wp_json_encode(['site_id' => $as->siteId, 'timestamp' => time()] + $body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        return $this->send($as, 'POST', $path, $raw, Signer::webhook($as, $raw, $idempotencyKey), $seconds);
    }

    /**
     * Tells the backend's bridge of an event: under a token that is good once, signed over the raw body.
     *
     * @param array<string, mixed> $body
     */
    public function event(array $body, string $idempotencyKey, float $seconds = self::SECONDS): Answer
    {
        $as = $this->store->current();
        if ($as === null) {
            return $this->notConnected();
        }
        $raw = (string) wp_json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $headers = ['Authorization' => 'Bearer ' . Token::forEvent($as), 'X-Idempotency-Key' => $idempotencyKey] + Signer::event($as, $raw);
        return $this->send($as, 'POST', '/ingest', $raw, $headers, $seconds);
    }

    /**
     * Asks the backend something with the API key.
     *
     * @param array<string, mixed>|null $body sent as JSON
     */
    public function ask(string $method, string $path, ?array $body = null, float $seconds = self::SECONDS): Answer
    {
        $as = $this->store->current();
        if ($as === null) {
            return $this->notConnected();
        }
        $raw = $body === null ? null : (string) wp_json_encode($body === [] ? new \stdClass() : $body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $headers = ['Authorization' => 'Bearer ' . $as->keyId . '.' . bin2hex($as->keys()->api())];
        return $this->send($as, $method, $path, $raw, $headers, $seconds);
    }

    /**
     * Hands the backend an AI job under a token of its own.
     *
     * @param array<string, mixed> $body
     */
    public function submit(string $path, array $body, #[\SensitiveParameter] string $token, float $seconds = self::SECONDS): Answer
    {
        $as = $this->store->current();
        if ($as === null) {
            return $this->notConnected();
        }
        $raw = (string) wp_json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        return $this->send($as, 'POST', $path, $raw, ['Authorization' => "Bearer $token"], $seconds);
    }

    /**
     * Asks as a visitor, under the visitor's token.
     *
     * @param array<string, mixed>|null $body sent as JSON
     */
    public function as(string $method, string $path, ?array $body, #[\SensitiveParameter] string $token, float $seconds = self::SECONDS): Answer
    {
        $as = $this->store->current();
        if ($as === null) {
            return $this->notConnected();
        }
        $raw = $body === null ? null : (string) wp_json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        return $this->send($as, $method, $path, $raw, ['Authorization' => "Bearer $token"], $seconds);
    }

    private function notConnected(): Answer
    {
        return new Answer(0, 'not_connected', $this->store->problem() ?: __('This site isn\'t connected to a backend yet.', 'deskhand'));
    }

    /** @param array<string, string> $headers */
    private function send(Credentials $as, string $method, string $path, ?string $body, array $headers, float $seconds): Answer
    {
        $headers += ['Accept' => 'application/json', 'X-Request-Id' => wp_generate_uuid4()];
        if ($body !== null) {
            $headers['Content-Type'] = 'application/json';
        }
        $pin = null;
        if (!$as->fixed && !Address::mayBePrivate()) {
            // The name may stand for another address by now than when it was saved.
            $addresses = $this->known[$as->url] ??= Address::publicOnes(Address::host($as->url));
            if ($addresses === []) {
                return new Answer(0, 'not_public', __('The backend\'s address can\'t be found, or doesn\'t lie in the public internet any more.', 'deskhand'));
            }
            // What is an address already has nothing to be looked up for.
            if (!filter_var(Address::host($as->url), FILTER_VALIDATE_IP)) {
                $pin = self::pin($as->url, $addresses);
                add_action('http_api_curl', $pin);
            }
        }
        $response = wp_remote_request($as->url . $path, [
            'method' => $method,
            'headers' => $headers,
            'body' => $body,
            'timeout' => $seconds,
            'redirection' => 0,
            'limit_response_size' => self::LARGEST,
            'user-agent' => 'deskhand-wordpress/' . DESKHAND_VERSION,
            'sslverify' => true,
        ]);
        if ($pin !== null) {
            remove_action('http_api_curl', $pin);
        }
        if (is_wp_error($response)) {
            $isLate = str_contains($response->get_error_message(), 'timed out') || str_contains($response->get_error_message(), 'cURL error 28');
            return $isLate
                ? new Answer(0, 'timeout', __('The backend didn\'t answer in time.', 'deskhand'))
                : new Answer(0, 'unreachable', __('The backend can\'t be reached.', 'deskhand') . ' ' . wp_strip_all_tags($response->get_error_message()));
        }
        return self::read($response);
    }

    /**
     * Has the addresses that were looked at be the ones that are asked, where WordPress asks by cURL: a second answer of
     * the name server's can't lead elsewhere.
     *
     * @param list<string> $addresses
     */
    private static function pin(string $origin, array $addresses): \Closure
    {
        $port = wp_parse_url($origin, PHP_URL_PORT) ?: (str_starts_with($origin, 'https:') ? 443 : 80);
        $entry = Address::host($origin) . ":$port:" . implode(',', array_map(static fn (string $ip): string => str_contains($ip, ':') ? "[$ip]" : $ip, $addresses));
        return static function ($handle) use ($entry): void {
            curl_setopt($handle, CURLOPT_RESOLVE, [$entry]); // phpcs:ignore WordPress.WP.AlternativeFunctions -- an option of WordPress's own handle
        };
    }

    /** @param array<string, mixed> $response */
    private static function read(array $response): Answer
    {
        $status = (int) wp_remote_retrieve_response_code($response);
        $raw = wp_remote_retrieve_body($response);
        $headers = array_map(static fn ($v): string => is_array($v) ? (string) end($v) : (string) $v, wp_remote_retrieve_headers($response)->getAll());
        $json = json_decode($raw, true);
        if ($status >= 300 && $status < 400) {
            return new Answer($status, 'redirected', __('The backend\'s address leads to another one; enter that one.', 'deskhand'), headers: $headers);
        }
        if ($status >= 200 && $status < 300) {
            if ($raw !== '' && $json === null) {
                return new Answer($status, 'not_json', __('Whoever answers at this address isn\'t a deskhand backend.', 'deskhand'), body: $raw, headers: $headers);
            }
            return new Answer($status, '', '', $json, $raw, $headers);
        }
        $code = is_array($json) && is_string($json['code'] ?? null) ? sanitize_key($json['code']) : "http_$status";
        $detail = is_array($json) && is_string($json['detail'] ?? null)
            ? mb_substr(sanitize_text_field($json['detail']), 0, 300)
            /* translators: %d: an HTTP status */
            : sprintf(__('The backend answered with status %d.', 'deskhand'), $status);
        $wait = (int) ($json['retry_after'] ?? $headers['retry-after'] ?? 0);
        return new Answer($status, $code, $detail, $json, $raw, $headers, max(0, min(3600, $wait)));
    }
}
