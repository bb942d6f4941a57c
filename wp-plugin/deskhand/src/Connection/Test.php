<?php

declare(strict_types=1);

namespace Deskhand\Connection;

use Deskhand\Rest\Origin;

defined('ABSPATH') || exit;

/**
 * Tries the connection, part by part. Whether streams get through to a browser only a browser can tell
 * (admin/admin.js).
 */
final class Test
{
    /** Versions of the API that this plugin speaks. */
    private const API = [1];
    /** Seconds: what the backend's and the site's clocks may differ by, and when to warn. */
    private const DRIFT = 300;
    /** The backend takes some of it to ask this site. */
    private const SECONDS = 6.0;
    private const DRIFT_WARNING = 30;

    public function __construct(private readonly CredentialStore $store, private readonly Client $client)
    {
    }

    /**
     * @param bool $andBack whether the backend is to try the way back, too; it can't with what isn't saved yet
     * @return list<Check> in the order in which they build on one another; it ends at the first that ends all
     */
    public function run(bool $andBack = true): array
    {
        $as = $this->store->current();
        if ($as === null) {
            return [new Check(
                'credentials',
                __('Credentials', 'deskhand'),
                Check::BAD,
                $this->store->problem() ?: __('This site has no credentials yet.', 'deskhand'),
                __('Run "deskhand site add" on the backend\'s machine, and paste what it prints here.', 'deskhand'),
            )];
        }
        $nonce = bin2hex(random_bytes(16));
        $answer = $this->client->tell('/webhook/wp-ping', ['nonce' => $nonce] + ($andBack ? ['callback_url' => WayBack::url()] : []), '', self::SECONDS);
        $checks = [$this->address($as), $this->reached($as, $answer)];
        if ($answer->status === 0 || $answer->code === 'redirected' || $answer->code === 'not_json') {
            return $checks;
        }
        $checks[] = $this->clock($answer);
        $checks[] = $this->signedThere($answer);
        if (!$answer->isOk() || !is_array($answer->json)) {
            return $checks;
        }
        return [...$checks, $this->signedBack($as, $answer, $nonce), ...$this->secret($as, $answer->json), $this->version($answer->json), $this->origins($answer->json), ...$this->wayBack($answer->json), $this->answers($answer->json)];
    }

    /** @param list<Check> $checks */
    public static function worst(array $checks): string
    {
        $states = array_map(static fn (Check $check): string => $check->state, $checks);
        return in_array(Check::BAD, $states, true) ? Check::BAD : (in_array(Check::WARNING, $states, true) ? Check::WARNING : Check::GOOD);
    }

    private function address(Credentials $as): Check
    {
        $label = __('Encrypted (https)', 'deskhand');
        $host = (string) wp_parse_url($as->url, PHP_URL_HOST);
        if (str_starts_with($as->url, 'https://')) {
            return is_ssl() || str_starts_with(home_url(), 'https://')
                ? new Check('https', $label, Check::GOOD, __('This site and the backend are both reached by https.', 'deskhand'))
                : new Check('https', $label, Check::WARNING, __('This site\'s own address isn\'t https: visitors\' tokens travel unencrypted to them.', 'deskhand'), __('Give this site a certificate, and change its address under Settings → General.', 'deskhand'));
        }
        return str_starts_with(home_url(), 'https://')
            ? new Check('https', $label, Check::WARNING, __('Browsers don\'t let an https page talk to an http backend: visitors\' questions go by WordPress, without streaming.', 'deskhand'), __('Put the backend behind https, and enter that address.', 'deskhand'))
            : new Check('https', $label, Check::WARNING, sprintf(/* translators: %s: a host */ __('The backend (%s) is reached unencrypted.', 'deskhand'), $host), __('For a public site put it behind https.', 'deskhand'));
    }

