<?php

declare(strict_types=1);

namespace Deskhand\Rest;

defined('ABSPATH') || exit;

/**
 * The origins that are this site's own.
 */
final class Origin
{
    /** @return list<string> */
    public static function own(): array
    {
        $own = array_filter([self::of(home_url()), self::of(site_url())]);
        /**
         * Further origins whose pages carry the chat: of a headless front end, say. The backend must know them too.
         *
         * @param list<string> $own
         */
        $own = apply_filters('deskhand_origins', array_values(array_unique($own)));
        return array_values(array_filter(array_map(self::of(...), array_filter((array) $own, 'is_string'))));
    }

    public static function of(string $url): string
    {
        $parts = wp_parse_url($url);
        if (!is_array($parts) || !isset($parts['scheme'], $parts['host'])) {
            return '';
        }
        $scheme = strtolower($parts['scheme']);
        $usual = ['http' => 80, 'https' => 443][$scheme] ?? 0;
        $port = isset($parts['port']) && $parts['port'] !== $usual ? ':' . $parts['port'] : '';
        return "$scheme://" . strtolower($parts['host']) . $port;
    }

    /** The page's origin if it is one of ours; a request that names none gets the site's own. */
    public static function ofRequest(\WP_REST_Request $request): ?string
    {
        $site = (string) $request->get_header('sec_fetch_site');
        if ($site !== '' && !in_array($site, ['same-origin', 'none'], true)) {
            return null;
        }
        $given = (string) $request->get_header('origin');
        if ($given === '') {
            return self::own()[0] ?? null;
        }
        return in_array(self::of($given), self::own(), true) ? self::of($given) : null;
    }
}