    private function reached(Credentials $as, Answer $answer): Check
    {
        $label = __('Reachable', 'deskhand');
        if ($answer->status === 0 || $answer->code === 'redirected' || $answer->code === 'not_json') {
            return new Check('reachable', $label, Check::BAD, $answer->detail, sprintf(
                /* translators: %s: an address */
                __('Check that deskhand runs at %s and that a firewall lets this site\'s server reach it.', 'deskhand'),
                $as->url,
            ));
        }
        return $answer->status >= 500 || $answer->status === 404
            ? new Check('reachable', $label, Check::BAD, $answer->detail, __('Something answers there, but not as deskhand does. Check the address and the backend\'s log.', 'deskhand'))
            : new Check('reachable', $label, Check::GOOD, sprintf(/* translators: %s: an address */ __('The backend answers at %s.', 'deskhand'), $as->url));
    }

    private function clock(Answer $answer): Check
    {
        $label = __('Clocks', 'deskhand');
        $time = is_array($answer->json) && is_string($answer->json['time'] ?? null) ? strtotime($answer->json['time']) : strtotime($answer->headers['date'] ?? '');
        if ($time === false) {
            return new Check('clock', $label, Check::WARNING, __('The backend didn\'t say what time it has.', 'deskhand'));
        }
        $drift = abs(time() - $time);
        /* translators: %d: seconds */
        $detail = sprintf(_n('The two clocks differ by %d second.', 'The two clocks differ by %d seconds.', $drift, 'deskhand'), $drift);
        $mend = __('Switch on time synchronisation (NTP) on this server and on the backend\'s.', 'deskhand');
        return match (true) {
            $drift > self::DRIFT || $answer->code === 'stale_timestamp' => new Check('clock', $label, Check::BAD, $detail, $mend),
            $drift > self::DRIFT_WARNING => new Check('clock', $label, Check::WARNING, $detail, $mend),
            default => new Check('clock', $label, Check::GOOD, $detail),
        };
    }

    private function signedThere(Answer $answer): Check
    {
        $label = __('The backend knows this site', 'deskhand');
        if ($answer->isOk()) {
            return new Check('signature', $label, Check::GOOD, __('It accepts what this site signs.', 'deskhand'));
        }
        $mend = match ($answer->code) {
            'stale_timestamp' => __('The clocks are too far apart.', 'deskhand'),
            'bad_signature' => __('Site id, key id and secret don\'t belong together, or were revoked. Run "deskhand site rotate" and paste the new ones.', 'deskhand'),
            default => __('See the backend\'s log for this time.', 'deskhand'),
        };
        return new Check('signature', $label, Check::BAD, $answer->detail, $mend);
    }

    private function signedBack(Credentials $as, Answer $answer, string $nonce): Check
    {
        $label = __('The backend is who it should be', 'deskhand');
        $signature = $answer->headers['x-deskhand-signature'] ?? '';
        if (!Signer::answer($as, $answer->body, $signature)) {
            return new Check('signature_back', $label, Check::BAD, __('Its answer isn\'t signed with this site\'s secret.', 'deskhand'), __('Something between this site and the backend changes answers, or another backend stands at this address.', 'deskhand'));
        }
        $isOurs = hash_equals($nonce, (string) ($answer->json['nonce'] ?? '')) && strtolower((string) ($answer->json['site_id'] ?? '')) === $as->siteId;
        return $isOurs
            ? new Check('signature_back', $label, Check::GOOD, __('Its answer is signed, and is the answer to this very test.', 'deskhand'))
            : new Check('signature_back', $label, Check::BAD, __('It answered with an older answer, or one for another site.', 'deskhand'), __('Something between this site and the backend keeps answers: switch that off for this address.', 'deskhand'));
    }

    /**
     * Whether the secret has been replaced at the backend, and ends.
     *
     * @param array<string, mixed> $told
     * @return list<Check>
     */
    private function secret(Credentials $as, array $told): array
    {
        $end = is_string($told['key_ends_at'] ?? null) ? strtotime($told['key_ends_at']) : false;
        if ($end === false) {
            return [];
        }
        return [new Check(
            'secret',
            __('Secret', 'deskhand'),
            Check::WARNING,
            sprintf(
                /* translators: 1: a date and time, 2: a span of time such as "23 hours" */
                __('This secret was replaced at the backend and ends on %1$s, in %2$s. After that nothing is sent and nobody can chat.', 'deskhand'),
                (string) wp_date(get_option('date_format') . ' ' . get_option('time_format'), $end),
                human_time_diff(time(), max(time(), $end)),
            ),
            $as->fixed
                ? __('Put the values that "deskhand site rotate" printed into wp-config.php or the environment.', 'deskhand')
                : __('Paste what "deskhand site rotate" printed under "Change the connection".', 'deskhand'),
        )];
    }

    /** @param array<string, mixed> $told */
    private function version(array $told): Check
    {
        $label = __('Version', 'deskhand');
        $version = sanitize_text_field((string) ($told['version'] ?? '?'));
        return in_array($told['api'] ?? 0, self::API, true)
            /* translators: %s: a version */
            ? new Check('version', $label, Check::GOOD, sprintf(__('The backend is deskhand %s, which this plugin works with.', 'deskhand'), $version))
            /* translators: %s: a version */
            : new Check('version', $label, Check::BAD, sprintf(__('The backend is deskhand %s, which this plugin doesn\'t know.', 'deskhand'), $version), __('Update the plugin, or the backend, whichever is older.', 'deskhand'));
    }

    /** @param array<string, mixed> $told */
    private function origins(array $told): Check
    {
        $label = __('This site\'s address', 'deskhand');
        $known = array_filter((array) ($told['origins'] ?? []), 'is_string');
        $unknown = array_diff(Origin::own(), $known);
        return $unknown === []
            ? new Check('origin', $label, Check::GOOD, __('The backend lets this site\'s pages chat.', 'deskhand'))
            : new Check(
                'origin',
                $label,
                Check::BAD,
                /* translators: %s: an address */
                sprintf(__('The backend doesn\'t know the address %s, and refuses its pages.', 'deskhand'), implode(', ', $unknown)),
                __('Add it on the backend\'s machine: "deskhand site origins".', 'deskhand'),
            );
    }

    /**
     * @param array<string, mixed> $told
     * @return list<Check> none where the backend didn't try: an older one doesn't
     */
    private function wayBack(array $told): array
    {
        $back = $told['way_back'] ?? null;
        if (!is_array($back)) {
            return [];
        }
        $label = __('The way back', 'deskhand');
        if (($back['open'] ?? false) === true) {
            return [new Check('way_back', $label, Check::GOOD, __('The backend gets through to this site: it can fetch files and bring results.', 'deskhand'))];
        }
        $detail = mb_substr(sanitize_text_field(is_string($back['detail'] ?? null) ? $back['detail'] : ''), 0, 300);
        $mend = match ($back['code'] ?? '') {
            'address_not_allowed' => __('This site isn\'t in the public internet. On the backend\'s machine, name it in fetch.allow_private.', 'deskhand'),
            'origin_not_allowed' => __('Add this site\'s address on the backend\'s machine: "deskhand site origins".', 'deskhand'),
            default => __('Let the backend\'s server through to /wp-json/deskhand/: no password before it, no firewall, no cache, and under "Results come from" its own address.', 'deskhand'),
        };
        return [new Check('way_back', $label, Check::BAD, trim(__('The backend doesn\'t get through to this site: it can\'t fetch files of the media library, nor bring results.', 'deskhand') . " $detail"), $mend)];
    }

    /** @param array<string, mixed> $told */
    private function answers(array $told): Check
    {
        $label = __('Ready to answer', 'deskhand');
        $documents = (int) ($told['documents'] ?? 0);
        if ($documents === 0) {
            return new Check('documents', $label, Check::WARNING, __('The backend knows no document of this site yet.', 'deskhand'), __('Send this site\'s pages and files: Deskhand → Knowledge.', 'deskhand'));
        }
        /* translators: %s: a number */
        $detail = sprintf(_n('%s document is known.', '%s documents are known.', $documents, 'deskhand'), number_format_i18n($documents));
        $detail .= ' ' . (empty($told['model'])
            ? __('No language model is set up: answers are the best sentences of your documents.', 'deskhand')
            : __('A language model writes the answers.', 'deskhand'));
        $mode = (string) ($told['mode'] ?? '');
        if ($mode === 'shadow') {
            $detail .= ' ' . __('The site is in shadow mode: your team sends each answer.', 'deskhand');
        }
        return new Check('documents', $label, Check::GOOD, $detail);
    }
}
